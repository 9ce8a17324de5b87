from datetime import timedelta

import pytest
import sqlalchemy as sa

from leeway.monitoring.performance import RealisedPerformance, realised
from leeway.store.database import database
from leeway.store.schemas import ensure_tables


def write(world, day, rows, version=1):
    """Rows of (decision, labels), a label being (positive, days after the partition at which it became known)."""
    with database().transaction() as connection:
        tables = ensure_tables(connection, world.classifier)
        for number, (decision, labels) in enumerate(rows):
            event = {"event_id": f"{day.key}-{number}"}
            prediction = {**event, "version": version, "partition": day.key, "score": 0.5, "decision": decision}
            connection.execute(sa.insert(tables.prediction).values(prediction))
            for positive, later in labels:
                known = {"known_at": day.end + timedelta(days=later), "positive": positive, "delivery": "d"}
                connection.execute(sa.insert(tables.label).values(**event, **known))


def test_decisions_are_held_against_the_labels_known_then(world):
    day = world.day(3)
    write(
        world,
        day,
        [
            (True, [(True, 0.5)]),
            (True, [(False, 0.5)]),
            (False, [(True, 0.5)]),
            (False, [(False, 0.5), (True, 3)]),  # corrected
            (True, [(True, 3)]),
            (True, []),
        ],
    )
    write(world, world.day(4), [(True, [(True, 0.5)])])
    mature = day.end + timedelta(days=1)
    assert realised(world.classifier, day, 1, as_of=mature - timedelta(seconds=1)) is None
    first = realised(world.classifier, day, 1, as_of=mature)
    assert first == RealisedPerformance(labelled=4, positives=2, predicted_positive=2, true_positives=1)
    assert (first.recall, first.precision) == (0.5, 0.5)
    later = realised(world.classifier, day, 1, as_of=day.end + timedelta(days=3))
    assert later == RealisedPerformance(labelled=5, positives=4, predicted_positive=3, true_positives=2)
    assert later.precision == pytest.approx(2 / 3)


def test_a_version_that_decided_nothing_has_no_recall_and_no_precision(world):
    day = world.day(3)
    write(world, day, [(True, [(True, 0.5)])])
    found = realised(world.classifier, day, 2, as_of=day.end + timedelta(days=9))
    assert found == RealisedPerformance(0, 0, 0, 0)
    assert (found.recall, found.precision) == (None, None)
