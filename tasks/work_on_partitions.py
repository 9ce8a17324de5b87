"""Stage work on partitions, by a worker process.

Only work that needs no other partition is done here. The worker has no flow around it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from prefect import task

import leeway.ingest.audit
from leeway.core import parallel
from leeway.core.errors import DeliveryRejected, LeewayError, StoreError
from leeway.core.logs import logger
from leeway.definition import Classifier, catalog
from leeway.definition.partitions import Partition
from leeway.ingest import publication, sources
from leeway.store import ledger
from leeway.store.database import database
from tasks.retries import policy

log = logger(__name__)

Work = Literal["prepare", "score"]
WORKER_LOCK_TIMEOUT = timedelta(minutes=10)  # the server may still work on a killed worker's query


@dataclass(frozen=True)
class PartitionResult:
    """A worker's result for one partition.

    `done` is the delivery's hash or the version that scored; `error` says why it failed.
    """

    done: str = ""
    error: LeewayError | None = None


@task(task_run_name="{work} from {partitions[0]} on", **policy(limit=timedelta(hours=3)))
def work_on_partitions(
    classifier: str, definition: str, partitions: Sequence[Partition], work: Work
) -> list[PartitionResult]:
    """Prepare the deliveries of partitions, or score them.

    A prepared delivery is extracted and audited.

    Args:
        definition: the fingerprint of the definition to use.

    Raises:
        StoreError: the database or the disk failed. A rejected delivery is a result, not an error.
    """
    declared = catalog.load_as(classifier, definition)
    with parallel.inside():
        return [_outcome(declared, partition, work) for partition in partitions]


def _outcome(classifier: Classifier, partition: Partition, work: Work) -> PartitionResult:
    action = f"working on {classifier.name} {partition}"
    try:
        with database().lock(ledger.lock_of(classifier.name, partition), action, wait=WORKER_LOCK_TIMEOUT):
            return PartitionResult(WORK[work](classifier, partition))
    except StoreError:
        raise  # a retry may succeed, and finished partitions are skipped then
    except LeewayError as error:
        log.warning("%s failed: %s", action, error)
        return PartitionResult(error=error)


def _prepare(classifier: Classifier, partition: Partition) -> str:
    delivery, suite = sources.deliver(classifier, partition, take=False), catalog.audit_fingerprint(classifier.name)
    if publication.published(classifier, partition, delivery, suite) is None:
        try:
            audited = leeway.ingest.audit.audit(classifier, partition, delivery)
            publication.stage(classifier, partition, audited)
        except DeliveryRejected as error:
            publication.reject(classifier, partition, delivery, suite, error)
            raise
    return delivery


def _score(classifier: Classifier, partition: Partition) -> str:
    # It imports the training libraries, which takes seconds; preparing does not need them.
    from leeway.scoring import batch_scoring

    return str(batch_scoring.score(classifier, partition).version)


WORK: dict[Work, Callable[[Classifier, Partition], str]] = {"prepare": _prepare, "score": _score}
