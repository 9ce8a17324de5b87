"""One event's score and its reasons."""

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
    """A scored event.

    Attributes:
        version: the version that scored it last.
        decision: the classes that it was flagged as; empty where there is none.
        why: the explanation of each of them, and of the likeliest class where that is another one.
        likeliest: the likeliest class, where classes exclude each other and it was flagged as another one.
    """

    event_id: str
    partition: str
    version: int
    decision: list[str]
    why: list[Explained]
    likeliest: str | None = None


def explain(classifier: Classifier, event_id: str) -> EventDetail:
    """Explain the last score of an event.

    Raises:
        NotFound: the event was not scored, or its scored rows are no longer kept.
        BundleError: the version's bundle is not what was promoted.
    """
    with database().transaction() as connection:
        prediction = ensure_tables(connection, classifier).prediction
        query = sa.select(prediction.c.partition, prediction.c.version).where(prediction.c.event_id == event_id)
        found = connection.execute(query.order_by(prediction.c.version.desc())).first()
    if found is None:
        raise NotFound(
            f"explaining the score of event {event_id} of {classifier.name}",
            problem="it was never scored",
            found="no prediction",
            hint=f"check the id, or run `leeway score {classifier.name} --partition D` for its partition",
        )
    rows = batch_scoring.read(classifier.name, Partition.parse(found.partition, classifier.partition), found.version)
    bundle = record_outcomes.bundle_of(classifier.name, found.version)
    own = rows[rows["event_id"] == event_id].iloc[:1].reset_index(drop=True)
    p = bundle.score(own)
    flagged = [name for name, so in zip(bundle.outputs.names, bundle.decide(p)[0], strict=True) if so]
    first = bundle.outputs.names[int(p[0].argmax())]
    likeliest = first if bundle.outputs.exclusive and first not in flagged else None
    about = [*flagged, *([first] if likeliest or not flagged else [])]
    why = [explanation.explain(classifier, bundle, own, [name], around=rows)[0] for name in about]
    return EventDetail(event_id, found.partition, found.version, flagged, why, likeliest)
