"""The acceptance of a data fault by a person."""

from datetime import UTC, datetime

import sqlalchemy as sa

from leeway.core.errors import NotFound
from leeway.definition.partitions import Partition
from leeway.store import ledger
from leeway.store.database import database
from leeway.store.tables import monitoring


def accept(name: str, partition: Partition, reason: str, actor: str) -> str:
    """Accept a partition that has a data fault.

    Training learns from it from now on, and later partitions are compared with it too.

    Returns:
        The new verdict in words.

    Raises:
        NotFound: the partition was not monitored, or has no data fault.
    """
    row = (monitoring.c.classifier == name) & (monitoring.c.partition == partition.key)
    with database().transaction() as connection:
        query = sa.select(monitoring.c.verdict, monitoring.c.why, monitoring.c.evidence).where(row).with_for_update()
        found = connection.execute(query).one_or_none()
        if found is None or found.verdict != "data fault":
            raise NotFound(
                f"accepting {name} {partition}",
                problem="the partition was not monitored" if found is None else "the partition has no data fault",
                found=None if found is None else f"its verdict is {found.verdict}",
                hint=f"see the verdicts in `leeway status {name}`",
            )
        why = f"accepted by {actor}: {reason}; it looked like a fault: {found.why}"
        accepted = {"by": actor, "reason": reason, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        changed = {"verdict": "drift", "why": why}
        evidence = {**found.evidence, "accepted": accepted}
        connection.execute(sa.update(monitoring).where(row).values(**changed, evidence=evidence))
        done = ledger.entry(connection, name, partition, "monitor")
        if done is not None:
            ledger.record(connection, name, partition, "monitor", input=done.input, output=done.output | changed)
    return why
