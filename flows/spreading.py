"""Partitions of a backfill by other processes: what each needs no other for is done there, the rest here, in its order."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from prefect.futures import PrefectFuture
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner

from leeway import catalog, parallel
from leeway.errors import ClusterError
from leeway.partitions import Partition
from leeway.settings import settings
from leeway.store.ledger import Stage
from tasks.apart import Work, apart

APART: dict[Stage, Work] = {"ingest": "prepare", "score": "score"}  # what is monitored looks at the nights before

Ahead = Mapping[Partition, PrefectFuture[str]]


@contextmanager
def ahead(classifier: str, stage: Stage, partitions: Sequence[Partition], concurrency: int) -> Iterator[Ahead]:
    """Have others begin with a stage of these partitions; nothing where there are none, or there is nothing to gain."""
    if stage not in APART or len(partitions) < 2 or not (settings().dask_address or concurrency > 1):
        yield {}
        return
    definition = catalog.fingerprint(classifier)
    with _runner(min(concurrency, len(partitions))) as runner:
        common = {"classifier": classifier, "definition": definition, "work": APART[stage]}
        yield {partition: runner.submit(apart, {**common, "partition": partition}) for partition in partitions}


def outcome(future: PrefectFuture[str]) -> str:
    """What came of a partition elsewhere.

    Raises:
        ClusterError: whoever worked on it died, again and again.
        LeewayError: what was raised there.
    """
    try:
        return str(future.result())
    except _deaths() as error:
        raise ClusterError(
            "working on a partition apart",
            rule="its worker must live",
            found=" ".join(f"{type(error).__name__}: {error}".split()),
            way_out="give each worker more memory, or start fewer (--concurrency); then run this again: what is done stays",
        ) from error


def _runner(processes: int) -> TaskRunner[Any]:
    address = settings().dask_address
    if not address:
        return ProcessPoolTaskRunner(max_workers=processes, initializer=parallel.begin, initargs=(processes,))
    from prefect_dask.task_runners import DaskTaskRunner

    parallel.connect(address).close()  # refused in words where it cannot be reached
    return DaskTaskRunner(address=address)


def _deaths() -> tuple[type[Exception], ...]:
    if not settings().dask_address:
        return (BrokenProcessPool,)
    from distributed import KilledWorker

    return (KilledWorker,)
