"""The application and its exit codes.

0: success. 1: the work failed or was refused. 2: wrong usage. 130: interrupted by Ctrl-C.
"""

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from leeway.cli import alerts, inspect, new, online, output, platform, server, stages, versions
from leeway.core.errors import LeewayError, StoreError

app = typer.Typer(
    name="leeway",
    help="Runs tabular classifiers in production: quiet when drift is harmless, acting when it is not.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

GLOBAL = ("--debug", "--verbose")
INTERRUPTED = 130  # as shells have it
KEPT = "interrupted; finished work is kept, run the command again to go on"
MODULES = (new, stages, versions, inspect, online, alerts, platform, server)

for command in (command for module in MODULES for command in module.COMMANDS):
    # only `list` needs another name in Python
    app.command(name=command.__name__.removesuffix("_classifiers").replace("_", "-"))(command)


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
    output.prepare()
    code = _run()
    try:
        output.flush()
    except StoreError as error:
        code = code or _fail(str(error), error)
    sys.exit(code)


def _run() -> int | str | None:
    try:
        app(_global_first(sys.argv[1:]), prog_name="leeway")
    except SystemExit as end:
        if end.code == INTERRUPTED:  # which Typer does without a word
            output.error(KEPT)
        return end.code
    except LeewayError as error:
        return _fail(str(error), error)
    except KeyboardInterrupt:
        output.error(KEPT)
        return INTERRUPTED
    except Exception as error:  # the person sees one line, whatever broke
        if _is_interruption(error):
            output.error(KEPT)
            return INTERRUPTED
        text = " ".join(str(error).split())
        return _fail(f"unexpected {type(error).__name__}: {text}; run `leeway --debug …` for the traceback", error)
    return 0


def _is_interruption(error: BaseException | None) -> bool:
    """Whether a library has wrapped Ctrl-C into an error of its own."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _global_first(arguments: Sequence[str]) -> list[str]:
    """Move the global options to the front, so that they may follow the command."""
    end = list(arguments).index("--") if "--" in arguments else len(arguments)
    found = [argument for argument in arguments[:end] if argument in GLOBAL]
    return [*found, *(argument for argument in arguments[:end] if argument not in GLOBAL), *arguments[end:]]


def _fail(text: str, error: Exception) -> int:
    if output.debug:
        traceback.print_exception(error)
    output.error(text)
    return 1
