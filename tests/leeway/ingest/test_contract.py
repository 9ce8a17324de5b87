from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeway.core.errors import DeliveryRejected
from leeway.definition import (
    CSV,
    Classifier,
    Label,
    boolean,
    categorical,
    days,
    grains,
    identifier,
    numeric,
    text,
    timestamp,
)
from leeway.definition.partitions import Partition
from leeway.ingest.contract import KNOWN_AT, check, row_hash

DAY = Partition(datetime(2026, 3, 1, tzinfo=UTC), grains.DAY)
NOW = datetime(2026, 3, 5, tzinfo=UTC)


def toy(**changes):
    given = {
        "source": CSV(path="x", timezone="Europe/Berlin"),
        "event_id": "id",
        "event_time": "at",
        "label": Label(column="bad", positive=1, negative=0, delay=days(1)),
        "columns": {"card": identifier(), "amount": numeric(), "kind": categorical(), "new": boolean()},
        "name": "toy",
    }
    return Classifier(**{**given, **changes})


def raw(count=1, **columns):
    given = {
        "id": [str(number) for number in range(count)],
        "at": ["2026-03-01T12:00"] * count,
        "bad": ["0"] * count,
        "card": ["c"] * count,
        "amount": ["1.5"] * count,
        "kind": ["a"] * count,
        "new": ["yes"] * count,
    }
    return pd.DataFrame({**given, **columns})


def found(frame, **changes):
    return check(toy(**changes), DAY, frame, now=NOW)


def test_a_good_row_is_cast_to_the_declared_kinds_in_utc():
    checked = found(raw(bad=["1"]))
    row = checked.rows.iloc[0]
    assert not checked.broken
    assert row["at"] == datetime(2026, 3, 1, 11, tzinfo=UTC)
    assert row[KNOWN_AT] == datetime(2026, 3, 2, 11, tzinfo=UTC)
    assert (row["amount"], row["new"], row["bad"], row["card"]) == (1.5, True, True, "c")


BROKEN = {
    "text for a number": ({"amount": ["much"]}, "amount: must be a finite number"),
    "infinity": ({"amount": ["inf"]}, "amount: must be a finite number"),
    "a number too large": ({"amount": ["1e999"]}, "amount: must be a finite number"),
    "a decimal comma": ({"amount": ["1,5"]}, "amount: must be a finite number"),
    "neither yes nor no": ({"new": ["perhaps"]}, "new: must be yes or no"),
    "a zero byte": ({"kind": ["a\0b"]}, "kind: must be text without zero bytes"),
    "no id": ({"id": [None]}, "id: an event must have an id"),
    "no time": ({"at": [None]}, "at: must be an ISO 8601 date or time"),
    "an unreadable time": ({"at": ["soon"]}, "at: must be an ISO 8601 date or time"),
    "a future time": ({"at": ["2026-03-09"]}, "at: must not lie in the future"),
    "another day": ({"at": ["2026-03-02T12:00"]}, "at: must lie in the partition (is its time zone declared?)"),
    "another class": ({"bad": ["2"]}, "bad: must be 1 or 0"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_value_that_breaks_a_rule_is_named_with_the_rule_and_no_other(case):
    columns, rule = BROKEN[case]
    assert found(raw(**columns)).broken == {0: [rule]}


def test_a_missing_value_of_a_column_is_the_suite_s_business():
    checked = found(raw(card=[None], amount=[None], kind=[None], new=[None], bad=[None]))
    assert not checked.broken
    assert checked.rows[["card", "amount", "kind", "new", "bad", KNOWN_AT]].isna().all(axis=None)


LABELLED = {"label": Label(column="bad", positive="lost", negative="won", time="bad_at")}


@pytest.mark.parametrize(
    ("time", "rules"),
    [
        ("2026-03-01T12:00", []),
        (None, ["bad_at: a label must say when it became known"]),
        ("2026-03-01T11:59", ["bad_at: a label must not be known before its event"]),
        ("later", ["bad_at: must be an ISO 8601 date or time", "bad_at: a label must say when it became known"]),
    ],
)
def test_a_label_says_when_it_became_known_and_not_before_its_event(time, rules):
    assert found(raw(bad=["lost"], bad_at=[time]), **LABELLED).broken.get(0, []) == rules
    unknown = found(raw(bad=[None], bad_at=[None]), **LABELLED)
    assert not unknown.broken


def test_a_delay_fills_in_where_the_label_s_time_is_empty():
    label = Label(column="bad", positive=1, negative=0, time="bad_at", delay=days(2))
    checked = found(raw(2, bad_at=["2026-03-01T13:00", None]), label=label)
    assert checked.rows[KNOWN_AT].tolist() == [
        datetime(2026, 3, 1, 12, tzinfo=UTC),
        datetime(2026, 3, 3, 11, tzinfo=UTC),
    ]


@pytest.mark.parametrize(
    "label", [["1", "0"], ["1.0", "0.0"], [1, 0], [1.0, 0.0], [" 1", "0 "], pd.array([1, 0], dtype="Int64")]
)
def test_a_class_is_recognised_however_the_source_writes_its_number(label):
    checked = found(raw(2, bad=label))
    assert not checked.broken
    assert checked.rows["bad"].tolist() == [True, False]


@pytest.mark.parametrize("label", [["true", "false"], ["True", "FALSE"], [True, False]])
def test_truth_is_recognised_however_the_source_writes_it(label):
    assert found(raw(2, bad=label), label=Label(column="bad", delay=days(1))).rows["bad"].tolist() == [True, False]


@pytest.mark.parametrize(
    "amount",
    [[1.5, None], [Decimal("1.5"), None], pd.array([1.5, None], dtype="Float64"), pd.Categorical(["1.5", None])],
)
def test_numbers_of_every_type_are_read(amount):
    checked = found(raw(2, amount=amount))
    assert not checked.broken
    assert checked.rows["amount"].tolist()[0] == 1.5
    assert np.isnan(checked.rows["amount"].tolist()[1])


EURO = {"unit": "€", "thousands": ","}
WRITTEN = {
    "1,234.50 €": (EURO, 1234.5),
    "1,234.50\u202f€": (EURO, 1234.5),
    "€ 1,234,567": (EURO, 1234567.0),
    "-€5": (EURO, -5.0),
    "€ -5": (EURO, -5.0),
    "+.5": (EURO, 0.5),
    "12,34,567.8": (EURO, 1234567.8),  # as in India
    "1234.5": (EURO, 1234.5),
    " 1e3 ": (EURO, 1000.0),
    "1.234,5": ({"thousands": ".", "decimal": ","}, 1234.5),
    "1 234,5 kr": ({"thousands": " ", "decimal": ",", "unit": "kr"}, 1234.5),
    "1\u00a0234,5": ({"thousands": " ", "decimal": ","}, 1234.5),
    "1’234.5": ({"thousands": "’", "unit": "Fr."}, 1234.5),
    "Fr. 12": ({"thousands": "’", "unit": "Fr."}, 12.0),
    "12 %": ({"unit": "%"}, 12.0),
    "1,5 €": (EURO, None),  # the comma would be lost, and fifteen stored
    "1,2345": (EURO, None),
    "1.234.5": (EURO, None),
    "5 $": (EURO, None),
    "€": (EURO, None),
    "--5": (EURO, None),
    "1.5": ({"decimal": ","}, None),
    "": (EURO, None),
    "1e999 €": (EURO, None),
}


@pytest.mark.parametrize("written", WRITTEN)
def test_a_number_is_read_as_it_is_declared_to_be_written_and_never_otherwise(written):
    form, value = WRITTEN[written]
    checked = found(raw(2, amount=[written, None]), columns={"amount": numeric(**form)})
    assert checked.rows["amount"].isna().tolist() == [value is None, True]
    assert checked.broken == ({} if value is not None else {0: ["amount: must be a finite number"]})
    assert value is None or checked.rows["amount"][0] == value


def test_numbers_that_are_numbers_already_need_no_reading():
    assert found(raw(2, amount=[1234.5, None]), columns={"amount": numeric(**EURO)}).rows["amount"][0] == 1234.5


def test_a_timestamp_is_read_in_the_source_s_zone_and_may_lie_in_the_future():
    checked = found(raw(3, due=["2026-07-01", None, "soon"]), columns={"due": timestamp()})
    assert checked.rows["due"][0] == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert checked.rows["due"].isna().tolist() == [False, True, True]
    assert checked.broken == {2: ["due: must be an ISO 8601 date or time"]}


def test_a_text_is_kept_as_it_is():
    note = " Ça va?\nOui, 'bien' 👋 "
    assert found(raw(note=[note]), columns={"note": text()}).rows["note"][0] == note


def test_an_identifier_is_the_same_whether_gaps_made_it_a_float_or_not():
    assert found(raw(2, card=[9.0, None])).rows["card"].tolist()[0] == "9"
    assert found(raw(2, card=[9, 10])).rows["card"].tolist() == ["9", "10"]


def test_two_different_rows_of_one_id_are_both_broken_and_a_repetition_is_not():
    frame = pd.concat([raw(2), raw(1), raw(2, amount=["1.5", "2"]).tail(1)], ignore_index=True)
    checked = found(frame)
    assert checked.repeated == {2}
    rule = "id: two rows of one delivery must not share an id and differ"
    assert checked.broken == {1: [rule], 3: [rule]}


def test_a_missing_column_is_refused_with_its_close_match():
    with pytest.raises(DeliveryRejected, match=r"auditing toy 2026-03-01: .*no 'amount'.*is it 'amuont' now\?"):
        found(raw().rename(columns={"amount": "amuont"}))
    with pytest.raises(DeliveryRejected, match="no 'id', 'at'"):
        found(raw().drop(columns=["id", "at"]))


def test_a_partition_without_events_is_refused():
    with pytest.raises(DeliveryRejected, match=r"\(found: none from 2026-03-01 00:00 to 2026-03-02"):
        found(raw(0))


CELL = (
    st.none() | st.text(max_size=4) | st.sampled_from(["1", "0", "2026-03-01", "2026-03-01T10:00", "yes", "\0", "nan"])
)


@settings(deadline=None)
@given(st.lists(st.tuples(*[CELL] * 7), min_size=1, max_size=8))
def test_every_row_is_either_good_and_storable_or_broken_with_a_rule(cells):
    frame = pd.DataFrame(cells, columns=list(raw())).astype("str").where(lambda text: text != "None")
    frame = frame.mask(pd.DataFrame([[cell is None for cell in row] for row in cells], columns=list(raw())))
    checked = found(frame)
    assert len(checked.rows) == len(frame)
    good = checked.rows.drop(index=[*checked.broken, *checked.repeated])
    assert good["id"].is_unique
    assert good["id"].notna().all()
    assert good["at"].between(DAY.start, DAY.end, inclusive="left").all()
    assert (good[KNOWN_AT].isna() == good["bad"].isna()).all()
    assert np.isfinite(good["amount"].dropna()).all()
    assert all(rules for rules in checked.broken.values())


def test_a_row_s_hash_is_that_of_its_values_in_any_order():
    assert row_hash({"a": 1, "b": None}) == row_hash({"b": None, "a": 1}) != row_hash({"a": 1, "b": 2})


def test_a_value_that_is_no_declared_class_is_named():
    label = Label(column="bad", classes=(1, "b", True), delay=days(1))
    checked = found(raw(5, bad=["1.0", "b", "TRUE", "c", None]), label=label)
    assert checked.broken == {3: ["bad: must be one of 1, b, true"]}
    assert checked.labels.isna().tolist() == [False, False, False, True, True]
    assert checked.labels.dropna().tolist() == checked.rows["bad"].dropna().tolist() == ["1", "b", "true"]
    assert checked.rows[KNOWN_AT].isna().tolist() == [False, False, False, False, True]


def test_many_classes_are_not_all_listed_in_the_rule():
    label = Label(column="bad", classes=tuple(range(30)), delay=days(1))
    (rule,) = found(raw(bad=["x"]), label=label).broken[0]
    assert rule == "bad: must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 20 more"


def test_separated_classes_become_a_list_in_the_declared_order_each_once():
    label = Label(column="bad", classes=("a", "b", 3), separator=";", delay=days(1))
    given = ["b; a", "3.0;b;b", ";", "a;z", None, "a,b"]
    checked = found(raw(6, bad=given), label=label)
    rule = "bad: must be some of a, b, 3, with ';' between them"
    assert checked.broken == {3: [rule], 5: [rule]}
    assert checked.labels.drop([3, 4, 5]).tolist() == [["a", "b"], ["b", "3"], []]
    assert checked.labels[[3, 4, 5]].isna().all()
    assert checked.rows["bad"].tolist()[:3] == ["a;b", "b;3", ""]
    assert checked.rows[KNOWN_AT].isna().tolist() == [False] * 4 + [True, False]


def test_columns_of_one_class_each_must_all_be_given_or_none():
    label = Label(columns=("toxic", "rude"), delay=days(1))
    frame = raw(5, toxic=["1", "no", "1.0", None, "perhaps"], rude=["0", "false", None, None, "1"])
    checked = found(frame, label=label)
    assert checked.broken == {2: ["toxic, rude: must all be given, or none of them"], 4: ["toxic: must be yes or no"]}
    assert checked.labels[[0, 1]].tolist() == [["toxic"], []]
    assert checked.labels[[2, 3, 4]].isna().all()
    assert checked.rows["toxic"].tolist()[:3] == [True, False, True]
    assert checked.rows[KNOWN_AT].isna().tolist() == [False, False, False, True, False]


@pytest.mark.parametrize("bad", [[float("nan")] * 2, pd.array([None, None], dtype="Int64"), [None, None]])
@pytest.mark.parametrize("separator", [None, ";"])
def test_no_label_at_all_is_no_fault_whatever_its_type(bad, separator):
    label = Label(column="bad", classes=("a", "b"), separator=separator, delay=days(1))
    checked = found(raw(2, bad=bad), label=label)
    assert not checked.broken
    assert checked.labels.isna().all()
