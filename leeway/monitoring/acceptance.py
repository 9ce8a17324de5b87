"""Accept what looked like a fault of the data: a person knows that this is how the data is from now on."""

from datetime import UTC, datetime

import sqlalchemy as sa

from leeway.core.errors import NotFound
from leeway.definition.partitions import Partition
from leeway.store import ledger
from leeway.store.database import database
from leeway.store.tables import monitoring


def accept(name: str, partition: Partition, reason: str, actor: str) -> str:
    """Take a data fault back: the partition is learnt from, and later ones are held against it, too.

    Returns:
        The new verdict in words.

    Raises:
        NotFound: the partition has not been monitored, or no fault was found in it.
    """
    row = (monitoring.c.classifier == name) & (monitoring.c.partition == partition.key)
    with database().transaction() as connection:
        query = sa.select(monitoring.c.verdict, monitoring.c.why, monitoring.c.evidence).where(row).with_for_update()
        found = connection.execute(query).one_or_none()
        if found is None or found.verdict != "data fault":
            raise NotFound(
                f"accepting {name} {partition}",
                problem="a data fault must have been found in the partition",
                found="it has not been monitored" if found is None else f"its verdict is {found.verdict}",
                hint=f"see `leeway status {name}`",
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
