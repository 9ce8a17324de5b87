from datetime import UTC, datetime

from leeway.definition import CSV, Classifier, Label, boolean, categorical, days, identifier, numeric, text, timestamp
from leeway.ingest.request import cast_values

CLASSIFIER = Classifier(
    source=CSV(path="x", missing=("", "NA")),
    event_id="id",
    event_time="at",
    label=Label(column="bad", delay=days(0)),
    columns={
        "card": identifier(),
        "amount": numeric(),
        "member": boolean(),
        "kind": categorical(),
        "since": timestamp(),
        "note": text(),
        "a: b": numeric(),
    },
)


def test_values_are_read_as_those_of_a_delivery_are():
    cast, faults = cast_values(
        CLASSIFIER,
        {
            "card": 123456789012345678901,
            "amount": "1e3",
            "member": "Yes",
            "kind": " a ",
            "since": "2026-03-01T12:00+02:00",
            "note": "",
            "at": "2026-03-02",
        },
    )
    assert not faults
    assert cast == {
        "card": "123456789012345678901",
        "amount": 1000.0,
        "member": True,
        "kind": "a",
        "since": datetime(2026, 3, 1, 10, tzinfo=UTC),
        "note": None,
        "a: b": None,
        "at": datetime(2026, 3, 2, tzinfo=UTC),
    }


def test_every_fault_names_its_column_and_the_value():
    _, faults = cast_values(CLASSIFIER, {"a: b": "x", "since": "yesterday", "kind": {"a": 1}, "nots": 1, "at": 5})
    assert {(fault.column, fault.found) for fault in faults} == {
        ("a: b", "x"),
        ("since", "yesterday"),
        ("kind", "dict"),
        ("nots", None),
        ("at", 5),
    }
