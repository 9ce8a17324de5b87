"""Labels from a source of their own: before and after their events, corrected, malformed, delivered twice."""

from datetime import UTC, datetime

import pandas as pd
import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from leeway.core.errors import SourceError
from leeway.definition import CSV, Classifier, Label, Query, catalog, days, grains, numeric
from leeway.definition.partitions import Partition
from leeway.ingest import label_source, quarantine
from leeway.ingest.sources import deliver
from leeway.store.database import database
from leeway.store.schemas import ensure_tables

MODEL = """
from leeway.definition import *

classifier = Classifier(
    source=CSV(path="events.csv"), event_id="id", event_time="at",
    label=Label(column="bad", positive=1, negative=0, source={source}, key="payment", {time}),
    columns={{"amount": numeric()}},
)
"""
SUITE = """
import great_expectations.expectations as gxe

expectations = [gxe.ExpectTableRowCountToBeBetween(min_value=1)]
"""
DAY = Partition.parse("2026-03-01", grains.DAY)


@pytest.fixture
def declared(project):
    def declare(source='CSV(path="labels*.csv")', time='time="known"'):
        project.declare("toy", MODEL.format(source=source, time=time), SUITE)
        project.write("events.csv", "id,at,amount\na,2026-03-01,1\nb,2026-03-01T12:00,2\n")
        return catalog.load("toy")

    return declare


def ingest(classifier):
    from leeway.ingest import publication
    from leeway.ingest.audit import audit

    suite, delivery = catalog.audit_fingerprint("toy"), deliver(classifier, DAY)
    audit(classifier, DAY, delivery)
    return publication.publish(classifier, DAY, delivery, suite)


def labels(classifier):
    with database().transaction() as connection:
        table = ensure_tables(connection, classifier).label
        query = sa.select(table.c.event_id, table.c.known_at, table.c.positive).order_by(table.c.known_at)
        return [(row.event_id, row.known_at.day, row.positive) for row in connection.execute(query)]


def test_labels_join_their_events_whichever_comes_first(declared, project):
    toy = declared()
    project.write("labels1.csv", "payment,bad,known\na,1,2026-03-05\n")
    assert label_source.take(toy).labels == 1
    assert ingest(toy).labels == 0
    project.write("labels2.csv", "payment,bad,known\nb,0,2026-03-06\nnot yet known,,\n")
    assert label_source.take(toy) == label_source.Labelled(1, 0)
    assert labels(toy) == [("a", 5, True), ("b", 6, False)]


@pytest.mark.parametrize("key", ["{:.1f}", " {} ", "{}  "])
def test_a_key_is_the_event_s_id_however_it_is_written(declared, project, key):
    toy = declared()
    project.write("events.csv", "id,at,amount\n500001,2026-03-01,1\n500002,2026-03-01,2\n")
    ingest(toy)
    project.write(
        "labels.csv", f"payment,bad,known\n{key.format(500001)},1,2026-03-05\n{key.format(500002)},0,2026-03-05\n"
    )
    label_source.take(toy)
    assert [event for event, *_ in labels(toy)] == ["500001", "500002"]


def test_keys_that_no_event_has_though_they_are_written_alike_are_refused(declared, project):
    toy = declared()
    project.write("events.csv", "id,at,amount\nA500001,2026-03-01,1\nA500002,2026-03-01,2\n")
    ingest(toy)
    project.write("labels.csv", "payment,bad,known\n500001,1,2026-03-05\n500002,0,2026-03-05\n")
    with pytest.raises(SourceError, match=r"payment '500001' of a label, id 'A500001' of an event"):
        label_source.take(toy)
    assert labels(toy) == []
    project.write("labels.csv", "payment,bad,known\nA500001,1,2026-03-05\nA500002,0,2026-03-05\n")
    assert label_source.take(toy).labels == 2


def test_a_growing_file_of_labels_brings_only_its_news_and_corrections_are_known_from_their_own_time(declared, project):
    toy = declared()
    first = "payment,bad,known\na,0,2026-03-05\nb,0,2026-03-05\n"
    project.write("labels.csv", first)
    assert label_source.take(toy).labels == 2
    assert label_source.take(toy).labels == 0
    project.write("labels.csv", first + "a,1,2026-03-09\na,1,2026-03-10\n")
    assert label_source.take(toy).labels == 1
    project.write("labels.csv", first + "a,1,2026-03-09\na,1,2026-03-10\nb,1,2026-03-11\n")
    assert label_source.take(toy).labels == 1
    assert [row for row in labels(toy) if row[0] == "a"] == [("a", 5, False), ("a", 9, True)]


def test_malformed_labels_are_quarantined_until_a_good_one_comes(declared, project):
    toy = declared()
    ingest(toy)
    bad = "a,maybe,2026-03-05\n,1,2026-03-05\nb,1,2026-02-01\na,1,2999-01-01\na,1,soon\n"
    project.write("labels1.csv", "payment,bad,known\n" + bad)
    assert label_source.take(toy) == label_source.Labelled(0, 5)
    rules = sorted(item.broken[0] for item in quarantine.rows(toy))
    assert rules == [
        "bad: must be 1 or 0",
        "known: a label must not be known before its event",
        "known: must be an ISO 8601 date or time",
        "known: must not lie in the future",
        "payment: a label must name its event",
    ]
    assert list(quarantine.replay(toy).values()) == ["0 new labels, 5 still in quarantine"]
    project.write("labels2.csv", "payment,bad,known\na,1,2026-03-06\n")
    label_source.take(toy)
    assert len(quarantine.rows(toy)) == 2


def test_a_label_without_a_time_is_known_from_when_it_was_first_read(declared, project):
    toy = declared(time="maturity=days(1)")
    before = datetime.now(UTC)
    project.write("labels.csv", "payment,bad\na,1\n")
    label_source.take(toy)
    with database().transaction() as connection:
        (known,) = connection.scalars(sa.select(ensure_tables(connection, toy).label.c.known_at))
    assert abs((known - before).total_seconds()) < 60


def test_labels_of_a_query_are_read_since_the_last_time(declared):
    url = database().url.render_as_string(hide_password=False)
    sql = "SELECT * FROM disputes WHERE known >= :start AND known < :end"
    toy = declared(source=f"Query(url={url!r}, sql={sql!r})")

    def append(*rows):
        frame = pd.DataFrame(rows, columns=["payment", "bad", "known"])
        frame["known"] = pd.to_datetime(frame["known"], utc=True)
        frame.to_sql("disputes", database().engine, index=False, if_exists="append")

    append(("a", 0, "2026-03-05"))
    assert label_source.take(toy).labels == 1
    append(("a", 1, pd.Timestamp.now("UTC")))
    assert label_source.take(toy).labels == 1
    assert label_source.take(toy).labels == 0


def test_a_file_without_the_label_s_columns_is_refused_and_not_taken_in(declared, project):
    toy = declared()
    project.write("labels.csv", "payment,wrong,known\na,1,2026-03-05\n")
    with pytest.raises(SourceError, match=r"labels.csv: .*\(found: no 'bad'\)"):
        label_source.take(toy)
    project.write("labels.csv", "payment,bad,known\na,1,2026-03-05\n")
    assert label_source.take(toy).labels == 1


def refused(match, **label):
    with pytest.raises(ValidationError, match=match):
        Classifier(source=CSV(path="x"), event_time="at", label=Label(column="bad", **label), columns={"a": numeric()})


def test_a_label_s_own_source_is_refused_where_it_cannot_work():
    source = CSV(path="labels.csv")
    refused("find their events by id", source=source, key="id", time="known")
    refused("lacks source or key", source=source, time="known")
    refused("has a delay", source=source, key="id", delay=days(1))
    refused("has no :start and :end", source=Query(url="x", sql="SELECT 1"), key="id")
