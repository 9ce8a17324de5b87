"""Which classifiers there are: those that are declared, and those that only their past is left of."""

from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from leeway.core.errors import LeewayError, NotFound
from leeway.core.settings import settings
from leeway.definition import Classifier, catalog
from leeway.store.database import database
from leeway.store.tables import partition as ledger


@dataclass(frozen=True)
class RosterEntry:
    """A classifier as far as it is known.

    Attributes:
        definition: None where there is none that loads; `why` says why.
    """

    name: str
    definition: Classifier | None
    why: str = ""


def everyone() -> list[RosterEntry]:
    """All classifiers by name: declared ones first."""
    catalog.load.cache_clear()  # a definition may have changed since
    declared = catalog.names()
    query = sa.select(ledger.c.classifier).distinct()
    with database().transaction() as connection:
        stored = set(connection.scalars(query))
    return [_known(name) for name in [*declared, *sorted(stored - set(declared))]]


def known(name: str) -> RosterEntry:
    """One of them.

    Raises:
        NotFound: it is neither declared nor stored.
    """
    found = next((item for item in everyone() if item.name == name), None)
    if found is None:
        raise NotFound(
            "finding a classifier",
            problem="it must be declared in models/, or have a past",
            found=name,
            hint="choose another one; its address is from another time or another place",
        )
    return found


def present() -> datetime:
    """The time that pages take for the present."""
    return settings().pages_at or datetime.now(UTC)


def _known(name: str) -> RosterEntry:
    try:
        return RosterEntry(name, catalog.load(name))
    except NotFound:
        return RosterEntry(name, None, "its definition is no longer in models/: only its past is shown")
    except LeewayError as error:
        return RosterEntry(name, None, str(error))
