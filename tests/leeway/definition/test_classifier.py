import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from leeway.core.outputs import Outputs
from leeway.definition import (
    CSV,
    Boosting,
    Capacity,
    Classifier,
    Column,
    DriftPolicy,
    Estimator,
    Gates,
    History,
    Label,
    Logistic,
    MaximizeF1,
    MinimizeCost,
    MostProbable,
    Parquet,
    PrecisionFloor,
    Query,
    Review,
    Schedule,
    Training,
    boolean,
    categorical,
    days,
    hours,
    identifier,
    numeric,
    text,
    timestamp,
    weeks,
)

LABEL = Label(column="bad", delay=days(1))


def classifier(**changes):
    given = {
        "source": CSV(path="data/*.csv"),
        "event_id": "id",
        "event_time": "at",
        "label": LABEL,
        "columns": {"amount": numeric(), "card": identifier(), "kind": categorical()},
    }
    return Classifier(**{**given, **changes})


def test_a_definition_is_frozen_takes_keywords_only_and_refuses_unknown_names():
    with pytest.raises(ValidationError, match="frozen"):
        classifier().event_id = "other"
    with pytest.raises(TypeError, match="positional"):
        CSV("data.csv")
    with pytest.raises(ValidationError, match="Extra inputs"):
        classifier(colums={})


def test_what_the_classifier_sees_is_derived_in_a_fixed_order():
    declared = classifier(
        columns={
            "card": identifier(),
            "email": categorical(sensitive=True),
            "income": numeric(sensitive=True, feature=True),
            "amount": numeric(),
            "seen": boolean(feature=False),
        },
        calendar=("hour",),
        history=(History(by="card", window=hours(36), aggregate="mean", over="amount"),),
        label=Label(column="bad", time="bad_at"),
    )
    assert declared.features == {
        "income": "numeric",
        "amount": "numeric",
        "event_hour": "numeric",
        "card_mean_amount_36h": "numeric",
    }
    assert declared.source_columns == ["id", "at", *declared.columns, "bad", "bad_at"]


def test_dates_become_parts_of_the_calendar_and_days_between_any_two_and_say_what_they_are_made_of():
    declared = classifier(
        columns={
            "born": timestamp(sensitive=True, feature=True),
            "due": timestamp(),
            "seen": timestamp(feature=False),
            "note": text(),
        },
        history=(History(by="note", window=days(1)),),
    )
    parts = [f"{name}_{part}" for name in ("born", "due") for part in ("hour", "weekday", "day", "month")]
    spans = ["days_from_event_to_born", "days_from_event_to_due", "days_from_born_to_due"]
    assert list(declared.features) == ["note", *parts, *spans, "note_count_1d"]
    assert declared.features["note"] == "text"
    assert declared.origins("days_from_born_to_due") == {"born", "due"}
    assert declared.origins("days_from_event_to_born") == declared.origins("born_month") == {"born"}
    assert declared.origins("note") == {"note"}


def test_the_holdout_is_two_weeks_unless_it_is_given():
    assert classifier().holdout == days(14)
    assert classifier(training=Training(holdout=0.3)).holdout == 0.3


def test_maturity_and_label_age_follow_the_delay_unless_they_are_given():
    assert classifier().label_age == LABEL.maturity == days(1)
    assert classifier(drift=DriftPolicy(label_age=days(3))).label_age == days(3)
    assert Label(column="bad", delay=days(1), maturity=weeks(1)).maturity == weeks(1)


def test_whole_numbers_as_classes_stay_numbers():
    label = Label(column="bad", delay=days(1), positive=1.0, negative=0)
    assert (label.positive, label.negative) == (1, 0)
    assert type(label.positive) is int


def several(**changes):
    return Label(**{"column": "bad", "delay": days(1), **changes})


def test_the_kind_of_a_label_and_its_outputs_follow_from_what_is_given():
    assert LABEL.outputs == Outputs("binary", ("true",))
    assert several(classes=("a", 2.0)).outputs == Outputs("multiclass", ("a", "2"))
    assert several(classes=("a", "b"), separator=";").outputs == Outputs("multilabel", ("a", "b"))
    by_column = Label(columns=("a", "b"), delay=days(1))
    assert by_column.outputs == Outputs("multilabel", ("a", "b"))
    assert classifier(label=by_column).source_columns == ["id", "at", "amount", "card", "kind", "a", "b"]


def test_the_default_objective_follows_the_label():
    assert (
        classifier().objective == classifier(label=several(classes=("a", "b"), separator=";")).objective == MaximizeF1()
    )
    assert classifier(label=several(classes=("a", "b"))).objective == MostProbable()
    assert classifier(label=several(classes=("a", "b")), objective=MaximizeF1()).objective == MaximizeF1()


IMPOSSIBLE = {
    "no column": (lambda: Label(delay=days(1)), "label has no column"),
    "column and columns": (lambda: Label(column="a", columns=("b", "c"), delay=days(1)), "both column and columns"),
    "one class of many": (lambda: several(classes=("a",)), "1 classes; give 2 to 100, or positive and negative"),
    "too many classes": (lambda: several(classes=tuple(range(101))), "101 classes; give 2 to 100"),
    "a class twice": (lambda: several(classes=(1, "1", "a")), r"named twice.*\['1'\]"),
    "binary and classes": (lambda: several(classes=("a", "b"), positive="a"), "positive are of a binary label"),
    "binary and columns": (lambda: Label(columns=("a", "b"), negative=0, delay=days(1)), "negative are of a binary"),
    "classes and columns": (lambda: Label(columns=("a", "b"), classes=("c", "d"), delay=days(1)), "name the classes"),
    "nothing to separate": (lambda: several(separator=";"), "without classes"),
    "a class to separate": (lambda: several(classes=("a;b", "c"), separator=";"), r"part of the classes \['a;b'\]"),
    "a class without a name": (lambda: several(classes=("", "c")), "a class has no name"),
    "a label's column": (
        lambda: classifier(label=Label(columns=("amount", "b"), delay=days(1))),
        r"drop \['amount'\] from columns",
    ),
    "costs of classes that exclude each other": (
        lambda: classifier(label=several(classes=("a", "b")), objective=MinimizeCost()),
        "objective 'cost' sets a threshold for each class by itself.*use MostProbable or MaximizeF1",
    ),
    "a class that is not there": (
        lambda: classifier(label=several(classes=("a", "b")), objective=MinimizeCost(missed={"c": 2.0})),
        r"the costs name \['c'\], which are no classes",
    ),
    "an error between classes that are not there": (
        lambda: classifier(label=several(classes=("a", "b")), objective=MinimizeCost(matrix={"a": {"c": 2.0}})),
        r"the costs name \['c'\], which are no classes",
    ),
    "an error between classes that costs nothing": (
        lambda: classifier(label=several(classes=("a", "b")), objective=MinimizeCost(matrix={"a": {"b": 0.0}})),
        r"where 'a' holds, \['b'\] would cost no more than being right, 0; an error must cost more",
    ),
    "being right that costs more than an error": (
        lambda: classifier(
            label=several(classes=("a", "b", "c")), objective=MinimizeCost(matrix={"a": {"a": 2.0, "b": 3.0}})
        ),
        "where 'a' holds, being right costs 2, no less than an error that is not named; name all",
    ),
    "costs of one class and of several": (
        lambda: MinimizeCost(matrix={"a": {"b": 2.0}}, false_positive=3),
        "false_positive are of a binary label, missed and matrix of several classes; drop one",
    ),
    "costs in two ways": (
        lambda: MinimizeCost(missed={"a": 2.0}, matrix={"a": {"b": 2.0}}),
        "missed and matrix say the same in two ways",
    ),
    "classes of a binary label": (
        lambda: classifier(objective=MinimizeCost(missed={"true": 2.0})),
        "missed and matrix are of the classes of a multiclass label",
    ),
    "an error that costs less than being right": (lambda: MinimizeCost(true_positive=3.0), "an error must cost more"),
    "so many a day, of no day": (
        lambda: classifier(event_time=None, label=Label(column="bad", delay=days(1)), objective=Capacity(per_day=5)),
        "events have no time, so nobody knows how many",
    ),
    "a review of many classes": (
        lambda: classifier(label=several(classes=("a", "b")), review=Review(share=0.1)),
        "review is a band around the one threshold",
    ),
    "a class by no path": (lambda: Estimator(path="Slow"), "path"),
    "a count of positives that are none": (
        lambda: classifier(
            label=several(classes=("a", "b")), history=(History(by="card", window=days(1), aggregate="positives"),)
        ),
        "counts positive labels, which only a binary label has; use another aggregate",
    ),
    "a column named as a score": (
        lambda: classifier(label=several(classes=("a", "b")), columns={"score_a": numeric()}),
        r"named as the scores of the classes, \['score_a'\]",
    ),
    "twice": (lambda: classifier(event_time="id"), "must be different columns"),
    "both": (lambda: classifier(columns={"amount": numeric(), "bad": numeric()}), r"drop \['bad'\] from columns"),
    "own word": (lambda: classifier(columns={"delivery": numeric()}), "Leeway's own"),
    "the label's place": (lambda: classifier(columns={"positive": numeric()}), "Leeway's own"),
    "the label time's place": (lambda: classifier(columns={"label_known_at": numeric()}), "Leeway's own"),
    "the database's own": (lambda: classifier(columns={"ctid": numeric()}), "Leeway's own"),
    "calendar's name": (
        lambda: classifier(columns={"event_hour": numeric()}, calendar=("hour",)),
        "calendar's parts",
    ),
    "long": (lambda: classifier(columns={"ü" * 32: numeric()}), "1 to 63 bytes"),
    "no feature": (lambda: classifier(columns={"card": identifier()}), "no feature to learn from"),
    "no candidate": (lambda: classifier(candidates=()), "candidates must not be empty"),
    "no C": (lambda: Logistic(C=()), "at least 1 item"),
    "negative C": (lambda: Logistic(C=(-1.0,)), "greater than 0"),
    "no rate": (lambda: Boosting(learning_rate=()), "at least 1 item"),
    "undeclared entity": (lambda: classifier(history=(History(by="crad", window=days(1)),)), "not in columns"),
    "mean of text": (
        lambda: classifier(history=(History(by="card", window=days(1), aggregate="mean", over="kind"),)),
        "not numeric; use count",
    ),
    "the same feature twice": (
        lambda: classifier(history=(History(by="card", window=days(1)), History(by="card", window=hours(24)))),
        "declared twice",
    ),
    "mean of nothing": (lambda: History(by="card", window=days(1), aggregate="mean"), "no over=COLUMN"),
    "count of something": (lambda: History(by="card", window=days(1), over="amount"), "has over='amount'"),
    "no window": (lambda: History(by="card", window=days(0)), "greater than 0"),
    "identifier as feature": (lambda: Column(kind="identifier", feature=True), "identifier is declared as a feature"),
    "label known by nobody": (lambda: Label(column="bad"), "no time .* and no delay"),
    "one class": (lambda: Label(column="bad", delay=days(1), positive="1", negative=1), "are the same, '1'"),
    "holdout": (lambda: Training(window=days(7), holdout=days(7)), "shorter than window"),
    "no floor": (lambda: Gates(floors={}), "at least one metric"),
    "floor beyond reach": (lambda: Gates(floors={"roc_auc": 60}), "no model can meet.*roc_auc=60"),
    "a number as a duration": (lambda: Training(holdout=14), "holdout"),
    "most as holdout": (lambda: Training(holdout=0.8), "less than or equal to 0.5"),
    "a group nobody declared": (lambda: classifier(training=Training(group="crad")), "'crad' is not in columns"),
    "a number as group": (lambda: classifier(training=Training(group="amount")), "must name an entity, not a numeric"),
    "identifier as slice": (lambda: Column(kind="identifier", slice=True), "identifier is declared as a slice"),
    "unit of a text": (lambda: Column(kind="text", unit="€"), "text column .* are for numbers"),
    "one separator for both": (lambda: numeric(thousands=",", decimal=","), "are the same, ','"),
    "a number as unit": (lambda: numeric(unit="5"), "pattern"),
    "a span's name": (
        lambda: classifier(columns={"days_from_event_to_due": numeric(), "due": timestamp()}),
        "calendar's parts or spans",
    ),
    "a second event": (lambda: classifier(columns={"event": timestamp()}, calendar=("hour",)), "named 'event' beside"),
    "confirm": (lambda: DriftPolicy(confirm=3, among=2), "can never happen"),
    "precision": (lambda: PrecisionFloor(precision=1), "less than 1"),
    "cron": (lambda: Schedule(cron="at night"), "not a cron line"),
    "schedule's zone": (lambda: Schedule(timezone="Berlin"), "timezone 'Berlin' is unknown"),
    "source's zone": (lambda: Parquet(path="x", timezone="Europe/Berln"), "timezone 'Europe/Berln' is unknown"),
    "encoding": (lambda: CSV(path="x", encoding="utf-9"), "encoding 'utf-9' is unknown"),
    "delimiter": (lambda: CSV(path="x", delimiter=""), "at least 1 character"),
    "unbounded query": (
        lambda: classifier(source=Query(url="x", sql="SELECT 1 WHERE at >= :start")),
        "bound the partition by :start and :end",
    ),
    "a schema that is taken": (lambda: classifier(name="staging"), "taken in the database"),
    "a schema of the database": (lambda: classifier(name="pg_fraud"), "taken in the database"),
    "quarantine": (lambda: classifier(quarantine_limit=20), "less than or equal to 1"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_an_impossible_combination_is_refused_with_its_reason(case):
    make, reason = IMPOSSIBLE[case]
    with pytest.raises(ValidationError, match=reason):
        make()


@given(st.integers(1, 10_000_000))
def test_windows_of_different_length_name_different_features(seconds):
    from datetime import timedelta

    one, other = (History(by="card", window=timedelta(seconds=length)).name for length in (seconds, seconds + 1))
    assert one != other


def test_what_is_not_known_when_the_event_happens_is_no_feature_and_nobody_is_asked_again():
    columns = {
        "fare": numeric(known_at_event=True),
        "tips": numeric(known_at_event=False),
        "paid": timestamp(known_at_event=True),
        "kind": categorical(),
    }
    made = classifier(columns=columns, gates=Gates(trusted=("event_hour",)), calendar=("hour", "weekday"))
    assert "tips" not in made.features
    for name in ("fare", "tips", "paid_hour", "days_from_event_to_paid", "event_hour"):
        assert made.is_answered(name)
    assert not made.is_answered("kind")
    assert not made.is_answered("event_weekday")
    with pytest.raises(ValidationError, match="not known when the event happens"):
        numeric(feature=True, known_at_event=False)


def test_an_answer_does_not_have_deliveries_audited_again():
    assert repr(numeric(known_at_event=True)) == repr(numeric())
