"""Planned silence: while a source is mended or a classifier moved, what happens to it is noted, and nobody is told."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from leeway.core.errors import NotFound
from leeway.store.database import database
from leeway.store.tables import mute as table

LONGEST = timedelta(days=30)


@dataclass(frozen=True)
class Mute:
    """A silence.

    Attributes:
        classifier: None where it is of all.
    """

    classifier: str | None
    until: datetime
    reason: str
    actor: str

    def __str__(self) -> str:
        return f"muted by {self.actor} until {self.until:%Y-%m-%d %H:%M} UTC: {self.reason}"


def mute(classifier: str | None, now: datetime, length: timedelta, *, reason: str, actor: str) -> Mute:
    """Begin a silence.

    Raises:
        NotFound: it is too long, or none at all.
    """
    if not timedelta(0) < length <= LONGEST:
        raise NotFound(
            "muting",
            problem="the silence has no length" if length <= timedelta(0) else "a silence of that length is forgotten",
            found=length,
            hint=f"give one of up to {LONGEST.days} days, such as 2h or 3d",
        )
    values = {"classifier": classifier, "from_at": now, "until_at": now + length, "reason": reason, "actor": actor}
    with database().transaction() as connection:
        connection.execute(sa.insert(table).values(values))
    return Mute(classifier, now + length, reason, actor)


def unmute(classifier: str | None, now: datetime) -> int:
    """End the silences of a classifier, or those of all; returns how many."""
    own = table.c.classifier.is_(None) if classifier is None else table.c.classifier == classifier
    ended = sa.update(table).where(own, table.c.until_at > now).values(until_at=now)
    with database().transaction() as connection:
        return int(connection.execute(ended).rowcount)


def of(classifier: str | None, now: datetime) -> Mute | None:
    """The silence that a classifier, or what is of none, is under at a moment; None where it is under none."""
    return next((one for one in at(now) if one.classifier in (None, classifier)), None)


def at(now: datetime) -> list[Mute]:
    """The silences of a moment."""
    query = sa.select(table.c.classifier, table.c.until_at, table.c.reason, table.c.actor).where(
        table.c.from_at <= now, table.c.until_at > now
    )
    with database().transaction() as connection:
        return [Mute(*row) for row in connection.execute(query)]
