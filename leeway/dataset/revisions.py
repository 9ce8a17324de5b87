"""What changes in events that are delivered again.

A column that is filled in later was not known when the event happened. A training set has the later value, a score the earlier.
"""

import sqlalchemy as sa

from leeway.definition import Classifier
from leeway.store.database import database
from leeway.store.tables import tables_of

LEAST_EVENTS, LEAST_SHARE = 20, 0.05  # of the events that were delivered again
MOST_EVENTS = 20_000


def filled_later(classifier: Classifier) -> dict[str, str]:
    """Say of each feature's column why it seems to be filled in later.

    Columns that stay as they were first delivered are left out. An event is known again by its id: where a row's content is
    its id, nothing is found.
    """
    features = classifier.features
    names = [name for name, column in classifier.columns.items() if name in features or name in classifier.timestamps]
    names = [name for name in names if classifier.columns[name].known_at_event is None]
    if classifier.event_id is None or not names:
        return {}
    event = tables_of(classifier).event
    again = sa.select(event.c.event_id).where(event.c.superseded_at.is_not(None)).distinct().limit(MOST_EVENTS)
    versions = sa.select(event).where(event.c.event_id.in_(again)).subquery()
    first = _one_of(versions, names, "first", latest=False)
    last = _one_of(versions, names, "last", latest=True)
    changed = [
        sa.func.count().filter(first.c[name].is_distinct_from(last.c[name]), last.c[name].is_not(None)).label(name)
        for name in names
    ]
    query = sa.select(sa.func.count(), *changed).select_from(first.join(last, first.c.event_id == last.c.event_id))
    with database().transaction() as connection:
        events, *counts = connection.execute(query).one()
    return {
        name: f"changed in {count:,} of {events:,} events after they were first delivered"
        for name, count in zip(names, counts, strict=True)
        if count >= LEAST_EVENTS and count > LEAST_SHARE * events
    }


def _one_of(versions: sa.Subquery, names: list[str], called: str, *, latest: bool) -> sa.Subquery:
    known = versions.c.known_at.desc() if latest else versions.c.known_at
    columns = [versions.c.event_id, *(versions.c[name] for name in names)]
    return sa.select(*columns).distinct(versions.c.event_id).order_by(versions.c.event_id, known).subquery(called)
