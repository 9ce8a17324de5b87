from datetime import UTC, datetime

import pytest

from leeway.core.errors import TrainingError
from leeway.dataset import snapshots
from leeway.definition import CSV, Classifier, Label, Training, days, numeric, weeks
from leeway.definition.grains import DAY, WEEK
from leeway.definition.partitions import Partition
from leeway.evaluation import evaluate
from leeway.evaluation.gates import better_than_champion
from leeway.model import bundle
from leeway.model.window import TrainingWindow, ripe, windows
from leeway.training import fit

SINCE = datetime(2026, 3, 2, tzinfo=UTC)


def declared(**options):
    given = {"event_time": "at", "label": Label(column="bad", delay=days(7)), "training": Training(), **options}
    return Classifier(source=CSV(path="x"), event_id="id", columns={"amount": numeric()}, **given)


def test_a_known_change_has_two_challengers_that_are_tested_on_the_same_week():
    recent, since = windows(declared(), SINCE)
    assert (recent.since, since.since) == (None, SINCE)
    assert recent.holdout == since.holdout == days(7)
    assert windows(declared(), None) == (None,)
    by_arrival = declared(event_time=None, label=Label(column="bad", time="known"))
    assert windows(by_arrival, SINCE) == (None,)


@pytest.mark.parametrize(
    ("options", "due"),
    [
        ({}, days(7 + 7 + 7)),
        ({"training": Training(holdout=days(4))}, days(4 + 4 + 7)),
        ({"training": Training(holdout=0.3)}, days(7 + 7 + 7)),
        ({"partition": WEEK}, weeks(4 + 4 + 1)),
        ({"partition": WEEK, "training": Training(holdout=weeks(4))}, weeks(4 + 4 + 1)),
    ],
)
def test_a_change_is_ripe_when_there_is_as_much_to_learn_from_as_to_be_tested_on(options, due):
    assert ripe(declared(**options), SINCE) == SINCE + due


def test_a_challenger_of_what_came_since_a_change_learns_from_nothing_else_and_is_judged_on_its_holdout(quick):
    quick.fill(first=20, count=12, rows=80, drift=-5.0)
    as_of = quick.day(32).start
    taken = snapshots.take(quick.classifier, as_of).hash
    window = TrainingWindow(quick.day(21).start, days(5))
    key = fit.fit(quick.classifier, taken, as_of, window=window)
    assert fit.fit(quick.classifier, taken, as_of) != key
    made = bundle.load(fit.folder_of("toy", key))
    assert made.card.window == window
    assert made.card.rows == 5 * 80
    assert (made.card.trained_until[:10], made.card.holdout_from[:10]) == (quick.day(25).key, quick.day(26).key)
    # The reference has its past from before the window, else the monitor would have nothing to act by.
    assert {quick.day(number).key for number in (0, 20, 26, 30)} <= set(made.reference.partitions)
    assert not made.reference.alarm.is_short
    (better,) = evaluate.judge(quick.classifier, key, [better_than_champion.gate])
    assert (better.outcome, better.numbers["partitions"], better.numbers["rows"]) == ("pass", 5, 5 * 80)


def test_a_window_in_which_there_is_nothing_to_learn_is_a_clear_error(quick):
    as_of = quick.day(20).start
    taken = snapshots.take(quick.classifier, as_of).hash
    with pytest.raises(TrainingError, match="both classes are missing before the holdout"):
        fit.fit(
            quick.classifier,
            taken,
            as_of,
            window=TrainingWindow(Partition.parse(quick.day(15).key, DAY).start, days(5)),
        )
