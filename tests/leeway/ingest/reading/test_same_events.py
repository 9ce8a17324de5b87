"""The same table gives the same events, whatever it is written as, whole and split over days."""

import csv
import sqlite3
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from leeway.core.settings import settings as leeway_settings
from leeway.definition import (
    CSV,
    Classifier,
    Label,
    Parquet,
    Query,
    boolean,
    categorical,
    days,
    identifier,
    numeric,
    text,
    timestamp,
)
from leeway.ingest import contract, sources

NOW = datetime(2026, 12, 1, tzinfo=UTC)
START = datetime(2026, 11, 20, tzinfo=UTC)
COLUMNS = {
    "card": identifier(),
    "amount": numeric(),
    "count": numeric(),
    "plan": categorical(),
    "code": categorical(),
    "is_new": boolean(),
    "note": text(),
    "seen": timestamp(),
}
#: (delimiter, quote, quoting, escape, encoding, end of lines)
DIALECTS = {
    "usual": (",", '"', csv.QUOTE_MINIMAL, None, "utf-8", "\n"),
    "all quoted": (",", '"', csv.QUOTE_ALL, None, "utf-8", "\r\n"),
    "semicolon": (";", '"', csv.QUOTE_MINIMAL, None, "utf-8-sig", "\r\n"),
    "tab": ("\t", '"', csv.QUOTE_MINIMAL, None, "utf-8", "\n"),
    "bar": ("|", '"', csv.QUOTE_NONNUMERIC, None, "utf-8", "\n"),
    "apostrophe": (",", "'", csv.QUOTE_ALL, None, "utf-8", "\n"),
    "escaped": (",", '"', csv.QUOTE_ALL, "\\", "utf-8", "\n"),
    "utf-16": (",", '"', csv.QUOTE_MINIMAL, None, "utf-16", "\n"),
    "caret": ("^", '"', csv.QUOTE_MINIMAL, None, "utf-8", "\n"),
    "returns": (",", '"', csv.QUOTE_ALL, None, "utf-8", "\r"),
}
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=6).filter(
    lambda word: "\\" not in word
)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "minute": st.integers(0, 3 * 24 * 60 - 1),
            "card": st.none() | st.integers(0, 2**62),
            "amount": st.none() | st.floats(-1e9, 1e9).map(lambda number: round(number, 3)),
            "count": st.none() | st.integers(-(2**40), 2**40),
            "plan": st.none() | WORDS,
            "code": st.none() | st.integers(0, 9),
            "is_new": st.none() | st.booleans(),
            "note": st.none() | st.lists(WORDS, min_size=1, max_size=4).map(" ".join),
            "seen": st.none() | st.integers(0, 10**9),
            "bad": st.none() | st.integers(0, 1),
        }
    ),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEEWAY_PROJECT", str(folder))
        patch.setenv("LEEWAY_HOME", str(folder / ".leeway"))
        leeway_settings.cache_clear()
        yield folder
    leeway_settings.cache_clear()


def table_of(events):
    """The events as an Arrow table, of the types that a careful writer would choose."""
    at = [START + timedelta(minutes=event["minute"]) for event in events]
    seen = [None if event["seen"] is None else START - timedelta(seconds=event["seen"]) for event in events]
    values = {name: [event[name] for event in events] for name in ("card", "amount", "count", "plan", "code", "is_new")}
    return pa.table(
        {
            "id": [f"e{number}" for number in range(len(events))],
            "at": pa.array(at, pa.timestamp("us", "UTC")),
            "card": pa.array(values["card"], pa.int64()),
            "amount": pa.array(values["amount"], pa.float64()),
            "count": pa.array(values["count"], pa.int64()),
            "plan": pa.array(values["plan"], pa.string()),
            "code": pa.array(values["code"], pa.int32()),
            "is_new": pa.array(values["is_new"], pa.bool_()),
            "note": pa.array([event["note"] for event in events], pa.string()),
            "seen": pa.array(seen, pa.timestamp("us", "UTC")),
            "bad": pa.array([event["bad"] for event in events], pa.int64()),
        }
    )


def written(value):
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def write_csv(path, table, dialect):
    delimiter, quote, quoting, escape, encoding, end = dialect
    with path.open("w", encoding=encoding, newline="") as lines:
        writer = csv.writer(
            lines,
            delimiter=delimiter,
            quotechar=quote,
            quoting=quoting,
            escapechar=escape,
            doublequote=escape is None,
            lineterminator=end,
        )
        writer.writerow(table.column_names)
        writer.writerows([written(value) for value in row.values()] for row in table.to_pylist())


def classifier(source):
    label = Label(column="bad", positive=1, negative=0, delay=days(1))
    return Classifier(source=source, event_id="id", event_time="at", label=label, columns=COLUMNS)


def events_of(source):
    """All events as nights read them; whatever is in quarantine is a failure."""
    declared = classifier(source)
    found = []
    for partition in sources.occupied(declared, NOW):
        checked = contract.check(declared, partition, sources.extract(declared, partition, now=NOW), now=NOW)
        assert checked.broken == {}
        found.append(checked.rows)
    return pd.concat(found).sort_values("id", ignore_index=True)


def same(found, expected):
    pd.testing.assert_frame_equal(found, expected, check_like=True, check_dtype=False, check_exact=True)


@settings(
    max_examples=8,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=EVENTS)
def test_the_same_table_gives_the_same_events(project, tmp_path_factory, events):
    folder = tmp_path_factory.mktemp("data")
    table = table_of(events)
    pq.write_table(table, folder / "plain.parquet")
    expected = events_of(Parquet(path=str(folder / "plain.parquet")))
    assert len(expected) == len(events)
    cards = {f"e{number}": str(event["card"]) for number, event in enumerate(events) if event["card"] is not None}
    assert expected.set_index("id")["card"].dropna().to_dict() == cards
    for name, dialect in DIALECTS.items():
        write_csv(folder / f"{name}.csv", table, dialect)
        delimiter, quote, _, escape, encoding, _ = dialect
        form = {"delimiter": delimiter, "quote": quote, "escape": escape, "encoding": encoding}
        same(events_of(CSV(path=str(folder / f"{name}.csv"), **form)), expected)
    pq.write_table(table, folder / "dictionary.parquet", use_dictionary=True, row_group_size=2)
    same(events_of(Parquet(path=str(folder / "dictionary.parquet"))), expected)
    encoded = table
    for name in ("plan", "id", "card"):
        encoded = encoded.set_column(encoded.column_names.index(name), name, encoded[name].dictionary_encode())
    pq.write_table(encoded, folder / "encoded.parquet")
    same(events_of(Parquet(path=str(folder / "encoded.parquet"))), expected)
    with sqlite3.connect(folder / "data.db") as database:
        frame = table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get)
        frame.assign(**{name: frame[name].map(written, na_action="ignore") for name in ("at", "seen")}).to_sql(
            "events", database, index=False
        )
    query = Query(url=f"sqlite:///{folder / 'data.db'}", sql="SELECT * FROM events WHERE at >= :start AND at < :end")
    same(events_of(query), expected)
    days_of = folder / "days"
    days_of.mkdir()
    for number, rows in table.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get).groupby(lambda row: row % 3):
        rows.to_csv(days_of / f"{number}.csv", index=False)
    same(events_of(CSV(path=str(days_of / "*.csv"))), expected)


@settings(max_examples=3, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(events=EVENTS)
@pytest.mark.parametrize(
    ("kind", "zone"), [("timestamptz", "UTC"), ("timestamp", "UTC"), ("timestamp", "Europe/Berlin")]
)
def test_a_table_of_postgresql_gives_the_same_events(project, tmp_path_factory, server, events, kind, zone):
    folder, table = tmp_path_factory.mktemp("data"), table_of(events)
    pq.write_table(table, folder / "plain.parquet")
    expected = events_of(Parquet(path=str(folder / "plain.parquet")))
    engine = sa.create_engine(server.set(drivername="postgresql+psycopg2"))
    with engine.begin() as connection:
        connection.exec_driver_sql("SET TIME ZONE 'America/New_York'")
        connection.exec_driver_sql("DROP TABLE IF EXISTS same_events")
        connection.exec_driver_sql(
            f"CREATE TABLE same_events (id char(12), at {kind}, card numeric(20), amount double precision, count bigint,"
            f" plan text, code smallint, is_new boolean, note text, seen {kind}, bad integer)"
        )
        rows = [
            {name: local(value, zone) if kind == "timestamp" else value for name, value in row.items()}
            for row in table.to_pylist()
        ]
        values = ", ".join(f":{name}" for name in table.column_names)
        connection.execute(sa.text(f"INSERT INTO same_events VALUES ({values})"), rows)
    engine.dispose()
    url = server.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
    query = Query(url=url, sql="SELECT * FROM same_events WHERE at >= :start AND at < :end", timezone=zone)
    same(events_of(query), expected)


def local(value, zone):
    return value.astimezone(ZoneInfo(zone)).replace(tzinfo=None) if isinstance(value, datetime) else value
