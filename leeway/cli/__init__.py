"""The command line: the outermost layer, the same verbs as the flows. Heavy imports wait until a command runs."""

from leeway.cli.app import main

__all__ = ["main"]
