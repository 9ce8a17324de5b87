"""Sources that grow: files that appear, rows that arrive late or again, rows without a time or an id of their own."""

import os
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa

from leeway.core.errors import NotFound, SourceError
from leeway.definition import catalog, grains
from leeway.definition.partitions import Partition
from leeway.ingest import deliveries, publication, quarantine, sources
from leeway.ingest.audit import audit
from leeway.ingest.sources import arrivals
from leeway.operations.backfill_plan import late, plan, span
from leeway.store.database import database
from leeway.store.schemas import ensure_tables

SUITE = """
import great_expectations.expectations as gxe

expectations = [gxe.ExpectTableRowCountToBeBetween(min_value=1)]
"""
MODEL = """
from datetime import timedelta

from leeway.definition import *

classifier = Classifier(
    {source}
    label=Label(column="bad", positive=1, negative=0, delay=days(0)),
    columns={{"amount": numeric(), "kind": categorical()}},
    quarantine_limit=1.0,
)
"""
FOLDER = 'source=Folder(path="in", settle=timedelta(0)), event_id="id", event_time="at",'
DAY = Partition.parse("2026-03-01", grains.DAY)


@pytest.fixture
def declared(project):
    def declare(source):
        project.declare("toy", MODEL.format(source=source), SUITE)
        (project.root / "in").mkdir(exist_ok=True)
        return catalog.load("toy")

    return declare


@pytest.fixture
def drop(project):
    """Put a file into the folder, written at a time."""

    def put(name, text, at=datetime(2026, 3, 4, 12, tzinfo=UTC)):
        path = project.root / "in" / name
        path.write_text(text)
        os.utime(path, (at.timestamp(), at.timestamp()))
        return path

    return put


def ingest(classifier, partition=None):
    partition = partition or sources.due(classifier)
    suite = catalog.audit_fingerprint(classifier.name)
    delivery = sources.deliver(classifier, partition)
    done = publication.published(classifier, partition, delivery, suite)
    if done is None:
        audit(classifier, partition, delivery)
        done = publication.publish(classifier, partition, delivery, suite)
    return done


def stored(classifier, table):
    with database().transaction() as connection:
        chosen = getattr(ensure_tables(connection, classifier), table)
        return [row._mapping for row in connection.execute(sa.select(chosen).order_by(*chosen.primary_key.columns))]


def current(classifier, *columns):
    rows = [row for row in stored(classifier, "event") if row["superseded_at"] is None]
    return sorted(tuple(row[column] for column in columns) for row in rows)


def lines(*rows, header="id,at,amount,kind,bad"):
    return "\n".join([header, *rows, ""])


def test_a_file_of_a_folder_feeds_every_partition_that_it_has_rows_of_and_may_then_go(declared, drop):
    toy = declared(FOLDER)
    path = drop("a.csv", lines("a,2026-03-01,1,x,0", "b,2026-03-02T10:00,2,x,1", "c,soon,3,x,0"))
    assert [partition.key for partition in span(toy, None, None)] == ["2026-03-01", "2026-03-02"]
    path.unlink()
    assert ingest(toy, DAY).new == 1
    second = ingest(toy, DAY.shift(1))
    assert (second.new, second.quarantined) == (1, 1)  # what has no time comes with the file's last partition, once
    assert current(toy, "event_id") == [("a",), ("b",)]


def test_hidden_files_and_those_in_hidden_folders_are_no_data(declared, drop, project):
    toy = declared(FOLDER.replace("settle", 'pattern="**/*.csv", settle'))
    for folder in ("more", "more/.checkpoints", ".leeway"):
        (project.root / "in" / folder).mkdir()
    for number, name in enumerate(("a.csv", "more/b.csv", ".c.csv", "more/.checkpoints/b.csv", ".leeway/d.csv")):
        drop(name, lines(f"{number},2026-03-01,1,x,0"))
    assert ingest(toy, DAY).new == 2
    assert current(toy, "event_id") == [("0",), ("1",)]


def test_a_copy_or_a_touched_file_is_no_second_arrival(declared, drop):
    toy = declared(FOLDER)
    text = lines("a,2026-03-01,1,x,0")
    drop("a.csv", text)
    assert arrivals.take(toy, datetime.now(UTC)) == 1
    drop("copy.csv", text)
    drop("a.csv", text, at=datetime(2026, 3, 5, tzinfo=UTC))
    assert arrivals.take(toy, datetime.now(UTC)) == 0


def test_late_rows_make_their_old_partition_due_and_corrections_are_later_versions(declared, drop):
    toy = declared(FOLDER)
    drop("a.csv", lines("a,2026-03-01T08:00,1,x,0", "b,2026-03-01T09:00,1,x,0"))
    ingest(toy, DAY)
    assert plan(toy, [DAY], ("ingest",), "missing") == []
    drop("b.csv", lines("late,2026-03-01T10:00,5,x,0", "b,2026-03-01T09:00,7,x,1", "d,2026-03-02,1,x,0"))
    ingest(toy, DAY.shift(1))
    assert [(step.partition, step.why) for step in plan(toy, [DAY], ("ingest",), "missing")] == [
        (DAY, "rows have arrived since")
    ]
    assert [item.partition for item in late(toy, DAY.shift(1))] == [DAY]
    done = ingest(toy, DAY)
    assert (done.new, done.revised, done.labels, done.quarantined) == (1, 1, 2, 0)
    assert current(toy, "event_id", "amount") == [("a", 1.0), ("b", 7.0), ("d", 1.0), ("late", 5.0)]
    assert late(toy, DAY.shift(1)) == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_event_whose_time_was_corrected_stays_where_it_moved_whichever_partition_is_read_first(
    declared, drop, order
):
    toy = declared(FOLDER)
    drop("a.csv", lines("a,2026-03-01T08:00,1,x,0", "b,2026-03-01T09:00,1,x,0", "c,2026-03-02T08:00,1,x,0"))
    for day in (DAY, DAY.shift(1)):
        ingest(toy, day)
    drop("z.csv", lines("z,2026-03-04T08:00,1,x,0"))
    ingest(toy, DAY.shift(3))
    assert arrivals.with_moved_events(toy) == set()
    drop("a.csv", lines("a,2026-03-01T08:00,2,x,0", "b,2026-03-02T09:00,3,x,1", "c,2026-03-01T07:00,4,x,0"))
    moved = [("a", "2026-03-01", 2.0), ("b", "2026-03-02", 3.0), ("c", "2026-03-01", 4.0)]
    for offset in order:
        ingest(toy, DAY.shift(offset))
    assert current(toy, "event_id", "partition", "amount")[:3] == moved
    assert arrivals.with_moved_events(toy) == {"2026-03-01", "2026-03-02"}  # so a backfill takes them in turn
    drop("b.csv", lines("d,2026-03-01T09:00,1,x,0", "e,2026-03-02T09:00,1,x,0"))
    for offset in order:
        ingest(toy, DAY.shift(offset))
    assert current(toy, "event_id", "partition", "amount")[:3] == moved
    assert late(toy, DAY.shift(2)) == []


def test_a_delivery_that_was_never_published_leaves_its_partition_due(declared, drop):
    toy = declared(FOLDER)
    drop("a.csv", lines("a,2026-03-01,1,x,0"))
    sources.deliver(toy, DAY)  # and the process was killed
    assert arrivals.undelivered(toy) == {DAY.key}


def test_a_line_that_is_no_row_is_in_quarantine_till_its_file_comes_again(declared, drop):
    toy = declared(FOLDER)
    drop("a.csv", lines("a,2026-03-01,1", "b,2026-03-01,1,x,0", "c,2026-03-01,1,x,0"))
    first = ingest(toy, DAY)
    assert (first.new, first.quarantined) == (2, 1)
    (kept,) = quarantine.rows(toy)
    assert kept.broken == ["line 2 has 3 values instead of 5: a,2026-03-01,1"]
    drop("a.csv", lines("a,2026-03-01,1,x,0", "b,2026-03-01,1,x,0", "c,2026-03-01,1,x,0"))
    again = ingest(toy, DAY)
    assert (again.new, again.quarantined) == (1, 0)


def test_a_broken_file_is_named_and_holds_up_no_other(declared, drop):
    toy = declared(FOLDER)
    drop("a.csv", "")
    drop("b.csv", lines("b,2026-03-01,1,x,0"), at=datetime(2026, 3, 5, tzinfo=UTC))
    drop("c.csv", lines("c,2026-03-01,1,x", header="id,at,amount,kind"), at=datetime(2026, 3, 6, tzinfo=UTC))
    with pytest.raises(SourceError, match=r"a.csv: the file is empty"):
        arrivals.take(toy, datetime.now(UTC))
    drop("a.csv", lines("a,2026-03-01,1,x,0"))
    with pytest.raises(SourceError, match=r"c.csv: a declared column is missing \(found: no 'bad'\)"):
        arrivals.take(toy, datetime.now(UTC))
    drop("c.csv", lines("c,2026-03-01,1,x,0"), at=datetime(2026, 3, 7, tzinfo=UTC))
    assert ingest(toy, DAY).new == 3


def test_a_file_that_is_being_written_is_left_for_the_next_time(declared, drop, monkeypatch):
    toy = declared(FOLDER.replace("timedelta(0)", "timedelta(seconds=1)"))
    path = drop("a.csv", "id,at", at=datetime.now(UTC))
    monkeypatch.setattr("time.sleep", lambda seconds: path.write_text("id,at,amount"))
    assert arrivals.take(toy, datetime.now(UTC)) == 0


BY_ARRIVAL = 'source=CSV(path="in/*.csv"), event_id="id",'
HEADER = "id,amount,kind,bad"


def test_without_event_time_the_new_rows_of_a_growing_file_arrive_when_it_grew(declared, drop):
    toy = declared(BY_ARRIVAL)
    first, second = datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(2026, 3, 9, 7, tzinfo=UTC)
    drop("a.csv", lines("a,1,x,0", "b,1,x,", header=HEADER), at=first)
    assert sources.due(toy).key == "2026-03-01"
    assert ingest(toy).new == 2
    assert not ingest(toy).changed
    drop("a.csv", lines("a,1,x,0", "b,1,x,1", "c,1,x,", header=HEADER), at=second)
    assert sources.due(toy).key == "2026-03-09"
    assert ingest(toy).new == 1
    (old,) = late(toy, Partition.parse("2026-03-09", grains.DAY))  # a label of the first arrival
    assert (old.partition.key, ingest(toy, old.partition).labels) == ("2026-03-01", 1)
    assert current(toy, "event_id", "event_time") == [("a", first), ("b", first), ("c", second)]
    drop("a.csv", (toy and lines("a,1,x,0", "b,1,x,1", "c,1,x,", header=HEADER)), at=second + timedelta(days=3))
    assert sources.due(toy).key == "2026-03-09"


def test_a_query_without_event_time_dates_rows_by_their_first_reading(declared):
    engine = database().engine
    shop = pd.DataFrame({"id": ["a", "b"], "amount": [1.0, 2.0], "kind": "x", "bad": 0})
    shop.to_sql("shop", engine, index=False)
    url = database().url.render_as_string(hide_password=False)
    toy = declared(f'source=Query(url={url!r}, sql="SELECT * FROM shop"), event_id="id",')
    before = datetime.now(UTC)
    assert ingest(toy).new == 2
    times = current(toy, "event_time")
    assert before <= times[0][0] <= datetime.now(UTC)
    pd.DataFrame({"id": ["c"], "amount": [3.0], "kind": "x", "bad": 0}).to_sql(
        "shop", engine, index=False, if_exists="append"
    )
    ingest(toy)
    assert [row for row in current(toy, "event_time") if row in times] == times
    assert len(current(toy, "event_id")) == 3
    events = stored(toy, "event")
    assert all(row["known_at"] >= row["event_time"] for row in events)


def test_a_growing_table_is_read_by_its_watermark_with_an_overlap(declared):
    engine = database().engine
    url = database().url.render_as_string(hide_password=False)
    columns = ["id", "at", "amount", "kind", "bad", "changed"]

    def append(*rows):
        frame = pd.DataFrame(rows, columns=columns)
        frame["changed"] = pd.to_datetime(frame["changed"], utc=True)
        frame.to_sql("shop", engine, index=False, if_exists="append")

    append(
        ("a", "2026-03-01", 1.0, "x", 0, "2026-03-01T01:00"),
        ("b", "2026-03-01", 1.0, "x", 0, "2026-03-01T01:00"),
        ("b", "2026-03-01", 2.0, "x", 0, "2026-03-01T02:00"),
    )
    toy = declared(f'source=Table(url={url!r}, table="shop", watermark="changed"), event_id="id", event_time="at",')
    assert ingest(toy, DAY).new == 2
    assert current(toy, "event_id", "amount") == [("a", 1.0), ("b", 2.0)]
    append(
        ("committed late", "2026-03-01", 1.0, "x", 0, "2026-03-01T01:30"),
        ("a", "2026-03-01", 9.0, "x", 1, "2026-03-02T00:00"),
        ("c", "2026-03-02", 1.0, "x", 0, "2026-03-02T00:00"),
    )
    ingest(toy, DAY.shift(1))
    assert [item.partition for item in late(toy, DAY.shift(1))] == [DAY]
    done = ingest(toy, DAY)
    assert (done.new, done.revised) == (1, 1)
    assert current(toy, "event_id", "amount") == [("a", 9.0), ("b", 2.0), ("c", 1.0), ("committed late", 1.0)]
    assert arrivals.undelivered(toy) == set()


def test_an_overlap_that_does_not_fit_the_watermark_is_refused(declared):
    url = database().url.render_as_string(hide_password=False)
    frame = pd.DataFrame({"number": [1], "id": ["a"], "at": "2026-03-01", "amount": 1.0, "kind": "x", "bad": 0})
    frame.to_sql("shop", database().engine, index=False)
    source = f'source=Table(url={url!r}, table="shop", watermark="number", overlap=days(1)), event_id="id", '
    toy = declared(source + 'event_time="at",')
    arrivals.take(toy, datetime.now(UTC))
    with pytest.raises(SourceError, match="overlap does not fit the watermark"):
        arrivals.take(toy, datetime.now(UTC))


CONTENT = 'source=CSV(path="in/*.csv"), event_time="at",'
TIMED = "at,amount,kind,bad"


def test_without_an_id_exact_duplicates_survive_and_a_redelivery_does_not_double_them(declared, drop):
    toy = declared(CONTENT)
    same = "2026-03-01T08:00,1,x,"
    drop("a.csv", lines(same, same, "2026-03-01T09:00,2,y,0", header=TIMED))
    done = ingest(toy, DAY)
    assert (done.new, done.repeated, done.quarantined) == (3, 0, 0)
    drop("a.csv", lines("2026-03-01T09:00,2,y,0", same, same, header=TIMED))
    assert not ingest(toy, DAY).changed  # in another order, it is the same delivery
    drop("a.csv", lines("2026-03-01T09:00,2,y,0", same, same, same, header=TIMED))
    done = ingest(toy, DAY)
    assert (done.new, done.revised) == (1, 0)


def test_labels_of_equal_rows_without_an_id_find_an_event_each(declared, drop):
    toy = declared(CONTENT)
    same = "2026-03-01T08:00,1,x,"
    labels = []
    for bad in ((None, None, None), (1, None, None), (1, None, 1)):
        drop("a.csv", lines(*(same + ("" if one is None else str(one)) for one in bad), header=TIMED))
        ingest(toy, DAY)
        labels.append([row["event_id"] for row in stored(toy, "label")])
    assert [len(found) for found in labels] == [0, 1, 2]
    assert set(labels[1]) < set(labels[2])
    assert len(current(toy, "event_id")) == 3


def test_without_an_id_a_changed_row_takes_the_place_of_the_former(declared, drop):
    toy = declared(CONTENT)
    drop("a.csv", lines("2026-03-01T08:00,1,x,", "2026-03-01T09:00,1,x,", header=TIMED))
    ingest(toy, DAY)
    drop("a.csv", lines("2026-03-01T08:00,5,x,", "2026-03-01T09:00,1,x,", header=TIMED))
    done = ingest(toy, DAY)
    assert (done.new, done.revised) == (1, 1)
    assert current(toy, "amount") == [(1.0,), (5.0,)]


def test_without_id_and_time_a_growing_file_keeps_its_events(declared, drop):
    toy = declared('source=CSV(path="in/*.csv"),')
    drop("a.csv", lines("1,x,0", "1,x,0", header="amount,kind,bad"), at=datetime(2026, 3, 1, tzinfo=UTC))
    assert ingest(toy).new == 2
    drop("a.csv", lines("1,x,0", "1,x,0", "1,x,0", header="amount,kind,bad"), at=datetime(2026, 3, 2, tzinfo=UTC))
    assert ingest(toy).new == 1
    assert [moment.day for (moment,) in current(toy, "event_time")] == [1, 1, 2]


def test_a_source_without_any_row_has_nothing_to_backfill(declared):
    with pytest.raises(NotFound, match="source has no rows"):
        span(declared(FOLDER), None, None)


def test_what_was_delivered_can_be_read_again(declared, drop):
    toy = declared('source=CSV(path="in/*.csv"),')
    drop("a.csv", lines("1,x,0", header="amount,kind,bad"), at=datetime(2026, 3, 1, tzinfo=UTC))
    kept = deliveries.read("toy", DAY, sources.deliver(toy, DAY))
    assert kept["event_time"].tolist() == [pd.Timestamp("2026-03-01", tz="UTC")]


def test_several_files_that_arrive_at_once_are_taken_in_together(declared, drop):
    toy = declared(BY_ARRIVAL)
    for day in (1, 2, 3):
        drop(f"{day}.csv", lines(f"{day},1,x,0", header=HEADER), at=datetime(2026, 3, day, tzinfo=UTC))
    assert [partition.key for partition in span(toy, None, None)] == ["2026-03-01", "2026-03-02", "2026-03-03"]
