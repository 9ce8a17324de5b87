"""The alerts of the last month, sent or not, as a page shows them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from leeway.alerts import finding
from leeway.store.database import database
from leeway.store.tables import alert as table
from leeway.views import roster

SHOWN = timedelta(days=30)


@dataclass(frozen=True)
class AlertStatus:
    """A happening, with what has become of it: waiting, sent or suppressed, and why; `new` where nobody has noted it yet."""

    kind: str
    what: str
    since: datetime
    how_bad: str
    runbook: str
    state: str
    why: str


def recent_alerts(name: str) -> list[AlertStatus]:
    """List what happened to a classifier in the last month, newest first, and whether anybody was told."""
    now = roster.present()
    known = roster.known(name)
    found = finding.of(known.definition, now, SHOWN) if known.definition else []
    query = sa.select(table.c.key, table.c.state, table.c.why).where(table.c.key.in_([item.key for item in found]))
    with database().transaction() as connection:
        noted = {row.key: row for row in connection.execute(query)}
    return [
        AlertStatus(
            item.kind.name,
            item.what,
            item.since,
            item.how_bad,
            item.page,
            noted[item.key].state if item.key in noted else "not told",
            noted[item.key].why if item.key in noted else "",
        )
        for item in sorted(found, key=lambda item: item.since, reverse=True)
    ]
