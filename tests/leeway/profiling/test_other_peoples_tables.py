"""Tables as other people write them: what `leeway new` makes of them, a night reads with the right values.

Each test is a kind of fault that users of many tools report. A small table is made, a classifier is created from it, and all of
its partitions are read, cast and audited as a night would.
"""

import sqlite3
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leeway.core.settings import settings
from leeway.definition import catalog
from leeway.ingest import contract, sources
from leeway.ingest.audit import _dated, _judge, _judge_of
from leeway.profiling.creation import create
from leeway.profiling.options import Options

NOW = datetime(2026, 12, 1, tzinfo=UTC)
ROWS = 300
LARGE = 7_000_000_000_000_000_000


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_PROJECT", str(tmp_path))
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / ".leeway"))
    settings.cache_clear()
    catalog.load.cache_clear()
    yield tmp_path
    settings.cache_clear()
    catalog.load.cache_clear()


def orders(rows=ROWS, seed=0, **columns):
    """Orders of three days, of which a third churned."""
    random = np.random.default_rng(seed)
    start = datetime(2026, 11, 20)
    frame = {
        "order_ref": [f"A{100_000 + number}" for number in range(rows)],
        "created_at": [start + timedelta(minutes=4_000 * number / rows) for number in range(rows)],
        "amount": random.gamma(2, 40, rows).round(2),
        "plan": random.choice(["basic", "silver", "gold"], rows),
        "age": random.integers(18, 80, rows),
        "churned": (random.random(rows) < 0.33).astype(int),
    }
    return pd.DataFrame(frame | columns)


def made(data, **options):
    """Create a classifier of some data."""
    catalog.load.cache_clear()
    profile = create(Options(name="toy", data=str(data), label=("churned",), **options), force=True).profile
    return profile, catalog.load("toy")


def night(classifier):
    """All partitions as nights read them: the good rows, and how many broke each rule."""
    good, broken, failed = [], Counter(), []
    for partition in sources.occupied(classifier, NOW):
        raw = sources.extract(classifier, partition, now=NOW)
        checked = contract.check(classifier, partition, raw, now=NOW)
        judge = _judge_of("toy", f"{catalog.definition_path('toy')} {catalog.audit_fingerprint('toy')}")
        found = _judge(judge, _dated(classifier, partition, checked), "", NOW, sensitive=frozenset())
        broken.update(rule for rules in found.broken.values() for rule in rules)
        failed += found.failed
        good.append(checked.rows.drop(index=list(found.broken)))
    return SimpleNamespace(rows=pd.concat(good), broken=broken, failed=failed)


def whole_night(data, **options):
    """The rows of a table, none of which is refused."""
    _, classifier = made(data, **options)
    found = night(classifier)
    assert not found.broken
    assert not found.failed
    return found.rows


def csv_of(folder, frame, **options):
    frame.to_csv(folder / "data.csv", index=False, **options)
    return folder / "data.csv"


def daily(folder, frames):
    """A pattern of files, one for each day."""
    (folder / "in").mkdir()
    for number, frame in enumerate(frames):
        frame.to_csv(folder / "in" / f"2026-11-{20 + number}.csv", index=False)
    return folder / "in" / "*.csv"


def by_day(frame):
    return [rows for _, rows in frame.groupby(frame["created_at"].dt.date)]


def test_large_integers_beside_gaps_keep_their_digits(folder):
    customers = [None if number % 50 == 0 else LARGE + number % 40 for number in range(ROWS)]
    table = pa.table({**{name: pa.array(values) for name, values in orders().items()}, "customer": pa.array(customers)})
    pq.write_table(table, folder / "data.parquet")
    rows = whole_night(folder / "data.parquet", entity="customer")
    assert sorted(rows["customer"].dropna().unique()) == [str(LARGE + number) for number in range(40)]


def test_large_integers_of_a_text_are_codes_as_they_are_in_parquet(folder):
    codes = [str(LARGE + number % 20) if number % 10 else "None" for number in range(ROWS)]
    rows = whole_night(csv_of(folder, orders(tariff=codes, exponent=[f"{number % 9}e20" for number in range(ROWS)])))
    assert sorted(rows["tariff"].dropna().unique()) == [str(LARGE + number) for number in range(20) if number % 10]
    assert rows["tariff"].isna().sum() == ROWS // 10
    assert rows["exponent"].max() == 8e20


def test_a_number_with_an_open_end_is_told(folder):
    profile, classifier = made(
        csv_of(folder, orders(rooms=[f"{n % 6}+" if n % 6 == 5 else n % 6 for n in range(ROWS)]))
    )
    assert (
        profile.used["rooms"].reason == "no numbers: values such as '5+' are bounds; write a number for them in prepare"
    )
    assert night(classifier).rows["rooms"].value_counts()["5+"] == ROWS // 6


def test_a_spelling_of_missing_belongs_to_its_column(folder):
    frame = orders(discount=["none" if number % 5 == 0 else str(number % 30) for number in range(ROWS)])
    frame["churned"] = frame["churned"].map({1: "claim", 0: "none"})
    rows = whole_night(csv_of(folder, frame))
    assert rows["churned"].sum() == orders()["churned"].sum()
    assert rows["churned"].notna().all()
    assert rows["discount"].isna().sum() == ROWS // 5


def test_among_countries_na_is_namibia(folder):
    frame = orders(country=np.resize(["ZA", "NA", "DE", "BW"], ROWS))
    assert whole_night(csv_of(folder, frame))["country"].value_counts()["NA"] == ROWS // 4


def test_an_entity_is_one_however_its_number_is_written(folder):
    days = by_day(orders(customer_id=1_000 + np.arange(ROWS) % 20))
    days[1] = days[1].assign(customer_id=days[1]["customer_id"].astype(float))
    rows = whole_night(daily(folder, days), entity="customer_id")
    assert rows["customer_id"].nunique() == 20


def test_a_category_is_one_however_its_number_is_written(folder):
    days = by_day(orders(region_code=np.arange(ROWS) % 5, member=np.arange(ROWS) % 2, optin=np.arange(ROWS) % 3 == 0))
    last = days.pop().assign(
        region_code=lambda frame: frame["region_code"].astype(float),
        member=lambda frame: frame["member"].astype(float),
        optin=lambda frame: frame["optin"].map({True: "yes", False: "no"}),
    )
    _, classifier = made(daily(folder, days))
    last.to_csv(folder / "in" / "2026-11-29.csv", index=False)
    found = night(classifier)
    assert not found.broken
    assert set(found.rows["region_code"]) == {"0", "1", "2", "3", "4"}
    assert found.rows["member"].notna().all()


def test_padded_text_is_the_text(folder):
    frame = orders()
    frame["plan"] = frame["plan"].str.ljust(10)
    assert set(whole_night(csv_of(folder, frame))["plan"]) == {"basic", "silver", "gold"}


def test_columns_whose_names_differ_by_case_only_are_judged_apart(folder):
    frame = orders(rows=900, Plan="basic")
    _, classifier = made(csv_of(folder, frame))
    assert not night(classifier).broken
    csv_of(folder, frame.assign(plan="GARBAGE"))
    found = night(classifier)
    assert all("column=plan" in rule for rule in found.broken)
    assert sum(found.broken.values()) == len(frame)


def test_times_in_another_unit_are_refused_with_the_word_and_none_is_in_1970(folder):
    frame = orders()
    frame["created_at"] = frame["created_at"].astype("datetime64[ms]").astype("int64")
    _, classifier = made(csv_of(folder, frame))
    frame.loc[frame.index[-1], "created_at"] //= 1_000
    csv_of(folder, frame)
    found = night(classifier)
    assert "created_at: must be epoch ms, not epoch s" in found.broken
    assert all(partition.key > "2026" for partition in sources.occupied(classifier, NOW))


def test_years_of_two_digits_lie_before_the_event(folder):
    born = [date(1940 + number % 60, 5, 1 + number % 28).strftime("%d/%m/%y") for number in range(ROWS)]
    profile, classifier = made(csv_of(folder, orders(born=born)))
    rows = night(classifier).rows
    assert rows["born"].dt.year.between(1940, 1999).all()
    assert "2026" in profile.used["born"].column.doubt


def test_the_sign_of_the_fraction_is_one_for_the_whole_file(folder):
    frame = orders(rate=[f"{1 + number % 8},{100 + number % 900}" for number in range(ROWS)])
    frame["amount"] = frame["amount"].map(lambda amount: f"{amount * 100:,.2f}".translate(str.maketrans(",.", ".,")))
    rows = whole_night(csv_of(folder, frame, sep=";"))
    assert rows["rate"].between(1, 9).all()
    assert rows["amount"].max() == pytest.approx(orders()["amount"].max() * 100)


@pytest.mark.parametrize(
    ("written", "first"),
    [
        (["\u2212508.47", "12.5", "3"], -508.47),
        (["(508.47)", "12.5", "3"], -508.47),
        (["508.47-", "12.5", "3"], -508.47),
        (["17.7K", "1.2M", "12"], 17_700),
        (["57%", "0.25", "3%"], 0.57),
        (["538.75 CR", "12.50", "3.10 DR"], -538.75),
    ],
    ids=["minus", "brackets", "behind", "thousand", "percent", "credit"],
)
def test_numbers_are_read_as_they_are_meant(folder, written, first):
    assert whole_night(csv_of(folder, orders(value=np.resize(written, ROWS))))["value"].iloc[0] == pytest.approx(first)


def test_bounds_are_no_numbers_and_that_is_told(folder):
    profile, _ = made(csv_of(folder, orders(value=np.resize(["<0.1", "0.3", "2.5"], ROWS))))
    assert profile.used["value"].column.holds == "categorical"
    assert "'<0.1' are bounds" in profile.used["value"].column.doubt


def test_parquet_s_categories_durations_and_infinite_values(folder):
    infinite = np.where(np.arange(ROWS) % 30 == 0, np.inf, 1.5 + np.arange(ROWS) % 7)
    table = pa.Table.from_pandas(orders(ratio=infinite, wait=pd.to_timedelta(np.arange(ROWS) % 90, "min")))
    plan = pa.array(np.resize(["", "NA", "basic", "gold"], ROWS)).dictionary_encode()
    table = table.set_column(table.column_names.index("plan"), "plan", plan)
    pq.write_table(table, folder / "data.parquet")
    profile, classifier = made(folder / "data.parquet")
    found = night(classifier)
    assert not found.broken
    assert found.rows["plan"].isna().sum() == ROWS // 2
    assert found.rows["wait"].max() == 89 * 60
    assert found.rows["ratio"].isna().sum() == ROWS // 30
    assert "infinite" in profile.used["ratio"].column.doubt


def test_sqlite_s_mixed_values_are_one(folder):
    with sqlite3.connect(folder / "data.db") as database:
        orders().assign(created_at=lambda frame: frame["created_at"].astype(str)).to_sql("order", database, index=False)
        database.execute('ALTER TABLE "order" ADD COLUMN region')
        database.execute('ALTER TABLE "order" ADD COLUMN big')
        for number in range(ROWS):
            region = [1, 1.0, "1", "2 ", 2, None][number % 6]
            big = [LARGE + number % 40, str(LARGE + number % 40)][number % 2]
            database.execute('UPDATE "order" SET region = ?, big = ? WHERE rowid = ?', (region, big, number + 1))
    where = f"sqlite:///{folder / 'data.db'}"
    rows = whole_night(where, query='SELECT * FROM "order"', entity="big")
    assert rows["region"].value_counts().to_dict() == {1.0: ROWS // 2, 2.0: ROWS // 3}
    assert sorted(rows["big"].unique()) == [str(LARGE + number) for number in range(40)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: ["sep=,", *lines],
        lambda lines: ["Orders of November", "", *lines],
        lambda lines: [*lines[:100], lines[0], *lines[100:]],
        lambda lines: [*lines, f"Total,,{orders()['amount'].sum():.2f},,,{orders()['churned'].sum()}"],
    ],
    ids=["sep", "preamble", "header again", "total"],
)
def test_lines_that_are_no_rows_are_left_out(folder, spoil):
    lines = orders().to_csv(index=False).splitlines()
    (folder / "data.csv").write_text("\n".join(spoil(lines)) + "\n")
    rows = whole_night(folder / "data.csv")
    assert len(rows) == ROWS
    assert rows["churned"].sum() == orders()["churned"].sum()


def test_a_label_s_day_without_a_clock_is_not_before_its_event(folder):
    frame = orders()
    frame["closed_on"] = [(at + timedelta(days=number % 2)).date() for number, at in enumerate(frame["created_at"])]
    rows = whole_night(csv_of(folder, frame), label_time="closed_on")
    assert len(rows) == ROWS
    assert (rows["label_known_at"] >= rows["created_at"]).all()


def test_a_faulty_line_of_a_later_file_is_told_and_costs_itself_alone(folder):
    days = by_day(orders())
    _, classifier = made(daily(folder, days[:-1]))
    days[-1].to_csv(folder / "in" / "2026-11-29.csv", index=False)
    with (folder / "in" / "2026-11-29.csv").open("a") as lines:
        lines.write("A1,2026-11-22 10:00:00,5\n")
    found = night(classifier)
    assert len(found.rows) == ROWS
    assert any("has 3 values instead of 6: A1,2026-11-22 10:00:00,5" in rule for rule in found.broken)
