import gzip
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from leeway.core.errors import LeewayError, SourceError
from leeway.core.settings import settings
from leeway.definition import CSV, Classifier, Label, Parquet, Query, Simulator, categorical, days, grains, numeric
from leeway.definition.partitions import Partition
from leeway.ingest.sources import extract, occupied

DAY = Partition(datetime(2026, 3, 1, tzinfo=UTC), grains.DAY)
SQL = "SELECT * FROM shop WHERE at >= :start AND at < :end"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_PROJECT", str(tmp_path))
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / ".leeway"))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def toy(source, **changes):
    given = {
        "event_id": "id",
        "event_time": "at",
        "label": Label(column="bad", delay=days(1)),
        "columns": {"amount": numeric(), "kind": categorical()},
    }
    return Classifier(source=source, **{**given, **changes})


def rows(ids, at="2026-03-01T08:00:00", **columns):
    count = len(list(ids))
    given = {"id": [str(one) for one in ids], "at": [at] * count, "bad": ["0"] * count}
    return pd.DataFrame({**given, "amount": ["1.5"] * count, "kind": ["a"] * count, "unused": ["u"] * count, **columns})


def ids(frame):
    return frame["id"].astype(str).tolist()


def refused(source, reason, **changes):
    with pytest.raises(SourceError, match=reason) as caught:
        extract(toy(source, **changes), DAY)
    assert "\n" not in str(caught.value)


def test_csv_files_are_read_by_glob_with_delimiter_encoding_and_compression(folder):
    rows([2], kind=["grün"]).to_csv(folder / "b.csv", sep=";", encoding="latin-1", index=False)
    with gzip.open(folder / "a.csv.gz", "wt", encoding="latin-1") as file:
        rows([1], kind=["weiß"]).to_csv(file, sep=";", index=False)
    found = extract(toy(CSV(path="*.csv*", delimiter=";", encoding="latin-1")), DAY)
    assert ids(found) == ["1", "2"]
    assert found["kind"].tolist() == ["weiß", "grün"]
    assert "unused" not in found


def test_csv_values_stay_the_text_that_they_were(folder):
    rows([1, 2], amount=["007", "1e5"]).to_csv(folder / "a.csv", index=False)
    assert extract(toy(CSV(path="a.csv")), DAY)["amount"].tolist() == ["007", "1e5"]


def test_parquet_files_keep_their_types(folder):
    frame = rows([1, 2], amount=[1.5, None], at=pd.Timestamp("2026-03-01T08:00Z"))
    frame.to_parquet(folder / "a.parquet")
    found = extract(toy(Parquet(path="a.parquet")), DAY)
    assert found["amount"].dtype == "float64"
    assert ids(found) == ["1", "2"]


def test_a_simulator_gives_its_rows():
    class Stream:
        def rows(self, start, end):
            return rows([1, 2], at=start.isoformat())

    assert ids(extract(toy(Simulator(stream=Stream())), DAY)) == ["1", "2"]


def test_only_the_partition_is_taken_and_what_belongs_to_none_comes_along_once(folder):
    times = {
        "before": "2026-02-28T23:59:59.999999",
        "first": "2026-03-01T00:00:00",
        "last": "2026-03-01T23:59:59.999999",
        "after": "2026-03-02T00:00:00",
        "unreadable": "soon",
        "none": None,
        "future": "2999-01-01",
    }
    frame = rows(times)
    frame["at"] = list(times.values())
    frame.to_csv(folder / "a.csv", index=False)
    assert set(ids(extract(toy(CSV(path="a.csv")), DAY))) == {"first", "last"}
    assert set(ids(extract(toy(CSV(path="a.csv")), DAY.shift(1)))) == {"after", "unreadable", "none", "future"}


def test_rows_come_in_the_order_of_time_and_id_whatever_the_order_of_the_files(folder):
    rows([3, 1], at="2026-03-01T09:00").to_csv(folder / "a.csv", index=False)
    rows([2], at="2026-03-01T07:00").to_csv(folder / "b.csv", index=False)
    assert ids(extract(toy(CSV(path="*.csv")), DAY)) == ["2", "1", "3"]


def test_naive_times_are_in_the_source_s_zone_and_offsets_are_honoured(folder):
    rows([1], at="2026-03-01T00:30").to_csv(folder / "a.csv", index=False)
    berlin = CSV(path="a.csv", timezone="Europe/Berlin")
    assert ids(extract(toy(berlin), DAY)) == []
    assert ids(extract(toy(berlin), DAY.shift(-1))) == ["1"]
    rows([2], at="2026-03-01T00:30+00:00").to_csv(folder / "a.csv", index=False)
    assert ids(extract(toy(berlin), DAY)) == ["2"]


def test_times_of_which_only_some_carry_an_offset_are_each_read_as_written(folder):
    frame = rows([1, 2])
    frame["at"] = ["2026-03-01T23:30Z", "2026-03-02T00:30"]
    frame.to_csv(folder / "a.csv", index=False)
    assert ids(extract(toy(CSV(path="a.csv", timezone="Europe/Berlin")), DAY)) == ["1", "2"]
    assert ids(extract(toy(CSV(path="a.csv")), DAY)) == ["1"]


def test_a_file_that_is_not_there_empty_or_without_rows(folder):
    refused(CSV(path="data/*.csv"), r"reading data/\*.csv: no file matches .*deliver the file")
    (folder / "a.csv").touch()
    refused(CSV(path="a.csv"), r"a.csv: the file is empty .*0 bytes")
    rows([]).to_csv(folder / "a.csv", index=False)
    assert extract(toy(CSV(path="a.csv")), DAY).empty


@pytest.mark.parametrize("content", ["id,at\n1,2026-03-01\n".encode("utf-16"), b"\xff\xfe\x00"])
def test_a_file_that_is_not_the_declared_text_is_refused(folder, content):
    (folder / "a.csv").write_bytes(content)
    refused(CSV(path="a.csv"), "a.csv: its header is no text in the declared encoding")


def test_a_file_cut_short_is_refused(folder):
    (folder / "a.csv.gz").write_bytes(gzip.compress(rows(range(1000)).to_csv().encode())[:-20])
    refused(CSV(path="a.csv.gz"), "readable in the declared format")
    rows([1]).to_parquet(folder / "a.parquet")
    (folder / "a.parquet").write_bytes((folder / "a.parquet").read_bytes()[:-20])
    refused(Parquet(path="a.parquet"), "readable in the declared format")
    (folder / "b.parquet").write_text("id,at\n1,2")
    refused(Parquet(path="b.parquet"), "readable in the declared format")


def test_a_renamed_column_comes_along_for_the_audit_to_name(folder):
    rows([1]).rename(columns={"amount": "amuont"}).to_csv(folder / "a.csv", index=False)
    found = extract(toy(CSV(path="a.csv")), DAY)
    assert "amount" not in found
    assert "amuont" in found


def test_a_column_renamed_in_one_of_several_files_is_missing_not_empty(folder):
    rows([1]).to_csv(folder / "a.csv", index=False)
    rows([2]).rename(columns={"amount": "amuont"}).to_csv(folder / "b.csv", index=False)
    assert "amount" not in extract(toy(CSV(path="*.csv")), DAY)
    rows([2], at="2026-03-02T08:00").rename(columns={"amount": "amuont"}).to_csv(folder / "b.csv", index=False)
    assert "amount" in extract(toy(CSV(path="*.csv")), DAY)  # the other day's file does no harm


@pytest.mark.parametrize("column", ["id", "at"])
def test_a_missing_id_or_time_comes_to_the_audit_too(folder, column):
    rows([1, 2]).drop(columns=column).to_csv(folder / "a.csv", index=False)
    assert column not in extract(toy(CSV(path="a.csv")), DAY)


def test_a_file_that_is_delivered_again_is_read_again(folder):
    source = toy(CSV(path="a.csv"))
    for count in (1, 3):
        rows(range(count)).to_csv(folder / "a.csv", index=False)
        assert len(extract(source, DAY)) == count


def test_prepare_makes_the_declared_columns_whatever_index_it_leaves(folder):
    def prepare(frame):
        twice = pd.concat([frame, frame.assign(id=frame["id"] + "b")])  # with every index twice
        return twice.rename(columns={"betrag": "amount"})

    rows([1, 2]).rename(columns={"amount": "betrag"}).to_csv(folder / "a.csv", index=False)
    assert ids(extract(toy(CSV(path="a.csv", prepare=prepare)), DAY)) == ["1", "1b", "2", "2b"]


def own_error(frame):
    raise SourceError("preparing", problem="own rule", hint="own way out")


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (
            lambda frame: frame["betrag"],
            r"a.csv: the definition's prepare fails on the rows \(found: KeyError: 'betrag'",
        ),
        (lambda frame: None, r"does not return a DataFrame \(found: NoneType\)"),
        (lambda frame: frame.rename(columns={"unused": "amount"}), r"share a name \(found: amount\)"),
        (own_error, "own rule; own way out"),
    ],
)
def test_a_prepare_that_fails_is_named(folder, prepare, reason):
    rows([1]).to_csv(folder / "a.csv", index=False)
    refused(CSV(path="a.csv", prepare=prepare), reason)


@pytest.fixture
def shop(project, monkeypatch):
    """A table of a source database; its address is in the environment."""
    url = os.environ["LEEWAY_DATABASE_URL"]
    monkeypatch.setenv("SHOP_URL", url)
    frame = rows(range(4))
    frame["at"] = pd.to_datetime(
        ["2026-02-28T23:59Z", "2026-03-01T00:00Z", "2026-03-01T12:00Z", "2026-03-02T00:00Z"], format="ISO8601"
    )
    frame["amount"] = [1.0, 2.5, np.nan, 4.0]
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    frame.to_sql("shop", engine, index=False)
    return engine


def test_a_query_gets_the_partition_s_rows(shop):
    found = extract(toy(Query(url="${SHOP_URL}", sql=SQL)), DAY)
    assert ids(found) == ["1", "2"]
    assert found["amount"].isna().tolist() == [False, True]
    assert "unused" not in found


@pytest.mark.parametrize(
    "written", ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S.%f"]
)
@pytest.mark.parametrize(
    ("zone", "grain"), [("UTC", grains.DAY), ("America/New_York", grains.DAY), ("Pacific/Auckland", grains.HOUR)]
)
def test_sqlite_which_has_times_as_text_gives_the_partition_s_rows(folder, written, zone, grain):
    clock = "UTC" if written.endswith("Z") else zone
    times = pd.date_range("2026-02-27", "2026-03-04", freq="30min", tz="UTC")
    frame = rows(range(len(times))).assign(at=times.tz_convert(clock).strftime(written))
    frame.loc[0, "at"] = "2026-03-01 soon"
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        frame.to_sql("shop", connection, index=False)
    source = Query(url=f"sqlite:///{folder / 'shop.db'}", sql=SQL, timezone=zone)
    partition = Partition(datetime(2026, 3, 1, tzinfo=UTC), grain)
    found = extract(toy(source, partition=grain), partition)
    inside = (times >= partition.start) & (times < partition.end)
    assert set(ids(found)) == {str(place) for place in np.flatnonzero(inside)} | {"0"}
    assert Partition.containing(times[-1].to_pydatetime(), grain) in occupied(toy(source, partition=grain))


def test_a_query_may_be_prepared(shop):
    source = Query(url="${SHOP_URL}", sql=SQL, prepare=lambda frame: frame.assign(kind="prepared"))
    assert set(extract(toy(source), DAY)["kind"]) == {"prepared"}


def test_a_query_without_rows_is_an_empty_partition(shop):
    assert extract(toy(Query(url="${SHOP_URL}", sql=SQL)), DAY.shift(9)).empty


def test_a_query_that_the_database_refuses_is_one_line_without_the_password(shop):
    refused(
        Query(url="${SHOP_URL}", sql=SQL.replace("shop", "shoop")),
        r'does not answer the query .*"shoop" does not exist',
    )
    refused(Query(url="${SHOP_URL}", sql=SQL.replace("*", "*, id")), r"share a name \(found: id\)")


def test_a_query_whose_variable_is_not_set_says_so(project):
    refused(Query(url="${NOT_SET_ANYWHERE}", sql=SQL), r"variable of its address is not set .*NOT_SET_ANYWHERE")


@pytest.mark.parametrize("url", ["nonsense", "nosuchdatabase://h/d", "postgresql://u:secret@h:port/d"])
def test_a_url_that_is_none_says_so_without_the_password(project, url):
    with pytest.raises(SourceError, match="is not a SQLAlchemy URL with an installed driver") as caught:
        extract(toy(Query(url=url, sql=SQL)), DAY)
    assert "secret" not in str(caught.value)


def test_a_dollar_sign_in_a_password_is_no_variable(shop, monkeypatch):
    url = make_url(os.environ["SHOP_URL"]).set(password="pa$$ $word")
    source = Query(url=url.render_as_string(hide_password=False), sql=SQL)
    assert ids(extract(toy(source), DAY)) == ["1", "2"]


def test_a_source_database_that_is_down_is_one_line_without_the_password(project):
    refused_url = "postgresql://someone:secret@127.0.0.1:1/shop"
    with pytest.raises(
        LeewayError, match=r"querying postgresql\+psycopg2://someone:\*\*\*@127.0.0.1:1/shop.*refused"
    ) as caught:
        extract(toy(Query(url=refused_url, sql=SQL)), DAY)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
