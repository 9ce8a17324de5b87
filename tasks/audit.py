"""Audit a delivery."""

from datetime import timedelta

from prefect import task

import leeway.ingest.audit
from leeway.core.errors import DeliveryRejected
from leeway.definition import catalog
from leeway.definition.partitions import Partition
from leeway.ingest import publication
from tasks.retries import policy


@task(task_run_name="audit {partition}", **policy(limit=timedelta(hours=1)))
def audit(classifier: str, partition: Partition, delivery: str, suite: str) -> None:
    """Audit a delivery with the suite.

    A rejection is written into the ledger before it is raised.
    """
    definition = catalog.load(classifier)
    try:
        leeway.ingest.audit.audit(definition, partition, delivery)
    except DeliveryRejected as error:
        publication.reject(definition, partition, delivery, suite, error)
        raise
