"""How far long work has come, for whoever watches it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Progress = Callable[[int, int, str], None]

_progress: ContextVar[Progress] = ContextVar("progress", default=lambda done, total, text: None)


@contextmanager
def reporting(progress: Progress) -> Iterator[None]:
    """Report the progress of work within this block.

    `progress` gets the steps that are done, their total, and the next step.
    """
    token = _progress.set(progress)
    try:
        yield
    finally:
        _progress.reset(token)


def tell(done: int, total: int, text: str) -> None:
    """Say how far the work has come."""
    _progress.get()(done, total, text)
