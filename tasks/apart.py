"""Do what a stage of a partition needs no other partition for, by a worker that has no flow around it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from prefect import task

import leeway.audit
from leeway import catalog, parallel, publishing, scoring, sources
from leeway.definition import Classifier
from leeway.errors import DeliveryRejected
from leeway.partitions import Partition
from leeway.store import ledger
from leeway.store.database import database
from tasks.policy import policy

Work = Literal["prepare", "score"]
PATIENCE = timedelta(minutes=10)  # the server may be busy for a while with what a killed worker had asked for


@task(task_run_name="{work} {partition} apart", **policy(limit=timedelta(hours=3)))
def apart(classifier: str, definition: str, partition: Partition, work: Work) -> str:
    """Prepare a partition's delivery, extracted and audited, or score it.

    Args:
        definition: the fingerprint of the definition that is meant.

    Returns:
        The delivery's hash, or the version that scored.
    """
    declared = catalog.load_as(classifier, definition)
    doing = f"working on {classifier} {partition}"
    with parallel.inside(), database().lock(ledger.lock_of(classifier, partition), doing, wait=PATIENCE):
        return WORK[work](declared, partition)


def _prepare(classifier: Classifier, partition: Partition) -> str:
    delivery, suite = sources.deliver(classifier, partition, take=False), catalog.audit_fingerprint(classifier.name)
    if publishing.published(classifier, partition, delivery, suite) is None:
        try:
            leeway.audit.audit(classifier, partition, delivery)
        except DeliveryRejected as error:
            publishing.reject(classifier, partition, delivery, suite, error)
            raise
    return delivery


def _score(classifier: Classifier, partition: Partition) -> str:
    return str(scoring.score(classifier, partition).version)


WORK: dict[Work, Callable[[Classifier, Partition], str]] = {"prepare": _prepare, "score": _score}
