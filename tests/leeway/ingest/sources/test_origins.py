"""Earlier partitions whose rows changed after they were ingested: of every kind of source, and at what cost."""

import os
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa

from leeway.definition import catalog, grains
from leeway.definition.partitions import Partition
from leeway.ingest import publication, quarantine, sources
from leeway.ingest.audit import audit
from leeway.ingest.reading import delimited
from leeway.ingest.sources import staging
from leeway.operations.backfill_plan import late, plan
from leeway.operations.status import status
from leeway.store.database import database
from leeway.store.schemas import ensure_tables
from leeway.store.tables import origin

SUITE = """
import great_expectations.expectations as gxe

expectations = [gxe.ExpectTableRowCountToBeBetween(min_value=1)]
"""
MODEL = """
from datetime import timedelta

from leeway.definition import *

classifier = Classifier(
    {source},
    {event_id}
    event_time="at",
    label=Label(column="bad", positive=1, negative=0, delay=days(1)),
    columns={{"amount": numeric(), "kind": categorical()}},
    quarantine_limit={limit},
)
"""
SOURCES = {
    "CSV": 'source=CSV(path="in/*.csv")',
    "Parquet": 'source=Parquet(path="in/*.parquet")',
    "Folder": 'source=Folder(path="in", settle=timedelta(0))',
    "SQLite": 'source=Query(url=r"sqlite:///{root}/shop.db", sql="SELECT * FROM shop WHERE at >= :start AND at < :end")',
    "PostgreSQL": 'source=Query(url="{url}", sql="SELECT * FROM shop WHERE at >= :start AND at < :end")',
}
NAMES = ["id", "at", "amount", "kind", "bad"]
FIRST = Partition.parse("2026-03-01", grains.DAY)


@pytest.fixture
def declared(project):
    def declare(source="CSV", *, event_id=True, limit=1.0):
        url = database().url.render_as_string(hide_password=False)
        text = SOURCES.get(source, source).format(root=project.root, url=url)
        key = 'event_id="id",' if event_id else ""
        project.declare("toy", MODEL.format(source=text, event_id=key, limit=limit), SUITE)
        (project.root / "in").mkdir(exist_ok=True)
        return catalog.load("toy")

    return declare


@pytest.fixture
def deliver(project):
    """Put a day's rows where a kind of source has them; what was there of that day goes."""

    def put(kind, day, rows):
        frame = pd.DataFrame(rows, columns=NAMES)
        path = project.root / "in" / f"{day}.csv"
        path.parent.mkdir(exist_ok=True)
        if kind in ("CSV", "Folder"):
            frame.to_csv(path, index=False)
        elif kind == "Parquet":
            frame.assign(bad=frame["bad"].astype("Int64")).to_parquet(path.with_suffix(".parquet"))
        elif kind == "SQLite":
            with closing(sqlite3.connect(project.root / "shop.db")) as connection:
                _upsert(connection, frame.astype({"bad": "Int64"}))
        else:
            frame = frame.assign(at=pd.to_datetime(frame["at"], utc=True), bad=frame["bad"].astype("Int64"))
            with database().engine.begin() as connection:
                if sa.inspect(connection).has_table("shop"):
                    connection.execute(sa.text("DELETE FROM shop WHERE id = ANY(:ids)"), {"ids": frame["id"].tolist()})
                frame.to_sql("shop", connection, index=False, if_exists="append")

    return put


def _upsert(connection, frame):
    connection.execute("CREATE TABLE IF NOT EXISTS shop (id, at, amount, kind, bad)")
    connection.executemany("DELETE FROM shop WHERE id = ?", [(key,) for key in frame["id"]])
    frame.to_sql("shop", connection, index=False, if_exists="append")
    connection.commit()


def day(number):
    return FIRST.shift(number - 1)


def rows(number, *, labelled=None, ids=range(4), amount=1.0):
    return [(f"{number}-{place}", f"2026-03-{number:02}T{place:02}:30", amount, "x", labelled) for place in ids]


def ingest(classifier, partition):
    suite = catalog.audit_fingerprint(classifier.name)
    delivery = sources.deliver(classifier, partition)
    done = publication.published(classifier, partition, delivery, suite)
    if done is None:
        audit(classifier, partition, delivery)
        done = publication.publish(classifier, partition, delivery, suite)
    return done


def night(classifier, partition):
    """What a night takes in: its own partition, and earlier ones that have changed."""
    done = {partition.key: ingest(classifier, partition)}
    return done | {item.partition.key: ingest(classifier, item.partition) for item in late(classifier, partition)}


def labels(classifier):
    with database().transaction() as connection:
        label = ensure_tables(connection, classifier).label
        return connection.scalar(sa.select(sa.func.count()).select_from(label))


def events(classifier):
    with database().transaction() as connection:
        event = ensure_tables(connection, classifier).event
        return connection.scalar(sa.select(sa.func.count()).select_from(event).where(event.c.superseded_at.is_(None)))


def due(classifier, night):
    return [item.partition.key for item in late(classifier, night)]


def planned(classifier, *partitions):
    return [(step.partition.key, step.why) for step in plan(classifier, partitions, ("ingest",), "missing")]


@pytest.mark.parametrize("kind", list(SOURCES))
def test_labels_that_are_filled_in_on_the_next_day_arrive(declared, deliver, kind):
    deliver(kind, 1, rows(1))
    toy = declared(kind)
    night(toy, day(1))
    deliver(kind, 1, rows(1, labelled=1))
    deliver(kind, 2, rows(2))
    done = night(toy, day(2))
    assert {key: item.labels for key, item in done.items()} == {"2026-03-02": 0, "2026-03-01": 4}
    assert labels(toy) == 4
    assert due(toy, day(2)) == []


@pytest.mark.parametrize("kind", list(SOURCES))
def test_rows_that_come_a_day_late_and_corrected_labels_arrive(declared, deliver, kind):
    deliver(kind, 1, rows(1, labelled=0))
    deliver(kind, 2, rows(2, labelled=0))
    toy = declared(kind)
    night(toy, day(1))
    night(toy, day(2))
    deliver(kind, 1, [*rows(1, labelled=0, ids=range(3)), *rows(1, labelled=1, ids=[3])])
    deliver(kind, 3, [*rows(3, labelled=0), *rows(2, labelled=0, ids=[7, 8])])
    done = night(toy, day(3))
    assert {key: (item.new, item.labels) for key, item in done.items()} == {
        "2026-03-03": (4, 4),
        "2026-03-01": (0, 1),
        "2026-03-02": (2, 2),
    }


@pytest.mark.parametrize("kind", ["CSV", "SQLite"])
def test_what_is_due_is_said_before_it_is_done(declared, deliver, kind):
    deliver(kind, 1, rows(1))
    deliver(kind, 2, rows(2))
    toy = declared(kind)
    night(toy, day(1))
    night(toy, day(2))
    assert planned(toy, day(1), day(2)) == []
    deliver(kind, 1, rows(1, labelled=1))
    assert planned(toy, day(1), day(2)) == [("2026-03-01", "its rows have changed since")]


def test_the_status_says_which_partitions_have_changed(declared, deliver):
    deliver("CSV", 1, rows(1))
    toy = declared()
    night(toy, day(1))
    assert status(toy).changed == []
    deliver("CSV", 1, rows(1, labelled=1))
    assert status(toy).changed == ["2026-03-01"]
    assert labels(toy) == 0


def test_the_status_of_a_source_that_cannot_be_read_says_why(declared, deliver, project):
    deliver("CSV", 1, rows(1))
    toy = declared()
    night(toy, day(1))
    (project.root / "in" / "1.csv").unlink()
    assert "no file matches" in status(toy).unknown


def test_a_changed_query_is_found_as_long_as_labels_may_come_and_no_longer(declared, deliver):
    for number in range(1, 20):
        deliver("SQLite", number, rows(number))
    toy = declared("SQLite")
    for number in range(1, 20):
        ingest(toy, day(number))
    deliver("SQLite", 2, rows(2, labelled=1))
    deliver("SQLite", 17, rows(17, labelled=1))
    assert due(toy, day(19)) == ["2026-03-17"]


def test_a_file_that_is_touched_renamed_or_gone_makes_nothing_due(declared, deliver, project):
    for number in (1, 2, 3):
        deliver("CSV", number, rows(number))
    toy = declared()
    for number in (1, 2, 3):
        ingest(toy, day(number))
    folder = project.root / "in"
    os.utime(folder / "1.csv")
    (folder / "2.csv").rename(folder / "two.csv")
    (folder / "3.csv").unlink()
    assert due(toy, day(4)) == []


def test_a_partition_of_which_a_file_has_gone_is_not_taken_for_corrected(declared, deliver, project):
    """Without an id, rows that a delivery lacks are withdrawn: a file that was moved away is no correction."""
    toy = declared(event_id=False)
    deliver("CSV", 1, rows(1))
    deliver("CSV", 2, [*rows(2), *rows(1, ids=[9])])
    ingest(toy, day(1))
    (project.root / "in" / "1.csv").unlink()
    deliver("CSV", 2, [*rows(2), *rows(1, ids=[9], labelled=1)])
    assert due(toy, day(2)) == []


def test_without_an_id_what_a_replaced_file_has_no_longer_goes(declared, deliver):
    toy = declared(event_id=False)
    deliver("CSV", 1, rows(1))
    deliver("CSV", 2, [*rows(2), *rows(1, ids=[9])])
    ingest(toy, day(1))
    ingest(toy, day(2))
    deliver("CSV", 2, rows(2))
    done = night(toy, day(3 - 1))
    assert (done["2026-03-01"].revised, events(toy)) == (1, 8)


def test_a_rejected_partition_is_tried_again_when_its_file_was_corrected_and_not_before(declared, deliver):
    toy = declared(limit=0.1)
    deliver("CSV", 1, [*rows(1, ids=range(3)), ("1-3", "2026-03-01T03:30", "much", "x", None)])
    suite = catalog.audit_fingerprint(toy.name)
    delivery = sources.deliver(toy, day(1))
    with pytest.raises(Exception, match="quarantine_limit") as refused:
        audit(toy, day(1), delivery)
    publication.reject(toy, day(1), delivery, suite, refused.value)
    assert due(toy, day(2)) == []
    deliver("CSV", 1, rows(1))
    assert due(toy, day(2)) == ["2026-03-01"]


def test_a_delivery_that_was_never_published_leaves_its_partition_due(declared, deliver):
    toy = declared()
    deliver("CSV", 1, rows(1))
    ingest(toy, day(1))
    deliver("CSV", 1, rows(1, labelled=1))
    sources.deliver(toy, day(1))  # and the process was killed
    assert due(toy, day(2)) == ["2026-03-01"]


@pytest.mark.parametrize("kind", ["CSV", "Parquet"])
def test_what_an_older_version_ingested_is_compared_once(declared, deliver, kind):
    toy = declared(kind)
    for number in (1, 2):
        deliver(kind, number, rows(number))
        ingest(toy, day(number))
    with database().transaction() as connection:
        connection.execute(sa.delete(origin))
    deliver(kind, 2, rows(2, labelled=1))
    assert due(toy, day(3)) == ["2026-03-02"]
    deliver(kind, 1, rows(1, labelled=1))
    assert due(toy, day(3)) == ["2026-03-01", "2026-03-02"]


def test_another_definition_makes_no_history_due_but_late_labels_still_arrive(declared, deliver, project):
    toy = declared()
    for number in range(1, 20):
        deliver("CSV", number, rows(number))
        ingest(toy, day(number))
    text = (project.root / "models" / "toy.py").read_text()
    project.write("models/toy.py", text.replace('"kind": categorical()', '"kind": categorical(), "bonus": numeric()'))
    for path in (project.root / "in").glob("*.csv"):
        pd.read_csv(path).assign(bonus=2).to_csv(path, index=False)
    toy = catalog.load("toy")
    found = due(toy, day(20))
    assert "2026-03-02" not in found
    assert "2026-03-19" in found


# Rows whose time cannot be read.


def unreadable(number, count, *, time="soon"):
    return [(f"{number}-bad{place}", time, 1.0, "x", None) for place in range(count)]


def broken(classifier):
    return sorted((item.partition, item.occurrences) for item in quarantine.rows(classifier))


@pytest.mark.parametrize("kind", ["CSV", "Parquet", "Folder"])
def test_a_row_without_a_time_is_in_the_delivery_of_its_file_and_no_other(declared, deliver, kind):
    deliver(kind, 1, [*rows(1), *unreadable(1, 2)])
    deliver(kind, 2, [*rows(2), *unreadable(2, 1)])
    deliver(kind, 3, rows(3))
    toy = declared(kind)
    assert [ingest(toy, day(number)).quarantined for number in (1, 2, 3)] == [2, 1, 0]


def test_a_line_that_cannot_be_read_is_in_the_delivery_of_its_file_and_no_other(declared, deliver, project):
    for number in (1, 2):
        deliver("CSV", number, rows(number))
        with (project.root / "in" / f"{number}.csv").open("a") as file:
            file.write("a line\n")
    toy = declared()
    assert [ingest(toy, day(number)).quarantined for number in (1, 2)] == [1, 1]


def test_faulty_rows_of_a_growing_file_stay_where_they_came_and_do_not_add_up(declared, deliver):
    toy, all_rows = declared(limit=0.25), []
    for number in (1, 2, 3, 4):
        all_rows += [*rows(number), *unreadable(number, 1)]
        deliver("CSV", 1, all_rows)
        assert set(night(toy, day(number))) == {day(number).key}
    assert [key for key, _ in broken(toy)] == [day(number).key for number in (1, 2, 3, 4)]


def test_rows_of_another_year_are_in_the_delivery_of_their_file_and_no_other(declared, deliver):
    deliver("CSV", 1, [*rows(1), ("far", "2062-03-01", 1.0, "x", None)])
    deliver("CSV", 2, rows(2))
    toy = declared()
    assert [ingest(toy, day(number)).quarantined for number in (1, 2)] == [1, 0]


def test_a_file_without_any_readable_time_is_in_the_partition_that_was_due_when_it_came(declared, deliver):
    deliver("CSV", 1, rows(1))
    deliver("CSV", 2, unreadable(2, 3))
    toy = declared()
    last = Partition.last_complete(datetime.now(UTC), grains.DAY)
    assert ingest(toy, day(1)).quarantined == 0
    assert sources.occupied(toy)[-1] == last
    assert ingest(toy, last).quarantined == 3


def test_a_row_without_a_readable_time_is_in_one_partition_of_a_query(declared, deliver):
    deliver("SQLite", 2, [*rows(2), ("bad", "2026-03-02T25:99", 1.0, "x", None)])
    deliver("SQLite", 1, rows(1))
    deliver("SQLite", 3, rows(3))
    toy = declared("SQLite")
    assert [ingest(toy, day(number)).quarantined for number in (1, 2, 3)] == [0, 1, 0]


def test_what_had_no_time_in_a_file_that_was_delivered_again_counts_no_more(declared, deliver):
    toy = declared("Folder")
    deliver("Folder", 1, [*rows(1), *unreadable(1, 1)])
    assert ingest(toy, day(1)).quarantined == 1
    deliver("Folder", 1, rows(1, ids=range(5)))
    assert ingest(toy, day(1)).quarantined == 0


# What it costs.


@pytest.fixture
def parsed(monkeypatch):
    """The files that are parsed."""
    seen = []
    read = delimited.read
    monkeypatch.setattr(delimited, "read", lambda source, file: seen.append(file.name) or read(source, file))
    return seen


def test_a_file_is_parsed_once_for_all_of_its_days(declared, deliver, parsed):
    deliver("CSV", 1, [row for number in (1, 2, 3, 4) for row in rows(number)])
    toy = declared()
    sources.occupied(toy)
    for number in (1, 2, 3, 4):
        night(toy, day(number))
    assert parsed == ["1.csv"]
    deliver("CSV", 5, rows(5))
    night(toy, day(5))
    assert parsed == ["1.csv", "5.csv"]


def test_files_that_have_not_changed_are_not_opened_again(declared, deliver, monkeypatch):
    for number in range(1, 11):
        deliver("CSV", number, rows(number))
    toy = declared()
    for number in range(1, 11):
        ingest(toy, day(number))
    opened = []
    load = staging.contents_of
    monkeypatch.setattr(staging, "contents_of", lambda folder: opened.append(folder) or load(folder))
    deliver("CSV", 11, rows(11))
    night(toy, day(11))
    assert len(opened) <= 2


def test_what_was_split_and_cleared_away_is_split_again_when_it_is_needed(declared, deliver, project):
    deliver("CSV", 1, rows(1))
    toy = declared()
    before = sources.deliver(toy, day(1))
    for folder in (project.home / "staged" / "toy").glob("*/*"):
        folder.unlink()
        if not any(folder.parent.iterdir()):
            folder.parent.rmdir()
    assert sources.deliver(toy, day(1)) == before


@pytest.mark.parametrize("kind", ["CSV", "Folder"])
def test_a_night_of_many_files_costs_little_more_than_one_of_few(declared, deliver, kind):
    """Five hundred unchanged files: a state each, no parsing, no statement each."""
    for number in range(1, 4):
        deliver(kind, number, rows(number))
    toy = declared(kind)
    for place in range(500):
        moment = FIRST.start - timedelta(days=1 + place)
        deliver(kind, f"old{place}", [(f"old{place}", f"{moment:%Y-%m-%d}", 1.0, "x", 0)])
    for number in (1, 2):
        night(toy, day(number))
    began = time.process_time()
    night(toy, day(3))
    assert time.process_time() - began < 1.0  # it took three and more; a busy machine gets some room
