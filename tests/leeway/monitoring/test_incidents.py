import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from leeway.definition import CSV, Classifier, Label, days, numeric
from leeway.definition.grains import DAY
from leeway.definition.partitions import Partition
from leeway.detection import build_reference
from leeway.detection.sketch import Sketch, with_scores
from leeway.lifecycle import retraining
from leeway.monitoring.incidents import many_classifiers, many_columns
from leeway.store.database import database
from leeway.store.tables import monitoring

NAMES = [f"c{number}" for number in range(6)]
CLASSIFIER = Classifier(
    source=CSV(path="x"),
    event_id="id",
    event_time="at",
    label=Label(column="bad", delay=days(2)),
    columns={name: numeric() for name in NAMES},
)
START, ROWS, NIGHTS = pd.Timestamp("2026-01-05", tz="UTC"), 300, 40


def scores(x):
    return 1 / (1 + np.exp(-x[["c0"]].to_numpy()))


def drawn(rng, number, *, jump=(), trend=0.0, rows=ROWS):
    """A night whose columns have a season, drift all together, and of which some have jumped."""
    season = 0.3 * np.sin(2 * np.pi * number / 7)
    x = pd.DataFrame(rng.normal(season + trend * number, 1, (rows, len(NAMES))), columns=NAMES)
    for name in jump:
        x[name] += 1.0
    return x


@pytest.fixture(scope="module")
def known():
    rng = np.random.default_rng(0)
    x = pd.concat([drawn(rng, number) for number in range(NIGHTS)], ignore_index=True)
    at = pd.Series(START + pd.to_timedelta(np.repeat(np.arange(NIGHTS), ROWS), unit="D"))
    past = pd.DataFrame({"event_time": at, "positive": rng.random(len(x)) < scores(x)[:, 0], "known_at": at})
    return build_reference.build(CLASSIFIER, past, x, scores(x), at.iloc[-1] + pd.Timedelta(days=9), scores)


def lived(known, *changes):
    """Nights after the reference, each with its own change."""
    rng, first = np.random.default_rng(1), Partition(START.to_pydatetime(), DAY).shift(NIGHTS)
    found = {}
    for place, change in enumerate(changes):
        x = drawn(rng, NIGHTS + place, **change)
        found[first.shift(place)] = Sketch.of(known.binnings, with_scores(x, scores(x), CLASSIFIER.label.outputs))
    return found


def test_most_columns_that_jump_in_one_night_are_told_also_some_nights_later(known):
    jump = {"jump": NAMES[1:5]}
    for after in (0, 1, 4):
        found = many_columns(known, lived(known, {}, {}, {}, {}, jump, *[jump] * after))
        assert found == "4 of 6 columns moved at once on 2026-02-18"


@pytest.mark.parametrize(
    "changes",
    [
        [{}] * 12,
        [{}] * 5 + [{"jump": NAMES[:3]}] * 3,  # half of them, but few
        [{"trend": 0.03}] * 20,  # all of them, slowly
        [{}] * 5 + [{"rows": 12}],  # chance moves them far
        [{}] * 5 + [{"rows": 0}],
        [{"jump": NAMES}] * 3,  # nothing to hold it against
        [{}],
    ],
)
def test_what_is_ordinary_slow_or_of_few_columns_is_no_incident(known, changes):
    assert many_columns(known, lived(known, *changes)) is None


def found_by(connection, name, verdict, partition):
    connection.execute(
        sa.insert(monitoring).values(
            classifier=name,
            partition=partition.key,
            version=1,
            verdict=verdict,
            why="",
            rows=1,
            evidence={},
            report="",
        )
    )


def test_most_classifiers_that_find_something_at_one_time_are_an_incident(world):
    night = world.day(3)
    with database().transaction() as connection:
        found_by(connection, "one", "breach", night)
        found_by(connection, "two", "alert", night.shift(1))
        assert many_classifiers(connection, "toy", night) is None
        found_by(connection, "three", "data fault", night)
        assert many_classifiers(connection, "toy", night) == f"one, three raised an alarm on {night} too"
        for name in ("four", "five", "six", "seven"):
            found_by(connection, name, "quiet", night)
        assert many_classifiers(connection, "toy", night) is None


def test_an_incident_waits_for_a_person(world):
    with database().transaction() as connection:
        state = retraining.file(
            connection, world.classifier, "toy:1", world.day(1).start, "harm", incident="9 columns moved at once"
        )
    assert state == "held"
    request = retraining.get("toy:1")
    assert request.history[0]["why"] == "an incident, and a retrain seldom cures one: 9 columns moved at once"
    assert retraining.settle("toy:1", True, "ann").state == "requested"
