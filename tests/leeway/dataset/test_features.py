import math
import statistics
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leeway.dataset import features
from leeway.definition import catalog, grains
from leeway.definition.partitions import Partition
from leeway.store.database import database
from leeway.store.schemas import ensure_tables

MODEL = """
from datetime import timedelta

from leeway.definition import *

SHORT, LONG = timedelta(minutes=20), timedelta(minutes=70)
AGGREGATES = ("count", "sum", "mean", "min", "max", "std", "positives", "positive_rate")

classifier = Classifier(
    source=CSV(path="data/*.csv"),
    event_id="id",
    event_time="at",
    label=Label(column="bad", delay=timedelta(minutes=30)),
    columns={"card": identifier(), "amount": numeric(), "flag": boolean()},
    history=tuple(
        History(by="card", window=window, aggregate=aggregate, over="amount" if aggregate in AGGREGATES[1:6] else None)
        for window in (SHORT, LONG) for aggregate in AGGREGATES
    ) + (History(by="card", window=LONG, aggregate="mean", over="flag"),),
    calendar=("hour", "weekday", "day", "month"),
    partition="hour",
)
"""
ORIGIN = datetime(2026, 3, 1, 11, tzinfo=UTC)
TICK = timedelta(minutes=10)
MATURITY = 3  # ticks
HOUR = Partition.containing(ORIGIN + 6 * TICK, grains.HOUR)
SLOW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Version:
    known: int
    superseded: int | None
    time: int
    card: str | None
    amount: float | None
    flag: bool | None


@dataclass(frozen=True)
class Event:
    id: str
    versions: tuple[Version, ...]
    labels: tuple[tuple[int, bool], ...]  # known at, positive

    def current(self, as_of=None):
        for version in self.versions:
            known = as_of is None or version.known <= as_of
            gone = version.superseded is not None and (as_of is None or version.superseded <= as_of)
            if known and not gone:
                return version
        return None

    def label(self, as_of):
        known = [label for label in sorted(self.labels) if label[0] <= as_of]
        return known[-1] if known else None


AMOUNTS = st.none() | st.floats(-1000, 1000).map(lambda value: round(value, 3)) | st.sampled_from([0.0, 0.1, 1e9])


@st.composite
def versions(draw, revised):
    time = draw(st.integers(0, 12))
    known = draw(st.integers(time, time + 3))
    own = []
    for number in range(draw(st.integers(1, 2)) if revised else 1):
        superseded = None
        if own:
            superseded = known = draw(st.integers(known + 1, known + 8))
            own[-1] = replace(own[-1], superseded=superseded)
            time = draw(st.sampled_from([time, draw(st.integers(0, 12))]))
        card = draw(st.sampled_from(["c", "c", "d", None]))
        own.append(Version(known, None, time, card, draw(AMOUNTS), draw(st.none() | st.booleans())))
        assert number < 2
    return tuple(own)


@st.composite
def worlds(draw, revised=True):
    found = []
    for number in range(draw(st.integers(1, 9))):
        own = draw(versions(revised))
        least = min(version.time for version in own)
        times = st.lists(st.integers(least, least + 8), max_size=2 if revised else 1, unique=True)
        labels = tuple((known, draw(st.booleans())) for known in sorted(draw(times)))
        found.append(Event(f"e{number}", own, labels))
    return found


def moment(tick):
    return None if tick is None else ORIGIN + tick * TICK


def store(classifier, events):
    with database().transaction() as connection:
        tables = ensure_tables(connection, classifier)
        for table in (tables.event, tables.label):
            connection.execute(sa.delete(table))
        rows = [
            {
                "event_id": event.id,
                "known_at": moment(version.known),
                "superseded_at": moment(version.superseded),
                "event_time": moment(version.time),
                "partition": "p",
                "delivery": "d",
                "card": version.card,
                "amount": version.amount,
                "flag": version.flag,
            }
            for event in events
            for version in event.versions
        ]
        labels = [
            {"event_id": event.id, "known_at": moment(known), "positive": positive, "delivery": "d"}
            for event in events
            for known, positive in event.labels
        ]
        if rows:
            connection.execute(sa.insert(tables.event), rows)
        if labels:
            connection.execute(sa.insert(tables.label), labels)


def rows_of(query):
    return {row["event_id"]: row for row in database().read(query).to_pylist()}


def trained_on(classifier, events, as_of, first=None):
    store(classifier, events)
    return rows_of(features.for_training(classifier, first=moment(first), as_of=moment(as_of)))


def expected_history(classifier, events, event, as_of=None):
    """The same features by loops over everything."""
    own = event.current(as_of)
    expected = {}
    for item in classifier.history:
        ticks = item.window / TICK
        if own.card is None:
            expected[item.name] = None
            continue
        happened, arrived = [], []
        for other in events:
            version = other.current(as_of)
            if version is None or version.card != own.card:
                continue
            if own.time - ticks <= version.time < own.time:
                happened.append(version)
            arrived += [positive for known, positive in other.labels if own.time - ticks <= known < own.time]
        values = [getattr(version, item.over) for version in happened] if item.over else []
        values = [float(value) for value in values if value is not None]
        expected[item.name] = {
            "count": lambda happened=happened: float(len(happened)),
            "sum": lambda values=values: math.fsum(values),
            "mean": lambda values=values: statistics.fmean(values) if values else None,
            "min": lambda values=values: min(values, default=None),
            "max": lambda values=values: max(values, default=None),
            "std": lambda values=values: statistics.stdev(values) if len(values) > 1 else None,
            "positives": lambda arrived=arrived: float(sum(arrived)),
            "positive_rate": lambda arrived=arrived: statistics.fmean(arrived) if arrived else None,
        }[item.aggregate]()
    return expected


def history_of(classifier, row):
    return {item.name: row[item.name] for item in classifier.history}


def close(expected):
    return {
        name: value if value is None else pytest.approx(value, rel=1e-12, abs=1e-6) for name, value in expected.items()
    }


@pytest.fixture
def classifier(project):
    project.declare(model=MODEL)
    return catalog.load("toy")


@SLOW
@given(events=worlds(), as_of=st.integers(0, 25), first=st.none() | st.integers(0, 8))
def test_training_features_are_those_of_a_plain_loop_over_what_was_known(classifier, events, as_of, first):
    found = trained_on(classifier, events, as_of, first)
    wanted = set()
    for event in events:
        version, label = event.current(as_of), event.label(as_of)
        mature = version is not None and label is not None and version.time < as_of - MATURITY
        if mature and (first is None or version.time >= first):
            wanted.add(event.id)
            row = found[event.id]
            assert history_of(classifier, row) == close(expected_history(classifier, events, event, as_of))
            assert (row["known_at"], row["positive"]) == (moment(label[0]), label[1])
            assert (row["amount"], row["flag"]) == (version.amount, version.flag)
    assert set(found) == wanted


@SLOW
@given(events=worlds())
def test_scoring_features_are_those_of_a_plain_loop_over_the_present_versions(classifier, events):
    store(classifier, events)
    found = rows_of(features.for_scoring(classifier, HOUR))
    present = {event.id: event for event in events if HOUR.start <= moment(event.current().time) < HOUR.end}
    assert set(found) == set(present)
    for key, event in present.items():
        assert history_of(classifier, found[key]) == close(expected_history(classifier, events, event))


@SLOW
@given(events=worlds(revised=False), data=st.data())
def test_nothing_at_or_after_an_events_time_and_no_label_before_its_time_changes_its_features(classifier, events, data):
    event = data.draw(st.sampled_from(events))
    version = replace(event.current(), superseded=None, known=0)
    event = Event(event.id, (version,), ((version.time, True),))
    others = [other for other in events if other.id != event.id]
    as_of = 40
    seen = trained_on(classifier, [event, *others], as_of)[event.id]

    past = []
    for other in others:
        labels = tuple(label for label in other.labels if label[0] < version.time)
        if other.current().time < version.time:
            # what became known of it at or after this instant is another label, or none
            changed = tuple((known, not positive) for known, positive in other.labels if known >= version.time)
            past.append(replace(other, labels=data.draw(st.sampled_from([labels, labels + changed]))))
        elif data.draw(st.booleans()):
            later = tuple(replace(one, amount=-7.5, flag=None) for one in other.versions)
            past.append(replace(other, versions=later))
    other_self = Event(event.id, (replace(version, amount=123.0, flag=None),), ((version.time, False),))
    assert history_of(classifier, trained_on(classifier, [other_self, *past], as_of)[event.id]) == close(
        history_of(classifier, seen)
    )


@SLOW
@given(events=worlds(), as_of=st.integers(0, 25))
def test_what_became_known_later_has_no_influence_on_training(classifier, events, as_of):
    then = [
        Event(
            event.id,
            tuple(
                replace(version, superseded=None if (version.superseded or 99) > as_of else version.superseded)
                for version in event.versions
                if version.known <= as_of
            ),
            tuple(label for label in event.labels if label[0] <= as_of),
        )
        for event in events
    ]
    assert trained_on(classifier, events, as_of) == trained_on(classifier, then, as_of)


@SLOW
@given(events=worlds(revised=False))
def test_training_and_scoring_see_the_same_features_where_nothing_was_corrected(classifier, events):
    trained = trained_on(classifier, events, 60)
    scored = rows_of(features.for_scoring(classifier, HOUR))
    both = trained.keys() & scored.keys()
    assert both == {key for key, row in trained.items() if HOUR.start <= row["event_time"] < HOUR.end}
    for key in both:
        assert {name: trained[key][name] for name in scored[key]} == scored[key]


@SLOW
@given(events=worlds())
def test_an_event_that_is_asked_about_has_the_features_that_the_night_gives_it(classifier, events):
    store(classifier, events)
    found = rows_of(features.for_scoring(classifier, HOUR))
    with database().transaction() as connection:
        for key, row in found.items():
            version = next(event for event in events if event.id == key).current()
            values = {"card": version.card, "amount": version.amount, "flag": version.flag}
            request = features.AskedEvent(key, row["event_time"], values)
            (asked,) = connection.execute(features.for_request(classifier, request)).mappings().all()
            assert dict(asked) == row


def test_a_window_reaches_exactly_to_its_edge_and_to_the_instant_before_the_event(classifier):
    instant = timedelta(microseconds=1)
    at = HOUR.start + timedelta(minutes=30)
    window = timedelta(minutes=20)
    times = {
        "beyond": at - window - instant,
        "edge": at - window,
        "before": at - instant,
        "twin": at,
        "self": at,
        "after": at + instant,
    }
    with database().transaction() as connection:
        tables = ensure_tables(connection, classifier)
        common = {"known_at": HOUR.end, "partition": "p", "delivery": "d", "card": "c", "amount": 1.0}
        rows = [{"event_id": name, "event_time": time, **common} for name, time in times.items()]
        connection.execute(sa.insert(tables.event), rows)
        known = {"edge": times["edge"], "before": times["before"], "twin": at, "beyond": times["beyond"]}
        labels = [{"event_id": key, "known_at": at, "positive": True, "delivery": "d"} for key, at in known.items()]
        connection.execute(sa.insert(tables.label), labels)
    row = rows_of(features.for_scoring(classifier, HOUR))["self"]
    assert row["card_count_20min"] == 2
    assert row["card_positives_20min"] == 2
    assert row["card_count_70min"] == 3


def test_an_unknown_entity_shares_no_history_and_a_new_one_has_none(classifier):
    events = [
        Event("u1", (Version(7, None, 7, None, 5.0, None),), ()),
        Event("u2", (Version(8, None, 8, None, 5.0, None),), ()),
        Event("n1", (Version(8, None, 8, "c", 5.0, None),), ()),
    ]
    store(classifier, events)
    found = rows_of(features.for_scoring(classifier, HOUR))
    assert set(history_of(classifier, found["u2"]).values()) == {None}
    new = history_of(classifier, found["n1"])
    assert {new[f"card_{name}_20min"] for name in ("count", "sum_amount", "positives")} == {0.0}
    assert {new[f"card_{name}_20min"] for name in ("mean_amount", "std_amount", "positive_rate")} == {None}


def test_a_share_of_yes_can_be_a_history_feature(classifier):
    flags = (True, False, True, None)
    events = [Event(f"e{n}", (Version(6 + n, None, 6 + n, "c", None, flag),), ()) for n, flag in enumerate(flags)]
    store(classifier, events)
    found = rows_of(features.for_scoring(classifier, HOUR))
    assert found["e3"]["card_mean_flag_70min"] == pytest.approx(2 / 3)


def test_parts_of_the_calendar_are_those_of_utc(classifier):
    store(classifier, [Event("e", (Version(6, None, 6, None, 1.0, True),), ())])
    row = rows_of(features.for_scoring(classifier, HOUR))["e"]
    calendar = {name: row[f"event_{name}"] for name in ("hour", "weekday", "day", "month")}
    assert calendar == {"hour": 12, "weekday": 7, "day": 1, "month": 3}  # a Sunday


DATES = """
from leeway.definition import *

classifier = Classifier(
    source=CSV(path="data/*.csv", timezone="Europe/Berlin"),
    event_id="id",
    event_time="at",
    label=Label(column="bad", delay=days(1)),
    columns={"card": identifier(), "due": timestamp(), "made": timestamp()},
    calendar=("hour", "weekday"),
    training=Training(group="card"),
    partition="hour",
)
"""


def test_dates_become_parts_of_the_source_s_clock_and_days_between_any_two(project):
    project.declare(model=DATES)
    declared = catalog.load("toy")
    happened = moment(6)  # noon in UTC, one o'clock in Berlin
    own = {"due": happened + timedelta(days=30, hours=12), "made": happened - timedelta(hours=36)}
    common = {"known_at": happened, "event_time": happened, "partition": "p", "delivery": "d", "card": "c"}
    with database().transaction() as connection:
        tables = ensure_tables(connection, declared)
        connection.execute(sa.insert(tables.event), [{"event_id": "e", **common, **own}])
        connection.execute(sa.insert(tables.event), [{"event_id": "gap", **common, "due": None, "made": own["made"]}])
        label = {"event_id": "e", "known_at": happened, "positive": True, "delivery": "d"}
        connection.execute(sa.insert(tables.label), [label])
    found = rows_of(features.for_scoring(declared, HOUR))
    assert set(found["e"]) == {"event_id", "event_time", *declared.features}
    assert (found["e"]["event_hour"], found["e"]["event_weekday"]) == (13, 7)
    due = {part: found["e"][f"due_{part}"] for part in ("hour", "weekday", "day", "month")}
    assert due == {"hour": 2, "weekday": 3, "day": 1, "month": 4}  # summer time has begun
    assert found["e"]["days_from_event_to_due"] == 30.5
    assert found["e"]["days_from_event_to_made"] == -1.5
    assert found["e"]["days_from_due_to_made"] == -32
    assert found["gap"]["days_from_event_to_due"] is found["gap"]["due_month"] is None
    trained = rows_of(features.for_training(declared, first=None, as_of=happened + timedelta(days=2)))["e"]
    assert {name: trained[name] for name in declared.features} == {name: found["e"][name] for name in declared.features}
    assert trained["fold_group"] not in (None, "c")


def test_rows_come_in_the_order_of_time_and_id(classifier):
    times = defaultdict(list)
    events = [Event(f"e{n}", (Version(9, None, 6 + n % 3, "c", 1.0, True),), ()) for n in range(9)]
    store(classifier, events)
    rows = database().read(features.for_scoring(classifier, HOUR)).to_pylist()
    for row in rows:
        times[row["event_time"]].append(row["event_id"])
    assert [row["event_time"] for row in rows] == sorted(row["event_time"] for row in rows)
    assert all(ids == sorted(ids) for ids in times.values())
