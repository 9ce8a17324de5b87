"""The quarantine: rows that broke a rule.

They are kept with the rule, and replayed once the source or the suite is corrected.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from leeway.core.errors import LeewayError
from leeway.core.logs import logger
from leeway.definition import Classifier, catalog
from leeway.definition.partitions import Partition
from leeway.ingest import label_source, publication
from leeway.ingest.audit import audit
from leeway.store.database import database
from leeway.store.schemas import ensure_tables

log = logger(__name__)


@dataclass(frozen=True)
class Quarantined:
    """One row in quarantine.

    Attributes:
        occurrences: how often the delivery had it.
        broken: the rules that it broke.
        shown: the row, with sensitive values hidden.
    """

    partition: str
    occurrences: int
    broken: list[str]
    shown: dict[str, Any]
    quarantined_at: datetime


def rows(classifier: Classifier) -> list[Quarantined]:
    """Return all rows in quarantine, newest partition first."""
    with database().transaction() as connection:
        table = ensure_tables(connection, classifier).quarantine
        query = sa.select(table).order_by(table.c.partition.desc(), table.c.row_hash)
        return [
            Quarantined(row.partition, row.occurrences, row.broken, _masked(classifier, row.row), row.quarantined_at)
            for row in connection.execute(query)
        ]


def replay(classifier: Classifier) -> dict[str, str]:
    """Audit and publish every partition with quarantined rows again.

    The stored deliveries are used.

    Returns:
        The result of each partition, in words.
    """
    with database().transaction() as connection:
        table = ensure_tables(connection, classifier).quarantine
        found = connection.execute(
            sa.select(table.c.partition, table.c.delivery).distinct().order_by(table.c.partition)
        ).all()
    suite = catalog.audit_fingerprint(classifier.name)
    outcome = {}
    for key, delivery in found:
        if label_source.is_of_labels(key):
            done = label_source.replay(classifier, delivery)
            outcome[key] = f"{done.labels} new labels, {done.quarantined} still in quarantine"
            continue
        partition = Partition.parse(key, classifier.partition)
        try:
            with database().lock(f"partition {classifier.name} {key}", f"replaying {classifier.name} {key}"):
                audit(classifier, partition, delivery)
                published = publication.publish(classifier, partition, delivery, suite)
            outcome[key] = f"{published.new} new events, {published.quarantined} still in quarantine"
        except LeewayError as error:
            log.warning("%s %s cannot be replayed: %s", classifier.name, key, error)
            outcome[key] = str(error)
    return outcome


def _masked(classifier: Classifier, row: dict[str, Any]) -> dict[str, Any]:
    hidden = {name for name, column in classifier.columns.items() if column.sensitive}
    return {name: "•••" if name in hidden else value for name, value in row.items()}
