"""`python -m leeway`: the command line."""

from leeway.cli import main

main()
