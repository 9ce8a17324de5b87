"""What `leeway new` makes of a table, from small tables with the traps of real ones."""

import ast
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leeway.core.errors import DefinitionError, SourceError, StoreError
from leeway.definition import CSV, Folder, Parquet, catalog
from leeway.definition.grains import DAY, HOUR, WEEK
from leeway.ingest.sources.kinds import query
from leeway.operations import check_definition
from leeway.profiling import reading
from leeway.profiling.creation import create
from leeway.profiling.guesses import guesses, in_words
from leeway.profiling.options import Options, duration
from leeway.profiling.profile import profile

pytestmark = pytest.mark.usefixtures("project")


def table(rows=600, **more):
    random = np.random.default_rng(0)
    bad = random.random(rows) < 0.2
    frame = pd.DataFrame(
        {
            "order_no": [f"K{number:05}" for number in range(rows)],
            "sold at": pd.date_range("2026-01-01", periods=rows, freq="97min").strftime("%Y-%m-%d %H:%M:%S"),
            "price": (random.lognormal(3, 1, rows) + bad).round(2),
            "kind": random.choice(["a", "b", "c"], rows),
            "bad": np.where(bad, "yes", "no"),
        }
    )
    return frame.assign(**{name: list(make(rows)) if callable(make) else make for name, make in more.items()})


def found(project, frame, label=("bad",), name="data.csv", **options):
    file = project / name
    frame.to_parquet(file) if name.endswith("parquet") else frame.to_csv(file, index=False)
    return profile(Options("toy", str(file), label, **options))


def uses(profiled):
    return {name: item.use for name, item in profiled.used.items()}


@pytest.mark.parametrize("name", ["data.csv", "data.parquet"])
def test_zeros_and_ones_of_a_sample_may_be_counts_of_which_the_rest_has_more(project, monkeypatch, name):
    frame = table(repeats=lambda rows: [2 if row == 300 else row % 2 for row in range(rows)])
    assert found(project, frame.drop(index=300), name=name).used["repeats"].column.holds == "boolean"
    monkeypatch.setattr(reading, "MAX_ROWS", 100)
    assert found(project, frame, name=name).used["repeats"].column.holds == "numeric"


@pytest.mark.parametrize(("hours", "grain"), [(20, HOUR), (500, DAY)])
def test_hours_of_a_long_history_are_too_many_partitions(project, monkeypatch, hours, grain):
    monkeypatch.setattr("leeway.profiling.timing.ENOUGH_ROWS", 2)
    sold = pd.date_range("2026-01-01", periods=hours * 2, freq="30min").strftime("%Y-%m-%d %H:%M:%S")
    assert found(project, table(hours * 2).assign(**{"sold at": sold})).grain == grain


@pytest.mark.parametrize(
    ("written", "found"), [("%d.%m.%Y %H:%M", "values such as '01.01.2026 00:00'"), ("%Y-%m-%d %H:%M:%S", None)]
)
def test_an_event_time_that_sqlite_cannot_compare_is_refused(project, written, found):
    frame = table()
    frame["sold at"] = pd.to_datetime(frame["sold at"]).dt.strftime(written)
    with closing(sqlite3.connect(project / "shop.db")) as connection:
        frame.to_sql("sales", connection, index=False)
    options = Options("toy", f"sqlite:///{project / 'shop.db'}", ("bad",), query="SELECT * FROM sales")
    if found is None:
        assert profile(options).event_time == "sold at"
        return
    with pytest.raises(SourceError, match=f"event time 'sold at': .*{found}"):
        profile(options)


@pytest.mark.parametrize("per_second", [1, 1_000])
def test_a_query_is_asked_for_a_partition_by_seconds_since_1970(project, per_second):
    seconds = [(1_780_000_000 + 5_400 * number) * per_second for number in range(600)]
    with closing(sqlite3.connect(project / "shop.db")) as connection:
        table(created=lambda rows: seconds).drop(columns="sold at").to_sql("sales", connection, index=False)
    create(Options("toy", f"sqlite:///{project / 'shop.db'}", ("bad",), query="SELECT * FROM sales"))
    classifier = catalog.load("toy")
    assert classifier.event_time == "created"
    start, end = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 8, tzinfo=UTC)
    asked = pd.concat(query.asked(classifier.source, start, end))["created"] / per_second
    assert start.timestamp() - 2 * 86_400 < asked.min() <= start.timestamp()
    assert end.timestamp() - 5_400 < asked.max() < end.timestamp() + 2 * 86_400


def test_of_two_times_the_one_that_a_database_can_compare_dates_the_events(project):
    frame = table(rung=lambda rows: pd.date_range("2026-01-01", periods=rows, freq="97min").strftime("%d.%m.%Y"))
    frame["sold at"] = frame["sold at"].where(frame.index > 30, frame["sold at"].iloc[0])  # it comes less evenly
    with closing(sqlite3.connect(project / "shop.db")) as connection:
        frame.to_sql("sales", connection, index=False)
    options = Options("toy", f"sqlite:///{project / 'shop.db'}", ("bad",), query="SELECT * FROM sales")
    assert profile(options).event_time == "sold at"


def test_an_ordinary_table(project):
    profiled = found(project, table())
    assert (profiled.event_id, profiled.event_time, profiled.grain) == ("order_no", "sold at", WEEK)
    assert profiled.outcome.classes == ("yes", "no")
    assert [name for name, use in uses(profiled).items() if use == "feature"] == ["price", "kind"]
    assert {item.name for item in profiled.expectations} >= {
        "ExpectTableRowCountToBeBetween",
        "ExpectColumnValuesToBeUnique",
        "ExpectColumnValuesToNotBeNull",
        "ExpectColumnValuesToBeBetween",
        "ExpectColumnValuesToBeInSet",
    }


BAD = (np.random.default_rng(0).random(600) < 0.2).astype(int)  # the same draw as the table's


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (np.where(BAD, "Canceled", "Check-Out"), "predicts the label by itself"),
        (np.where(BAD, 3.0, np.nan), "predicts the label by itself"),
        (BAD * 100 + np.arange(600) % 7, "predicts the label by itself"),
        (["same"] * 600, "has one value only"),
        ([""] * 600, "has no value"),
        ([f"{number:032x}" for number in range(600)], "identifies a row"),
        ([f"someone{number}@example.org" for number in range(600)], "e-mail"),
        ([f"+49 30 {number:07}" for number in range(600)], "phone"),
    ],
    ids=["status", "filled when known", "numbers", "constant", "empty", "hash", "mail", "phone"],
)
def test_what_must_not_be_learnt_from_is_set_aside_with_the_reason_and_kept_when_asked(project, column, why):
    profiled = found(project, table(extra=column))
    assert profiled.used["extra"].use in ("set aside", "sensitive")
    assert why in profiled.used["extra"].why
    assert found(project, table(extra=column), keep=("extra",)).used["extra"].use == "feature"


def test_an_id_that_begins_with_a_date_is_no_phone_number(project):
    ids = [f"202608{1 + number % 28:02}-{number:02}" for number in range(600)]
    assert found(project, table(extra=ids)).used["extra"].why != "phone"


RANDOM = np.random.default_rng(8)


@pytest.mark.parametrize(
    "values",
    [
        (-73.9 - RANDOM.random(600) / 10).round(7),
        -RANDOM.exponential(5, 600).round(6) - 100,
        (RANDOM.normal(0, 1_000, 600)).round(5),
        -RANDOM.integers(10_000_000, 99_999_999, 600),
    ],
    ids=["longitudes", "log probabilities", "signed decimals", "signed integers"],
)
@pytest.mark.parametrize("name", ["data.csv", "data.parquet"])
def test_signed_numbers_are_no_phone_numbers(project, values, name):
    assert found(project, table(extra=values), name=name).used["extra"].column.personal is None


@pytest.mark.parametrize(
    "values", [["yes", "no"] * 300, [1, 0] * 300, [True, False] * 300, ["none", "yes", "unknown"] * 200]
)
def test_whether_there_is_a_telephone_is_no_telephone(project, values):
    used = found(project, table(telephone=values, own_telephone=values), name="data.parquet").used
    assert [used[name].column.personal for name in ("telephone", "own_telephone")] == [None, None]


def test_first_and_last_beside_name_or_one_another_are_names_of_people(project):
    people = [f"{a}{b}" for a in "ABCDEFGHIJ" for b in ("nna", "lrik", "orbert", "ora", "ita", "ustav")] * 10
    profiled = found(project, table(first=people, last=people[::-1], name=people))
    assert all(profiled.used[name].use == "sensitive" for name in ("first", "last", "name"))
    assert found(project, table(first=people)).used["first"].use == "feature"
    few = ["won", "lost", "drew"] * 200
    assert found(project, table(first=few, last=few)).used["first"].use == "feature"


@pytest.mark.parametrize("name", ["data.csv", "data.parquet"])
def test_a_whole_number_that_names_patients_is_proposed_as_entity_and_is_no_number(project, name):
    random = np.random.default_rng(0)
    patients = random.choice(random.integers(100, 189_000_000, 2_500), 4_000)
    frame = table(4_000, patient_nbr=patients, weight=patients)
    profiled = found(project, frame, name=name)
    column = profiled.used["patient_nbr"].column
    assert column.holds == "identifier"
    assert profiled.used["patient_nbr"].use == "set aside"
    said = {what: (answer, how) for what, answer, how in guesses(profiled)}["entity"]
    assert said == (f"none; perhaps patient_nbr: {column.distinct:,} of them in 4,000 rows", "--entity patient_nbr")
    assert profiled.used["weight"].use == "feature"
    asked = found(project, frame, name=name, entity="patient_nbr")
    assert {what: answer for what, answer, _ in guesses(asked)}["entity"] == "patient_nbr"


@pytest.mark.parametrize("name", ["data.csv", "data.parquet"])
def test_a_counter_of_days_since_1960_is_a_time(project, name):
    days = 20_545 + np.arange(600) // 20
    frame = table(arrdate=days, price_update=days).drop(columns="sold at")
    profiled = found(project, frame, name=name)
    assert profiled.event_time == "arrdate"
    assert profiled.time.min() == pd.Timestamp("2016-04-01", tz="UTC")
    assert profiled.used["price_update"].column.holds == "numeric"
    assert profiled.used["arrdate"].column.times.formats == ("days since 1960",)
    created = create(Options("toy", str(project / name), ("bad",)))
    assert '"arrdate": "days since 1960"' in created.definition.read_text()
    assert check_definition.check("toy") == []


def test_groups_of_people_are_measured_by_the_gates_until_a_person_says_what_is_tolerable(project):
    frame = table(Sex=["m", "f"] * 300, age=[*range(20, 80)] * 10, race=["x", "y", "z"] * 200)
    made(project, frame)
    gates = catalog.load_anew("toy").gates
    assert (gates.groups, gates.group_tolerance) == (("Sex", "race"), None)
    assert check_definition.check("toy") == []


def test_a_date_that_lies_after_the_event_is_a_leak(project):
    days = pd.date_range("2026-01-01", periods=600, freq="97min") + pd.to_timedelta(np.where(BAD, 20, 1), unit="D")
    profiled = found(project, table(closed=days.strftime("%Y-%m-%d")), time="sold at")
    assert "is after the event" in profiled.used["closed"].why


def test_chance_alone_is_no_leak(project):
    random = np.random.default_rng(5)
    noise = {f"n{number}": random.integers(0, 400, 60).astype(float) for number in range(80)}
    profiled = found(project, table(60, **noise))
    assert not [name for name in noise if uses(profiled)[name] != "feature"]


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        ([0.0, 1.0, 0.0] * 200, "binary", {"0", "1"}),
        ([True, False, False] * 200, "binary", {"true", "false"}),
        (["x", "y", "z"] * 200, "multiclass", {"x", "y", "z"}),
        ([f"c{number % 40}" for number in range(600)], "multiclass", {f"c{number}" for number in range(40)}),
        (["lonely"] + ["many", "more"] * 299 + ["many"], "multiclass", {"lonely", "many", "more"}),
        (["red;blue", "red", "blue", "green;red", "green;blue", "green"] * 100, "multilabel", {"red", "blue", "green"}),
    ],
    ids=["floats", "booleans", "three", "forty", "one row", "tags"],
)
@pytest.mark.parametrize("name", ["data.csv", "data.parquet"])
def test_labels_of_every_kind(project, values, kind, classes, name):
    profiled = found(project, table().assign(bad=values), name=name)
    assert profiled.outcome.kind == kind
    assert set(profiled.outcome.classes) == classes


def test_several_columns_of_0_and_1_are_one_label_of_many(project):
    frame = table(one=list(BAD), two=list(1 - BAD))
    profiled = found(project, frame, label=("one", "two"))
    assert (profiled.outcome.kind, profiled.outcome.classes) == ("multilabel", ("one", "two"))
    with pytest.raises(SourceError, match=r"label 'kind': .*0 and 1"):
        found(project, frame, label=("one", "kind"))


def test_rows_without_a_label_are_unlabelled_and_no_class(project):
    frame = table()
    frame.loc[:49, "bad"] = None
    profiled = found(project, frame)
    assert (profiled.outcome.kind, profiled.outcome.unlabelled) == ("binary", 50)
    assert "50 without a label" in {what: text for what, text, _ in guesses(profiled)}["label"]


def test_spellings_of_one_class_are_doubted(project):
    frame = table()
    frame["bad"] = ["Yes", "yes", " yes", "no"] * 150
    notes = {what: why for what, _, why in guesses(found(project, frame))}
    assert "yes and Yes are different classes" in notes["label"]


def test_words_for_yes_and_for_no_are_doubted_to_be_several_classes(project):
    frame = table()
    frame["bad"] = ["True", "1", "yes", "False", "0", "N"] * 100
    (label,) = [why for what, _, why in guesses(found(project, frame)) if what == "label"]
    assert sorted(label.split("; ")) == [
        "false and 0 and N are different classes",
        "true and 1 and yes are different classes",
    ]
    frame["bad"] = ["Y", "N", "S"] * 200
    assert "different" not in {what: why for what, _, why in guesses(found(project, frame))}["label"]


def test_an_encoding_that_is_a_guess_shows_what_it_makes_of_a_word(project):
    frame = table(town=lambda rows: ["Bonn", "im Süden von Köln"] * (rows // 2))
    told = []
    for encoding in ("utf-8", "cp1252"):
        frame.to_csv(project / "data.csv", index=False, encoding=encoding)
        guessed = guesses(profile(Options("toy", str(project / "data.csv"), ("bad",))))
        told += [why for what, _, why in guessed if what == "source"]
    assert told == ["", "reads as 'Süden'; --encoding"]


def test_more_columns_than_the_database_has_room_for_are_refused_before_anything_is_written(project, monkeypatch):
    monkeypatch.setattr("leeway.definition.classifier.MAX_ROW", 80)
    random = np.random.default_rng(1)
    wide = pd.DataFrame({f"c{number}": random.random(60).round(3) for number in range(12)})
    pd.concat([table(60), wide], axis=1).to_csv(project / "data.csv", index=False)
    with pytest.raises(DefinitionError, match=r"no room for 14 columns; declare at most 10 numbers"):
        create(Options("toy", str(project / "data.csv"), ("bad",)))
    assert not (project / "models").exists()


def sold_at(write):
    """Moments of a table, each written by its place."""
    moments = pd.date_range("2026-01-01 00:30", periods=600, freq="97min")
    return [write(place, moment) for place, moment in enumerate(moments)]


CLOCKS = {
    "days": (lambda place, moment: f"{moment:%Y-%m-%d}", []),
    "offsets": (lambda place, moment: f"{moment:%Y-%m-%dT%H:%M:%S}+02:00", []),
    "clocks": (lambda place, moment: f"{moment:%Y-%m-%d %H:%M:%S}", ["they have no zone"]),
    "a form of its own": (lambda place, moment: f"{moment:%d.%m.%Y %H:%M}", ["they have no zone"]),
    "both": (
        lambda place, moment: f"{moment:%Y-%m-%dT%H:%M:%S}" + ("Z" if place % 3 else ""),
        ["200 of 600 have no zone"],
    ),
    "some days": (
        lambda place, moment: f"{moment:%Y-%m-%d}" if place % 3 else f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        ["400 of 600 are days without a clock"],
    ),
    "seconds": (lambda place, moment: str(int(moment.timestamp())), []),
}


@pytest.mark.parametrize("written", CLOCKS)
def test_what_event_times_leave_open_is_told(project, written):
    write, said = CLOCKS[written]
    profiled = found(project, table().assign(**{"sold at": sold_at(write)}))
    assert profiled.event_time == "sold at"
    (told,) = [why for what, _, why in guesses(profiled) if what == "event time"]
    told = [item for item in told.split("; ") if "zone" in item or "clock" in item]
    assert [item[: len(start)] for item, start in zip(told, said, strict=True)] == said


def test_a_column_that_is_nearly_one_of_times_says_what_is_not(project):
    times = sold_at(lambda place, moment: f"{moment:%Y-%m-%d %H:%M:%S}")
    times[3:10] = [f"2026-02-30 10:0{number}" for number in range(7)]
    used = found(project, table().assign(**{"sold at": times})).used["sold at"]
    assert used.reason.startswith("identifies a row; no times: 7 of 600 values are none, such as '2026-02-30 10:00'")
    assert found(project, table()).used["order_no"].reason == ""


def test_numbers_with_both_signs_for_the_fraction_are_doubted(project):
    prices = [f"{row % 90},50" if row % 2 else f"{row % 90}.25" for row in range(600)]
    used = found(project, table(price=lambda rows: prices)).used["price"]
    assert used.column.holds == "categorical"
    assert used.reason == "no numbers: '1,50' and '0.25' are written in two ways; write them in one in prepare"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"label": ("bda",)}, "did you mean 'bad'"),
        ({"label": ("price",)}, "more than 100 classes"),
        ({"label": ("same",)}, "two classes .found: x"),
        ({"positive": "maybe"}, "--positive .*found: maybe"),
        ({"label": ("kind",), "positive": "a"}, "two classes .*leave --positive out"),
        ({"id": "kind"}, r"597 rows repeat another's, of 600"),
        ({"id": "gaps"}, r"1 rows have none"),
        ({"time": "bad"}, "bad as --label and --time"),
        ({"time": "price"}, "event time 'price': .* dates or times"),
        ({"time": "partly"}, r"12 of 600 values cannot be read, such as week 0"),
        ({"label_time": "kind"}, "label time 'kind': .* dates or times"),
        ({"keep": ("nothing",)}, "no column 'nothing'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(project, options, said):
    partly = pd.date_range("2026-01-01", periods=600).strftime("%Y-%m-%d").to_list()
    partly[::50] = [f"week {number}, 2026" for number in range(12)]
    gaps = [None, *range(599)]
    with pytest.raises(SourceError, match=said):
        found(project, table(partly=partly, gaps=gaps, same=["x"] * 600), **options)


def test_a_label_or_an_entity_is_never_the_event_id(project):
    frame = table().drop(columns="order_no").assign(customer_id=[f"C{number:05}" for number in range(600)])
    assert found(project, frame, entity="customer_id").event_id is None
    assert found(project, frame).event_id == "customer_id"


def test_whole_numbers_with_gaps_in_a_column_of_floats_name_things(project):
    agent = np.where(np.arange(600) % 5 == 0, np.nan, np.arange(600) % 30)
    profiled = found(project, table(agent=agent), name="data.parquet")
    column = profiled.used["agent"].column
    assert (column.holds, column.missing_share) == ("categorical", 0.2)
    assert set(column.values.dropna()) == {str(number) for number in range(30) if number % 5}


def test_a_date_in_parts_is_the_event_time(project):
    days = pd.date_range("2024-01-01", periods=600)
    parts = {
        "arrival_date_year": days.year,
        "arrival_date_month": days.month_name(),
        "arrival_date_day_of_month": days.day,
    }
    profiled = found(project, table(**parts).drop(columns="sold at"))
    assert profiled.event_time == "arrival_date"
    assert all(profiled.used[name].why == "a part of arrival_date" for name in parts)


@pytest.mark.parametrize("name", ["data.csv", "data.parquet"])
def test_seconds_since_1970_are_a_time_and_no_id_though_no_two_are_the_same(project, name):
    seconds = [1_780_000_000 + 5_400 * number for number in range(600)]
    frame = table(created=lambda rows: seconds).drop(columns=["order_no", "sold at"])
    profiled = found(project, frame, name=name)
    assert (profiled.event_id, profiled.event_time) == (None, "created")
    assert profiled.used["created"].column.times.formats == ("epoch s",)


def test_nested_values_are_set_aside(project):
    profiled = found(project, table(basket=[[1, 2]] * 600), name="data.parquet")
    assert profiled.used["basket"].why == "holds lists or records, not single values"
    for role in ({"keep": ("basket",)}, {"entity": "basket"}):
        with pytest.raises(SourceError, match=r"'basket': .*lists or records"):
            found(project, table(basket=[[1, 2]] * 600), name="data.parquet", **role)


def test_sex_race_and_age_are_marked_for_slices(project):
    profiled = found(project, table(Sex=["m", "f"] * 300, age=[*range(20, 80)] * 10, race=["x", "y", "z"] * 200))
    assert [name for name, item in profiled.used.items() if item.column.slice] == ["Sex", "age", "race"]


def test_a_label_alone_is_nothing_to_learn_from(project):
    with pytest.raises(SourceError, match="no column to learn from"):
        found(project, table()[["bad"]])


@pytest.mark.parametrize(
    ("text", "span"), [("30d", timedelta(days=30)), ("45min", timedelta(minutes=45)), ("1.5h", timedelta(hours=1.5))]
)
def test_durations_are_read_and_said(text, span):
    assert duration(text) == span
    assert in_words(timedelta(days=1)) == "1 day"
    assert in_words(timedelta(minutes=45)) == "45 minutes"
    with pytest.raises(SourceError, match="such as 30d"):
        duration("soon")


# --- the two files ----------------------------------------------------------------------------------------------------


def made(project, frame, *, force=False, **options):
    frame.to_csv(project / "data.csv", index=False)
    return create(Options("toy", str(project / "data.csv"), ("bad",), **options), force=force)


def wide(project):
    random = np.random.default_rng(0)
    more = {f"a column with a long name, number {number}": random.normal(size=100) for number in range(395)}
    return pd.concat([table(100), pd.DataFrame(more)], axis=1)


TABLES = {
    "ordinary": lambda: table(),
    "fifty rows": lambda: table(50),
    "forty classes": lambda: table().assign(bad=[f"class {number % 40}" for number in range(600)]),
    "strange names": lambda: table(
        **dict.fromkeys(['it\'s "so"\\', "Größe €", "new\nline", "x" * 80, "score"], [1, 2, 3, 5, 7, 8] * 100)
    ),
    "names that are taken": lambda: table(
        **dict.fromkeys(["select", "at", "Score", "1st", "seen_month", "class"], [1, 2, 3, 5, 7, 8] * 100),
        **dict.fromkeys(["seen", "event", "partition"], ["31.12.2025", "13.01.2025"] * 300),
        event_time=["u", "v", "w"] * 200,
    ),
    "three formats": lambda: table(seen=["31.12.2025", "2025-12-30", "Dec 29, 2025"] * 200),
    "strange classes": lambda: table().assign(bad=['say "no"', "it's\nso"] * 300),
    "spoilt": lambda: table(weight=[f"{number % 90 + 1},5 kg" for number in range(600)], seen=["?", "x", "y"] * 200),
}


@pytest.mark.parametrize("what", TABLES)
def test_the_files_are_python_that_the_formatter_leaves_as_it_is(project, what):
    created = made(project, TABLES[what]())
    for path in (created.definition, created.suite):
        ast.parse(path.read_text())
    assert check_definition.check("toy") == []
    ruff = Path(sys.executable).with_name("ruff")
    command = [
        ruff,
        "format",
        "--diff",
        "--isolated",
        "--no-cache",
        "--line-length",
        "88",
        created.definition,
        created.suite,
    ]
    formatted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert formatted.returncode == 0, formatted.stdout
    command = [ruff, "check", "--isolated", "--no-cache", "--select", "F", created.definition, created.suite]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_four_hundred_columns(project):
    created = made(project, wide(project))
    assert len(created.profile.used) == 400
    assert created.definition.read_text().count("numeric(),") == 396


def test_what_was_found_stands_in_the_definition(project):
    text = made(project, TABLES["spoilt"](), label_delay=timedelta(days=30)).definition.read_text()
    assert 'event_id="order_no"' in text
    assert 'event_time="sold at"' in text
    assert 'positive="yes", negative="no", delay=days(30)' in text
    assert 'unit="kg"' in text
    assert 'decimal=","' in text
    assert '("?",)' in text
    assert 'path="data.csv"' in text


def test_validation_is_grouped_by_entity_where_no_time_parts_it(project):
    frame = table(customer=[f"c{number % 30}" for number in range(600)])
    dated = made(project, frame, entity="customer").definition.read_text()
    assert "group=" not in dated
    assert 'History(by="customer", window=days(1)),' in dated
    assert 'History(by="customer", window=weeks(1), aggregate="positive_rate"),' in dated
    assert not check_definition.check("toy")
    untimed = made(project, frame.drop(columns="sold at"), entity="customer", force=True)
    assert 'group="customer"' in untimed.definition.read_text()
    assert "History(" not in untimed.definition.read_text()


def test_days_off_are_expected_where_the_sample_has_them(project):
    days = pd.date_range("2024-01-01", periods=60)
    assert "empty_partitions" not in made(project, dated(days)).definition.read_text()
    workdays = pd.bdate_range("2024-01-01", periods=60)
    found = made(project, dated(workdays), force=True)
    assert "    empty_partitions=True,\n" in found.definition.read_text()
    assert "some have no rows" in str(list(guesses(found.profile)))


def dated(days):
    """Enough rows on each day."""
    return pd.DataFrame(
        {
            "day": days.repeat(600).strftime("%Y-%m-%d"),
            "n": range(600 * len(days)),
            "bad": [0, 0, 1] * (600 * len(days) // 3),
        }
    )


def test_deliveries_of_few_rows_get_no_rule_that_every_row_could_break(project):
    days = pd.date_range("2024-01-01", periods=40)
    frame = table(rows=40).assign(**{"sold at": days.strftime("%Y-%m-%d")})
    assert all(item.arguments.get("mostly", 1) > 0 for item in found(project, frame).expectations)


def test_names_that_are_leeway_s_own_or_too_long_are_renamed(project):
    renamed = made(project, TABLES["strange names"]()).profile.renamed
    assert renamed == {"x" * 80: "x" * 53 + "_given", "score": "score_given"}


def test_an_edited_file_is_overwritten_by_force_only_and_nothing_is_half_written(project):
    created = made(project, table())
    assert created.changed
    written = created.definition.read_text()
    created.suite.write_text("# mine\n")
    with pytest.raises(DefinitionError, match=r"may have been edited .found: .*toy.py.*--force"):
        made(project, table())
    assert (created.definition.read_text(), created.suite.read_text()) == (written, "# mine\n")
    create(Options("toy", str(project / "data.csv"), ("bad",)), force=True)
    assert created.suite.read_text() != "# mine\n"
    assert not made(project, table()).changed


def test_where_one_file_cannot_be_written_neither_is(project):
    (project / "expectations").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="expectations"):
        made(project, table())
    assert not list((project / "models").glob("*"))


@pytest.mark.parametrize("name", ["We Ird", "1st", "leeway", "pg_mine", "x" * 41, "", "../x"])
def test_an_impossible_name_is_refused(project, name):
    with pytest.raises(DefinitionError, match="naming a classifier") as error:
        create(Options(name, "nothing.csv", ("bad",)))
    assert error.value.found == name
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,39}", error.value.hint.split()[-1])


def source_of(project, frame, files, *, suffix="csv", **options):
    """The source that `new` writes for a folder of these files."""
    parts = np.array_split(np.arange(len(frame)), len(files))
    for name, places in zip(files, parts, strict=True):
        path = project / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = frame.iloc[places]
        part.to_parquet(path) if suffix == "parquet" else part.to_csv(path, index=False)
    create(Options("toy", str(project / "in"), ("bad",), **options))
    return catalog.load("toy").source


@pytest.mark.parametrize(
    ("files", "suffix", "wanted"),
    [
        (("1.csv", "2.csv"), "csv", Folder(path="in", pattern="*.csv")),
        (("a/1.csv", "b/2.csv"), "csv", Folder(path="in", pattern="**/*.csv")),
        (("1.parquet", "2.parquet"), "parquet", Folder(path="in", pattern="*.parquet", format="parquet")),
        (("day=1/a.parquet", "day=2/a.parquet"), "parquet", Parquet(path="in")),
        (("1.csv",), "csv", CSV(path="in/*.csv")),
    ],
)
def test_a_folder_in_which_files_appear_is_a_folder(project, files, suffix, wanted):
    assert source_of(project, table(), files, suffix=suffix) == wanted


def test_without_an_id_a_folder_is_read_as_its_files_are_now(project):
    """A row that was corrected is another row there, and the former one must go."""
    frame = table().drop(columns="order_no")
    assert source_of(project, frame, ("1.csv", "2.csv")) == CSV(path="in/*.csv")
