"""The command line.

It is the outermost layer, and its verbs are those of the flows. Heavy imports wait until a command runs.
"""

from leeway.cli.app import main

__all__ = ["main"]
