"""The log of holds on retraining.

It is append-only, like the log of promotions.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leeway.store.tables import hold as table


@dataclass(frozen=True)
class Hold:
    """A hold or a release, with actor and reason.

    Attributes:
        held: whether the classifier is held from then on.
    """

    held: bool
    reason: str
    actor: str
    created_at: datetime

    def __str__(self) -> str:
        return f"held by {self.actor} since {self.created_at:%Y-%m-%d %H:%M}: {self.reason}"


def current(connection: Connection, name: str) -> Hold | None:
    """Return a classifier's current hold.

    None where there is none.
    """
    last = next(iter(history(connection, name)), None)
    return last if last is not None and last.held else None


def history(connection: Connection, name: str) -> list[Hold]:
    """List a classifier's holds and releases, newest first."""
    columns = (table.c[column] for column in ("held", "reason", "actor", "created_at"))
    query = sa.select(*columns).where(table.c.classifier == name).order_by(table.c.id.desc())
    return [Hold(**row._mapping) for row in connection.execute(query)]


def write(connection: Connection, name: str, held: bool, reason: str, actor: str) -> None:
    """Hold a classifier, or release it."""
    connection.execute(sa.insert(table).values(classifier=name, held=held, reason=reason, actor=actor))
