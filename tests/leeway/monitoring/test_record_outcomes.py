from datetime import UTC, datetime

import numpy as np
import pytest
import sqlalchemy as sa

from leeway.definition import Costs, catalog
from leeway.monitoring import outcomes, record_outcomes
from leeway.monitoring.outcomes import ConfusionCounts, Outcome, interval
from leeway.monitoring.performance import realised
from leeway.scoring import batch_scoring
from leeway.store.database import database
from leeway.store.tables import tables_of
from tests.conftest import making
from tests.leeway.conftest import World

pytestmark = pytest.mark.xdist_group("record_outcomes")


@pytest.fixture(scope="module")
def counted(server, tmp_path_factory):
    """Three nights scored by the first champion, two by a second one, and all of them counted."""
    with pytest.MonkeyPatch.context() as patch, making(server, tmp_path_factory.mktemp("counted"), patch) as project:
        world = World(project, catalog.load(project.declare())).one_trial()
        world.redeclare("    drift=", "    review=Review(share=0.2),\n    drift=").fill(count=26)
        world.crown()
        for number in range(20, 23):
            batch_scoring.score(world.classifier, world.day(number))
        world.crown(as_of=23)
        for number in range(23, 25):
            batch_scoring.score(world.classifier, world.day(number))
        done = record_outcomes.record_outcomes(world.classifier, world.day(26))
        assert done == [world.day(number).key for number in range(20, 25)]
        yield world


def test_counts_are_those_of_the_decisions_and_their_labels(counted):
    for found in outcomes.of(counted.name):
        day = next(counted.day(number) for number in range(20, 25) if counted.day(number).key == found.partition)
        right = realised(counted.classifier, day, found.version, as_of=datetime.now(UTC))
        assert (found.labelled, found.all.positives, found.all.predicted_positive, found.all.true_positives) == (
            right.labelled,
            right.positives,
            right.predicted_positive,
            right.true_positives,
        )
        assert sum(rows for rows, _, _ in found.all.bins) == found.labelled
        assert found.decided == 40


def test_what_is_sent_to_a_person_is_counted_with_what_its_labels_overruled(counted):
    together = outcomes.total(outcomes.of(counted.name))
    prediction = tables_of(counted.classifier).prediction
    with database().transaction() as connection:
        sent = connection.scalar(sa.select(sa.func.count()).where(prediction.c.review))
    assert 0 < together.sent == together.answered == sent < 0.6 * together.decided
    assert 0 < together.overruled < together.answered


def test_the_champion_before_is_held_against_the_same_events(counted):
    own = {item.partition: item for item in outcomes.of(counted.name)}
    before = outcomes.of(counted.name, role="before")
    assert [item.partition for item in before] == [counted.day(23).key, counted.day(24).key]
    assert {item.version for item in before} == {1}
    for item in before:
        assert item.version != own[item.partition].version
        assert (item.labelled, item.all.positives) == (own[item.partition].labelled, own[item.partition].all.positives)


def test_the_worst_rows_are_wrong_ones_and_hide_what_is_sensitive(counted):
    worst = [row for item in outcomes.of(counted.name, detailed=True) for row in item.worst]
    assert worst
    assert all(row.label != row.decision for row in worst)
    shown = {reason["column"]: reason for row in worst for reason in row.reasons}
    assert shown.keys() & {"amount", "kind"}
    assert all("secret" not in str(row) for row in worst)


def test_slices_are_by_categories_that_may_be_shown_and_add_up(counted):
    for item in outcomes.of(counted.name, detailed=True):
        assert set(item.slices) == {"kind"}
        assert sum(counts.rows for counts in item.slices["kind"].values()) == item.labelled


def test_a_night_whose_labels_are_not_mature_waits(counted):
    batch_scoring.score(counted.classifier, counted.day(25))
    assert record_outcomes.record_outcomes(counted.classifier, counted.day(25)) == []
    assert outcomes.newest(counted.name) == counted.day(24).key


def test_what_is_counted_is_counted_once_and_again_when_another_version_has_scored_it(counted):
    assert record_outcomes.record_outcomes(counted.classifier, counted.day(25)) == []
    batch_scoring.score(counted.classifier, counted.day(22))
    assert record_outcomes.record_outcomes(counted.classifier, counted.day(25)) == [counted.day(22).key]
    assert {item.partition: item.version for item in outcomes.of(counted.name)}[counted.day(22).key] == 2


def test_outcomes_add_up():
    one = ConfusionCounts.of(np.array([True, False]), np.array([0.9, 0.2]), np.array([True, True]), binned=True)
    two = ConfusionCounts.of(np.array([True]), np.array([0.05]), np.array([False]), binned=True)
    both = one + two
    assert (both.rows, both.positives, both.predicted_positive, both.true_positives) == (3, 2, 2, 1)
    assert both.precision == both.recall == 0.5
    assert both.calibration_error == pytest.approx((0.1 + 0.2 + 0.95) / 3)
    outcome = Outcome("2026-03-01", 1, 3, 3, 0.0, {"1": both})
    costs = Costs(false_positive=1, false_negative=10)
    assert (outcome.cost(costs), outcomes.nothing_flagged(outcome, costs)) == (11, 20)


def test_an_interval_holds_its_share_and_narrows_with_rows():
    assert interval(0, 0) is None
    low, high = interval(5, 10)
    assert low < 0.5 < high
    assert interval(500, 1000)[1] - interval(500, 1000)[0] < high - low
    assert interval(0, 10)[0] == 0.0
