"""What a flow knows of its own run, and says of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import httpx
from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from leeway.core.logs import logger
from leeway.definition import catalog
from leeway.definition.partitions import Partition
from leeway.store import ledger
from leeway.store.database import database
from leeway.store.ledger import Stage

log = logger(__name__)


def parse_partition(classifier: str, partition: str) -> Partition:
    """Return the partition that a parameter names."""
    return Partition.parse(partition, catalog.load(classifier).partition)


def is_deployed() -> bool:
    """Return whether the platform started this run.

    If not, a person waits for it.
    """
    return runtime.deployment.id is not None


def is_watched() -> bool:
    """Return whether people can see this run.

    Nobody sees the pages of a private server.
    """
    return bool(PREFECT_API_URL.value())


def tag(classifier: str, stage: str) -> None:
    """Tag this run with its classifier and stage.

    Prefect's pages filter by tags. Where tagging fails, the run goes on.
    """
    run = runtime.flow_run.id
    if not is_watched() or run is None:
        return
    try:
        with get_client(sync_client=True) as client:
            client.update_flow_run(UUID(run), tags=sorted({*runtime.flow_run.tags, classifier, stage}))
    except (httpx.TransportError, PrefectHTTPStatusError) as error:
        log.debug("the run %s is not tagged: %s", run, error)


@contextmanager
def timed(classifier: str, partition: Partition, stage: Stage) -> Iterator[None]:
    """Record a stage's duration in the ledger."""
    begun = time.monotonic()
    yield
    with database().transaction() as connection:
        ledger.took(connection, classifier, partition, stage, time.monotonic() - begun)
