"""A definition that says something else than when its stored rows were read is refused until a person decides."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from leeway.core.errors import DefinitionError, TrainingError
from leeway.dataset import snapshots
from leeway.definition import catalog
from leeway.definition.partitions import Partition
from leeway.ingest import meaning, publication, sources
from leeway.ingest.audit import audit
from leeway.operations import adoption
from leeway.operations.backfill_plan import plan
from leeway.store.database import database
from leeway.store.schemas import ensure_tables
from leeway.store.tables import meaning as table

MODEL = """
import pandas as pd

from leeway.definition import *

RATE = 1


def prepared(rows):
    # a remark
    return rows.assign(amount=scaled(rows["amount"]))


def scaled(amount):
    return pd.to_numeric(amount) * RATE


classifier = Classifier(
    source=CSV(path="events.csv", prepare=prepared),
    event_id="id",
    event_time="at",
    label=Label(column="bad", positive="yes", negative="no", delay=days(0)),
    columns={"amount": numeric(), "kind": categorical()},
)
"""
SUITE = """
import great_expectations.expectations as gxe

expectations = [gxe.ExpectTableRowCountToBeBetween(min_value=1)]
"""
SWAPPED = ('positive="yes", negative="no"', 'positive="no", negative="yes"')


@pytest.fixture
def changed(project):
    """Declare a classifier, publish a day of it, and change its definition."""
    project.write(
        "events.csv",
        "id,at,amount,kind,bad\na,2026-03-02T01:00,1,x,yes\nb,2026-03-02T02:00,2,y,no\nc,2026-03-03T02:00,3,y,no\n",
    )

    def change(*replacements, first=True):
        if first:
            project.declare("toy", MODEL, SUITE)
            published("2026-03-02")
        text = MODEL
        for before, now in replacements:
            assert before in text
            text = text.replace(before, now)
        project.declare("toy", text, SUITE)
        return catalog.load("toy")

    return change


def published(key):
    toy = catalog.load("toy")
    partition, suite = Partition.parse(key, toy.partition), catalog.audit_fingerprint("toy")
    delivery = sources.deliver(toy, partition)
    audit(toy, partition, delivery)
    return publication.publish(toy, partition, delivery, suite)


@pytest.mark.parametrize(
    ("replacement", "part"),
    [
        (SWAPPED, "label: bad, positive is no, negative is yes, was bad, positive is yes, negative is no"),
        (("RATE = 1", "RATE = 100"), "source's prepare"),
        (("* RATE", "/ RATE"), "source's prepare"),
        (
            ('path="events.csv"', 'path="events.csv", timezone="Europe/Berlin"'),
            "source's time zone: Europe/Berlin, was UTC",
        ),
        (('path="events.csv"', 'path="events.csv", missing={"kind": ("x",)}'), "source's missing values in kind: x"),
        (('"kind": categorical()', '"kind": text()'), "column kind: text, was categorical"),
        (('"amount": numeric()', '"amount": numeric(decimal=",")'), "column amount: numeric, decimal ,"),
    ],
)
def test_a_part_that_says_something_else_is_refused_and_nothing_is_written(changed, replacement, part):
    toy = changed(replacement)
    with pytest.raises(DefinitionError, match="leeway adopt toy") as refused:
        published("2026-03-03")
    assert part in str(refused.value)
    with database().transaction() as connection:
        event = ensure_tables(connection, toy).event
        assert connection.scalar(sa.select(sa.func.count()).select_from(event)) == 2
    with pytest.raises(DefinitionError, match="training toy"):
        snapshots.take(toy, Partition.parse("2026-03-05", toy.partition).start)


@pytest.mark.parametrize(
    "replacement",
    [
        ("# a remark", "# another one"),
        ("delay=days(0)", "delay=days(1)"),
        ('"kind": categorical()', '"kind": categorical(), "more": numeric(), "other": text()'),
        (', "kind": categorical()', ""),
        ('path="events.csv"', 'path="*.csv"'),
    ],
    ids=["a comment", "a delay", "more columns", "fewer columns", "another file"],
)
def test_what_does_not_change_the_meaning_is_published(changed, project, replacement):
    project.write("events.csv", (project.root / "events.csv").read_text())
    changed(replacement)
    text = (project.root / "events.csv").read_text().splitlines()
    project.write(
        "events.csv", "\n".join(line + (",more,other" if number == 0 else ",1,z") for number, line in enumerate(text))
    )
    assert published("2026-03-03").new == 1


def test_weeks_are_no_days_and_cannot_be_adopted(changed):
    toy = changed(('event_time="at",', 'event_time="at", partition="week",'))
    with pytest.raises(DefinitionError, match="partition: week, was day"):
        published("2026-03-02")
    with pytest.raises(DefinitionError, match="another name"):
        adoption.adopt(toy, "keep", "me")


def test_a_person_decides_that_the_stored_rows_stay(changed):
    toy = changed(("* RATE", "* RATE + 0"))
    (change,) = adoption.adopt(toy, "keep", "me").changes
    assert change.part == "source's prepare"
    assert published("2026-03-03").new == 1
    assert plan(toy, [Partition.parse("2026-03-02", toy.partition)], ["ingest"], "stale") == []


def test_a_person_decides_that_the_stored_rows_are_read_again(changed):
    toy = changed(("RATE = 1", "RATE = 100"))
    found = adoption.adopt(toy, "read again", "me")
    assert found.partitions == ["2026-03-02"]
    (step,) = plan(toy, [Partition.parse("2026-03-02", toy.partition)], ["ingest"], "stale")
    assert step.why == "the definition was adopted anew"
    assert published("2026-03-02").revised == 2
    assert plan(toy, [Partition.parse("2026-03-02", toy.partition)], ["ingest"], "stale") == []
    assert adoption.plan(toy).changes == []


def test_a_data_folder_from_before_says_what_its_definition_says_today(changed):
    toy = changed()
    with database().transaction() as connection:
        connection.execute(sa.delete(table))
        assert meaning.changes(connection, toy) == []
    changed(SWAPPED, first=False)
    assert published("2026-03-03").new == 1


def test_training_says_what_has_changed_before_anything_else(changed):
    toy = changed()
    with pytest.raises(TrainingError):  # too few rows, but no change
        snapshots.take(toy, Partition.parse("2026-03-05", toy.partition).start - timedelta(days=9))
