"""The classifiers: the declared ones and the removed ones."""

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
    """A classifier, with its definition where one loads.

    Attributes:
        definition: None where none loads; `why` says why.
    """

    name: str
    definition: Classifier | None
    why: str = ""


def everyone() -> list[RosterEntry]:
    """Return all classifiers by name, declared ones first."""
    catalog.load.cache_clear()  # a definition may have changed since
    declared = catalog.names()
    query = sa.select(ledger.c.classifier).distinct()
    with database().transaction() as connection:
        stored = set(connection.scalars(query))
    return [_known(name) for name in [*declared, *sorted(stored - set(declared))]]


def known(name: str) -> RosterEntry:
    """Return one classifier.

    Raises:
        NotFound: the classifier is neither declared nor stored.
    """
    found = next((item for item in everyone() if item.name == name), None)
    if found is None:
        raise NotFound(
            "finding a classifier",
            problem="it is not declared in models/, and nothing is stored of it",
            found=name,
            hint="choose another one; this address may be out of date",
        )
    return found


def present() -> datetime:
    """Return the time that pages take for now."""
    return settings().pages_at or datetime.now(UTC)


def _known(name: str) -> RosterEntry:
    try:
        return RosterEntry(name, catalog.load(name))
    except NotFound:
        return RosterEntry(name, None, "its definition is no longer in models/: only its history is shown")
    except LeewayError as error:
        return RosterEntry(name, None, str(error))
