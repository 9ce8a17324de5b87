"""Command output: text and tables, or JSON.

With `--json` a command prints one JSON document.
"""

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

from leeway.core.errors import StoreError

LINE_EVERY = 10.0  # seconds

debug = False
as_json = False


def prepare() -> None:
    """Have standard output and standard error take every text, also where they are closed or of an old encoding."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - as long as the process
        elif isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Write what standard output still holds. That nobody reads it any more is no error.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter complains at its end
        if not isinstance(error, BrokenPipeError):
            raise _unwritten(error) from error


def emit(result: Any, say: Callable[[], None]) -> None:
    """Print a result as text or as JSON.

    `say` prints the text.

    Raises:
        StoreError: standard output cannot be written.
    """
    try:
        if as_json:
            _print_json(_plain(result))
        else:
            say()
    except BrokenPipeError:
        raise  # Typer ends without a word
    except OSError as error:
        raise _unwritten(error) from error


def _unwritten(error: OSError) -> StoreError:
    hint = "what the command did is kept; write its output elsewhere"
    return StoreError("writing the output", problem="it cannot be written", found=error.strerror, hint=hint)


def error(text: str) -> None:
    """Print an error on standard error.

    With `--json`, print it as JSON on standard output too.
    """
    if as_json:
        with suppress(OSError):  # it may be the error that is told
            _print_json({"error": text})
    print(f"leeway: {text}", file=sys.stderr)


def _print_json(document: Any) -> None:
    takes_all = str(sys.stdout.encoding).lower().startswith("utf")
    print(json.dumps(document, default=_json, ensure_ascii=not takes_all))


def note(text: str) -> None:
    """Print a note on standard error."""
    print(text, file=sys.stderr)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table.

    Without rows, print its title and `none`.
    """
    if not rows:
        print(f"{title}: none")
        return
    from rich.console import Console
    from rich.table import Table

    grid = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*("" if cell is None else str(cell) for cell in row))
    # Without a terminal the width is unknown, and a wide table is better than a cut one.
    Console(width=None if sys.stdout.isatty() else 160).print(grid)


def duration(seconds: float) -> str:
    """Return a duration as text, such as `5 min`."""
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


@contextmanager
def progress(description: str) -> Iterator[Callable[[int, int, str], None]]:
    """Show a progress bar on standard error.

    Yields `update(done, total, text)`. Where no terminal is attached, it writes a line from time to time.
    """
    if not sys.stderr.isatty():
        yield _lines(description)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total, text: bar.update(task, completed=done, total=total, description=text)


def _lines(description: str) -> Callable[[int, int, str], None]:
    """Return an update that writes a line every `LINE_EVERY` seconds, and none where the work is short."""
    last = time.monotonic()

    def update(done: int, total: int, text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_EVERY:
            last = time.monotonic()
            note(f"{description}: {done} of {total} done; {text}")

    return update


def _plain(result: Any) -> Any:
    if is_dataclass(result) and not isinstance(result, type):
        return asdict(result)
    if isinstance(result, Mapping):
        return {key: _plain(value) for key, value in result.items()}
    if isinstance(result, list | tuple):
        return [_plain(item) for item in result]
    return result


def _json(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
