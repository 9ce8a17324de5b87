"""What every kind of source must do; a new one is tested here as soon as it is in the list."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import get_args

import pandas as pd
import pytest

from leeway.core.errors import SourceError
from leeway.definition import CSV, Folder, Parquet, Query, Simulator, Source, Table, catalog, grains
from leeway.definition.partitions import Partition
from leeway.ingest import sources
from leeway.ingest.sources import arrivals
from leeway.ingest.sources.kinds import KINDS, kind_of, news
from leeway.store.database import database

DAY = Partition.parse("2026-03-02", grains.DAY)
NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)
MODEL = """
from datetime import timedelta

from leeway.definition import *

{before}
classifier = Classifier(
    source={source},
    event_id="id",
    {event_time}
    label=Label(column="bad", positive=1, negative=0, delay=days(0)),
    columns={{"amount": numeric(), "kind": categorical()}},
)
"""
STREAM = """
import pandas as pd


class Shop:
    def rows(self, start, end):
        rows = pd.read_csv(r"{path}", dtype=str)
        times = pd.to_datetime(rows["at"], utc=True)
        return rows[(times >= start) & (times < end)]
"""
BOUNDS = "WHERE at >= :start AND at < :end"
SOURCES = {
    CSV: 'CSV(path="in/*.csv")',
    Parquet: 'Parquet(path="in/*.parquet")',
    Folder: 'Folder(path="in", pattern="*.csv", settle=timedelta(0))',
    Query: 'Query(url=r"sqlite:///{root}/shop.db", sql="SELECT * FROM shop {bounds}")',
    Table: 'Table(url=r"sqlite:///{root}/shop.db", table="shop", watermark="number", overlap=2)',
    Simulator: "Simulator(stream=Shop())",
}
KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.declaration.__name__)


def rows():
    at = [f"2026-03-0{day}T{hour:02}:00:00" for day in (1, 2, 3) for hour in (0, 12, 23)]
    kinds = ["a", None, "c"] * 3
    values = {"id": [f"e{place}" for place in range(9)], "at": at, "amount": "1.5", "kind": kinds, "bad": "0"}
    return pd.DataFrame(values).assign(number=range(9))


@pytest.fixture
def declared(project):
    """A classifier over the same nine events, three a day, whatever holds them."""
    (project.root / "in").mkdir()
    rows().to_csv(project.root / "in" / "a.csv", index=False)
    rows().to_parquet(project.root / "in" / "a.parquet")
    with closing(sqlite3.connect(project.root / "shop.db")) as connection:
        rows().to_sql("shop", connection, index=False)

    def declare(kind, *, dated=True):
        simulated = kind.declaration is Simulator
        source = SOURCES[kind.declaration].format(root=project.root, bounds=BOUNDS if dated else "")
        before = STREAM.format(path=project.root / "in" / "a.csv") if simulated else ""
        event_time = 'event_time="at",' if dated else ""
        project.declare("toy", MODEL.format(before=before, source=source, event_time=event_time))
        return catalog.load("toy")

    return declare


def test_every_declaration_has_one_kind():
    assert [kind.declaration for kind in KINDS] == list(get_args(Source)) == list(SOURCES)


@KIND
def test_a_partition_has_its_own_rows_in_order_and_the_same_each_time(declared, kind):
    toy = declared(kind)
    assert kind_of(toy.source) is kind
    found = sources.extract(toy, DAY, now=NOW)
    assert found["id"].tolist() == ["e3", "e4", "e5"]
    assert found["kind"].isna().tolist() == [False, True, False]
    delivery = sources.deliver(toy, DAY, now=NOW)
    assert sources.deliver(toy, DAY, now=NOW) == delivery
    assert arrivals.are_taken_in(toy) is kind.grows


@KIND
def test_it_says_which_partitions_it_has_or_that_it_cannot(declared, kind):
    toy = declared(kind)
    if not kind.has_beginning:
        with pytest.raises(SourceError, match="name the range with --from and --to"):
            sources.occupied(toy, NOW)
        return
    assert [item.key for item in sources.occupied(toy, NOW)] == ["2026-03-01", "2026-03-02", "2026-03-03"]


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.has_beginning], ids=lambda kind: kind.declaration.__name__
)
def test_rows_without_a_time_are_taken_in_once(declared, kind):
    toy = declared(kind, dated=False)
    assert arrivals.take(toy, NOW) == 1
    arrivals.take(toy, NOW + timedelta(hours=1))
    assert sources.due(toy, NOW).key == "2026-03-04"
    assert sorted(sources.extract(toy, Partition.containing(NOW, grains.DAY), now=NOW)["id"]) == list(rows()["id"])


@KIND
def test_what_was_taken_in_as_labels_is_not_all_new_again(declared, kind):
    """Queries and tables begin a little earlier than they ended, for rows that were written late."""
    toy = declared(kind)
    with database().transaction() as connection:
        first = list(news(connection, "toy", "labels", toy.source, NOW))
        for item in first:
            assert len(pd.concat(list(item.rows))) == 9
            item.record(connection, toy, "labels", "folder")
        again = list(news(connection, "toy", "labels", toy.source, NOW + timedelta(days=9)))
        seen = sum(len(rows) for item in again for rows in item.rows)
    assert len(first) == (1 if kind.has_beginning else 0)
    assert seen < 9


@KIND
def test_only_what_is_asked_for_partitions_is_asked(declared, kind):
    toy = declared(kind)
    if kind.grows:
        with pytest.raises(NotImplementedError):
            kind.rows(toy, toy.source, DAY, NOW)
    else:
        assert sum(len(frame) for frame in kind.rows(toy, toy.source, DAY, NOW)) == 3
