"""Backfill work that other processes do.

Work that needs no other partition is done there. The rest is done here, in order.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from prefect.client.orchestration import get_client
from prefect.futures import PrefectFuture
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner

from leeway.core import parallel
from leeway.core.errors import ClusterError
from leeway.core.settings import settings
from leeway.definition import catalog
from leeway.definition.partitions import Partition
from leeway.store.ledger import Stage
from tasks.work_on_partitions import PartitionResult, Work, work_on_partitions

APART: dict[Stage, Work] = {"ingest": "prepare", "score": "score"}  # monitoring reads the nights before

PART = 32  # partitions, at most, that a worker takes at a time: each time costs a third of a second, here and at the server
WORTH = 12  # partitions for each process; with fewer, its start takes longer than it saves
MOST = 4  # processes by default: the libraries take 0.4 GB in each


class Pool(ExitStack):
    """Processes for several stages in turn: to start them takes seconds.

    They are started when a stage first needs them, and anew where they died, or where another number is wanted.
    """

    def __init__(self) -> None:
        super().__init__()
        self._runner: TaskRunner[Any] | None = None
        self._processes = 0

    def of(self, processes: int) -> TaskRunner[Any]:
        """Return the runner of so many processes."""
        if self._runner is None or self._processes != processes:
            self.end()
            self._runner, self._processes = self.enter_context(_runner(processes)), processes
        return self._runner

    def spoil(self) -> None:
        """Have the next stage begin anew; this one goes on with those that are left."""
        self._runner = None

    def end(self) -> None:
        """End the processes."""
        self.spoil()
        self.close()


@dataclass(frozen=True)
class Begun:
    """A partition that a worker has, with others.

    Attributes:
        place: its index among them.
    """

    part: PrefectFuture[list[PartitionResult]]
    place: int
    pool: Pool


Ahead = Mapping[Partition, Begun]


def worthwhile(partitions: int) -> int:
    """Return how many processes are worth starting."""
    return max(1, min(settings().workers, MOST, partitions // WORTH))


@contextmanager
def ahead(
    classifier: str, stage: Stage, partitions: Sequence[Partition], concurrency: int, pool: Pool
) -> Iterator[Ahead]:
    """Let other processes begin with a stage.

    Yields nothing where there are no others, or where it would not save time.
    """
    if stage not in APART:
        pool.end()  # no later stage needs them
    if stage not in APART or len(partitions) < 2 or not (settings().dask_address or concurrency > 1):
        yield {}
        return
    common = {"classifier": classifier, "definition": catalog.fingerprint(classifier), "work": APART[stage]}
    size = max(1, min(PART, len(partitions) // (4 * concurrency)))
    parts = [list(partitions[first : first + size]) for first in range(0, len(partitions), size)]
    runner = pool.of(min(concurrency, len(parts)))
    with _one_server():
        begun = [runner.submit(work_on_partitions, {**common, "partitions": part}) for part in parts]
    yield {
        partition: Begun(future, place, pool)
        for future, part in zip(begun, parts, strict=True)
        for place, partition in enumerate(part)
    }


def together(partitions: Sequence[Partition], begun: Ahead) -> Iterator[list[Partition]]:
    """Group partitions by worker.

    A partition that no worker has comes in a list of its own.
    """
    for _, part in groupby(partitions, lambda partition: begun[partition].part if partition in begun else partition):
        yield list(part)


def outcome(begun: Begun) -> str:
    """Return a worker's result for a partition.

    Raises:
        ClusterError: its worker died repeatedly.
        LeewayError: the error that the worker raised.
    """
    try:
        found = begun.part.result()[begun.place]
    except _deaths() as error:
        begun.pool.spoil()
        raise ClusterError(
            "working on a partition in another process",
            problem="its worker process died",
            found=" ".join(f"{type(error).__name__}: {error}".split()),
            hint="give each worker more memory, or start fewer (--concurrency), then run this again: finished work is kept",
        ) from error
    if found.error is not None:
        raise found.error
    return found.done


@contextmanager
def _one_server() -> Iterator[None]:
    """Submit tasks to this process's server.

    Otherwise each worker would start a private server of its own.
    """
    with get_client(sync_client=True) as client, temporary_settings({PREFECT_API_URL: str(client.api_url)}):
        yield


def _runner(processes: int) -> TaskRunner[Any]:
    address = settings().dask_address
    if not address:
        return ProcessPoolTaskRunner(max_workers=processes, initializer=parallel.begin, initargs=(processes,))
    from prefect_dask.task_runners import DaskTaskRunner

    parallel.connect(address).close()  # a clear error where it cannot be reached
    return DaskTaskRunner(address=address)


def _deaths() -> tuple[type[Exception], ...]:
    if not settings().dask_address:
        return (BrokenProcessPool,)
    from distributed import KilledWorker

    return (KilledWorker,)
