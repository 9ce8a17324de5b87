"""Function calls in a process with a time limit."""

from collections.abc import Callable
from multiprocessing import current_process, get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from leeway.core import parallel

T = TypeVar("T")

BEGIN_SECONDS = 300.0  # for a process to begin, on a busy machine
BEGUN = "begun"


class Ended(Exception):
    """The call returned nothing.

    It timed out, died or raised; the message says which.
    """


def within(seconds: float, function: Callable[..., T], *arguments: Any) -> T:
    """Call a function in a process with a limit.

    Args:
        seconds: the limit from when the process has begun, because it first imports what the function needs.
        function: a module's function; it and its arguments must be picklable.

    Raises:
        Ended: it did not return in time, or not at all.
    """
    if current_process().daemon:  # a Dask worker cannot start a process, so the function runs without a limit
        return function(*arguments)
    # Spawned, not forked: this process has threads, and a fork would have their locks as they were.
    context = get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_call, args=(sending, function, arguments), daemon=True)
    process.start()
    sending.close()
    try:
        if not receiving.poll(BEGIN_SECONDS):
            raise Ended(f"its process did not start within {BEGIN_SECONDS:.0f} seconds")
        receiving.recv()
        if not receiving.poll(seconds):
            raise Ended(f"it did not finish within {seconds:.0f} seconds, its share of the budget")
        raised, found = receiving.recv()
    except EOFError:
        process.join()
        raise Ended(f"its process died, with exit code {process.exitcode}") from None
    finally:
        process.kill()
        process.join()
        receiving.close()
    if raised:
        raise Ended(raised)
    return found  # type: ignore[no-any-return]


def _call(sending: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    parallel.begin(1)
    sending.send(BEGUN)
    try:
        sent: tuple[str, Any] = ("", function(*arguments))
    except Exception as error:  # a person's own class may raise anything
        sent = (described(error), None)
    sending.send(sent)


def described(error: Exception) -> str:
    """Describe an error in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
