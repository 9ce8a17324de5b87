"""Parallel work, in local processes or on a Dask cluster.

A reference is a small value: names, hashes, positions. A worker reads the data it stands for from the store and the data
folder, and writes its result there, so no rows cross between processes. Parts are cut by the data, never by the number of
workers. A part whose worker died is done again and replaces what the first had left. So the result is the same wherever, and
however often, a part was done.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context, parent_process
from typing import Any, TypeVar

from leeway.core.errors import ClusterError
from leeway.core.logs import logger
from leeway.core.settings import settings

log = logger(__name__)

R = TypeVar("R")
T = TypeVar("T")

LIVES = 3  # workers that may die over the same part, before the part counts as the cause
CONNECT_SECONDS = 30.0
NO_WORKER_SECONDS = 120.0  # a scheduler of Kubernetes needs a while to bring the next one up
LOOK_SECONDS = 5.0
SAME_EVERYWHERE = ("leeway", "numpy", "pandas", "pyarrow", "scikit-learn")

_inside: ContextVar[bool] = ContextVar("inside", default=False)


def is_spread(rows: int) -> bool:
    """Say whether work on so many rows is worth spreading.

    If not, one process does all of it, without the detour over files. Work within a worker is never spread again.
    """
    chosen = settings()
    return not _inside.get() and rows >= chosen.spread_rows and bool(chosen.dask_address or chosen.workers > 1)


def each(function: Callable[[R], T], references: Sequence[R]) -> list[T]:
    """Apply a function to each reference, in parallel.

    The results have the order of the references. The work is done on the cluster if one is set, else in processes here.

    Args:
        function: a module's function, which a worker can import. To call it twice must have the effect of one call.

    Raises:
        ClusterError: the cluster cannot be reached, or workers die over a part.
        LeewayError: what the function raised, with its type.
    """
    if not references:
        return []
    part = partial(_part, function, _versions())
    if settings().dask_address:
        return _on_cluster(part, references, settings().dask_address)
    return _in_processes(part, references, settings().workers)


@contextmanager
def inside() -> Iterator[None]:
    """Mark this block as a worker, which spreads nothing."""
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


@contextmanager
def one_order_of_sums() -> Iterator[None]:
    """Run linear algebra in one thread.

    In several, the last digits of a sum would depend on the number of cores.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Run this thread's OpenMP code in one thread."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="openmp"):
        yield


def threads() -> int:
    """Return how many threads may compute at once.

    It is the number of cores, or a worker's share of them.
    """
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(os.environ.get("OMP_NUM_THREADS", there))


def _part(function: Callable[[R], T], versions: dict[str, str], reference: R) -> T:
    if (here := _versions()) != versions:
        raise ClusterError(
            "working on a part",
            problem="a worker has other versions of packages",
            found=", ".join(
                f"{name} {here[name]}, not {versions[name]}" for name in here if here[name] != versions[name]
            ),
            hint="start the workers from the same image",
        )
    with inside():
        return function(reference)


def _versions() -> dict[str, str]:
    return {name: version(name) for name in SAME_EVERYWHERE}


def _in_processes(part: Callable[[R], T], references: Sequence[R], workers: int) -> list[T]:
    workers = min(workers, len(references))
    done: dict[int, T] = {}
    for _ in range(LIVES):
        left = [place for place in range(len(references)) if place not in done]
        # Spawned, not forked: this process has threads, and a fork would have their locks as they were.
        with ProcessPoolExecutor(workers, get_context("spawn"), begin, (workers,)) as pool:
            futures = {place: pool.submit(part, references[place]) for place in left}
            try:
                done |= {place: future.result() for place, future in futures.items()}
            except BrokenProcessPool as error:
                log.warning("a worker process died, the parts without a result are done again: %s", error)
                ended = {place: future for place, future in futures.items() if future.done()}
                done |= {place: future.result() for place, future in ended.items() if future.exception() is None}
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
        if len(done) == len(references):
            return [done[place] for place in range(len(references))]
    raise _deadly(f"{len(references) - len(done)} of {len(references)} parts left after {LIVES} tries")


def begin(workers: int) -> None:
    """Set up a worker process.

    It takes its share of the cores, before any library reads that, and ends when its parent does.
    """
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // workers))
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # It would wait for work for ever: each worker holds the pipe open that its work comes by.
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def connect(address: str) -> Any:
    """Return a client of the scheduler at this address.

    Raises:
        ClusterError: the scheduler cannot be reached.
    """
    from distributed import Client

    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="leeway")
    except (OSError, ValueError) as error:
        raise _unreachable(address, f"{type(error).__name__}: {error}") from error


def _on_cluster(part: Callable[[R], T], references: Sequence[R], address: str) -> list[T]:
    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError

    client = connect(address)
    try:
        # pure=False: the same reference may stand for other rows tomorrow.
        futures = client.map(part, references, pure=False)
        with client.as_current():
            _wait(client, futures, address)
        return list(client.gather(futures))
    except KilledWorker as error:
        raise _deadly(" ".join(str(error).split())) from error
    except CommClosedError as error:
        raise _unreachable(address, f"{type(error).__name__}: {error}") from error
    finally:
        client.close()  # and with it whatever is still to be done


def _wait(client: Any, futures: list[Any], address: str) -> None:
    """Wait until all have ended or one has failed.

    It gives up when there has been no worker for `NO_WORKER_SECONDS`.
    """
    from distributed import wait

    last_seen = time.monotonic()
    while not all(future.done() for future in futures) and not any(future.status == "error" for future in futures):
        if client.nthreads():
            last_seen = time.monotonic()
        if time.monotonic() - last_seen > NO_WORKER_SECONDS:
            raise _unreachable(address, "a scheduler without workers")
        with suppress(TimeoutError):  # then look around
            wait(futures, timeout=LOOK_SECONDS)
    if any(future.status in ("cancelled", "lost") for future in futures):
        raise _unreachable(address, "a scheduler that was restarted meanwhile")


def _deadly(found: str) -> ClusterError:
    return ClusterError(
        "working on parts",
        problem="worker processes died",
        found=found,
        hint="give each worker more memory, or start fewer (LEEWAY_WORKERS); what was done is kept, so run this again",
    )


def _unreachable(address: str, found: str) -> ClusterError:
    return ClusterError(
        f"working on the cluster {address}",
        problem="the scheduler is out of reach, or has no workers",
        found=found,
        hint="start both, correct LEEWAY_DASK_ADDRESS, or leave it empty to work on this machine; then run this again",
    )
