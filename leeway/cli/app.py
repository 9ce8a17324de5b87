"""The application and its exit codes.

0: success. 1: the work failed or was refused. 2: wrong usage.
"""

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from leeway.cli import alerts, inspect, new, online, output, platform, server, stages, versions
from leeway.core.errors import LeewayError

app = typer.Typer(
    name="leeway",
    help="Runs tabular classifiers in production: quiet when drift is harmless, acting when it is not.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

GLOBAL = ("--debug", "--verbose")
MODULES = (new, stages, versions, inspect, online, alerts, platform, server)

for command in (command for module in MODULES for command in module.COMMANDS):
    # only `list` needs another name in Python
    app.command(name=command.__name__.removesuffix("_classifiers"))(command)


@app.callback()
def options(
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
    verbose: bool = typer.Option(False, "--verbose", help="Write a log to standard error, as LEEWAY_LOG=debug does."),
) -> None:
    """Set the options of all commands."""
    output.debug = debug
    if verbose:
        from leeway.core import logs

        os.environ["LEEWAY_LOG"] = "debug"  # the processes that this one starts read it, too
        logs.enable("debug")


def main() -> None:
    """Run the command line.

    An error is one line, without a traceback unless `--debug` is given.
    """
    try:
        app(_global_first(sys.argv[1:]), prog_name="leeway")
    except LeewayError as error:
        _fail(str(error), error)
    except KeyboardInterrupt:
        _fail("interrupted; finished work is kept, run the command again to go on", None)
    except Exception as error:  # the person sees one line, whatever broke
        text = " ".join(str(error).split())
        _fail(f"unexpected {type(error).__name__}: {text}; run `leeway --debug …` for the traceback", error)


def _global_first(arguments: Sequence[str]) -> list[str]:
    """Move the global options to the front, so that they may follow the command."""
    end = list(arguments).index("--") if "--" in arguments else len(arguments)
    found = [argument for argument in arguments[:end] if argument in GLOBAL]
    return [*found, *(argument for argument in arguments[:end] if argument not in GLOBAL), *arguments[end:]]


def _fail(text: str, error: Exception | None) -> None:
    if output.debug and error is not None:
        traceback.print_exception(error)
    output.error(text)
    sys.exit(1)
