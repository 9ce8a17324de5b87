"""One event: its score, and the reasons for it."""

from dataclasses import dataclass

import sqlalchemy as sa

from leeway.core.errors import NotFound
from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.model import explanation
from leeway.model.explanation import Explained
from leeway.monitoring import record_outcomes
from leeway.scoring import batch_scoring
from leeway.store.database import database
from leeway.store.schemas import ensure_tables


@dataclass(frozen=True)
class EventDetail:
    """An event that was scored.

    Attributes:
        version: which has scored it last.
        decision: the classes that it was called; empty where none.
        why: of what it was called; of the likeliest class, too, where that is another one.
        likeliest: of classes that exclude each other, where another one was called.
    """

    event_id: str
    partition: str
    version: int
    decision: list[str]
    why: list[Explained]
    likeliest: str | None = None


def explain(classifier: Classifier, event_id: str) -> EventDetail:
    """Why an event was decided on as it was, by the version that has scored it last.

    Raises:
        NotFound: it has not been scored, or what it was scored on is no longer kept.
        BundleError: the version's bundle is not what was promoted.
    """
    with database().transaction() as connection:
        prediction = ensure_tables(connection, classifier).prediction
        query = sa.select(prediction.c.partition, prediction.c.version).where(prediction.c.event_id == event_id)
        found = connection.execute(query.order_by(prediction.c.version.desc())).first()
    if found is None:
        raise NotFound(
            f"explaining the score of event {event_id} of {classifier.name}",
            problem="it must have been scored",
            found="no prediction",
            hint="score its partition first, or look for the right id",
        )
    rows = batch_scoring.read(classifier.name, Partition.parse(found.partition, classifier.partition), found.version)
    bundle = record_outcomes.bundle_of(classifier.name, found.version)
    own = rows[rows["event_id"] == event_id].iloc[:1].reset_index(drop=True)
    p = bundle.score(own)
    called = [name for name, so in zip(bundle.outputs.names, bundle.decide(p)[0], strict=True) if so]
    first = bundle.outputs.names[int(p[0].argmax())]
    likeliest = first if bundle.outputs.exclusive and first not in called else None
    about = [*called, *([first] if likeliest or not called else [])]
    why = [explanation.explain(classifier, bundle, own, [name], around=rows)[0] for name in about]
    return EventDetail(event_id, found.partition, found.version, called, why, likeliest)
