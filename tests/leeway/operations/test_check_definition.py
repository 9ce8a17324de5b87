import re
import sqlite3

import pytest

from leeway.core.errors import NotFound
from leeway.core.settings import settings
from leeway.definition import catalog
from leeway.operations import check_definition
from leeway.operations.check_definition import check, check_all, check_candidates, check_source
from tests.leeway.profiling import leaky

GOOD = """from leeway.definition import *

classifier = Classifier(
    source=CSV(path="data/*.csv"),
    event_id="id",
    event_time="at",
    label=Label(column="bad", positive=1, negative=0, delay=days(1)),
    columns={
        "amount": numeric(),
        "kind": categorical(),
    },
    training=Training(holdout=days(5)),
)
"""
SUITE = """import great_expectations.expectations as gxe

ALWAYS = ["amount", "kind"]

expectations = [
    gxe.ExpectTableRowCountToBeBetween(min_value=1),
    *(gxe.ExpectColumnValuesToNotBeNull(column=name) for name in ALWAYS),
    gxe.ExpectColumnValuesToBeBetween(column="amount", min_value=0),
]
"""


@pytest.fixture
def checked(tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_PROJECT", str(tmp_path))

    def run(model=GOOD, suite=SUITE):
        for cached in (settings, catalog.load):
            cached.cache_clear()
        for folder, text in (("models", model), ("expectations", suite)):
            (tmp_path / folder).mkdir(exist_ok=True)
            if text is not None:
                (tmp_path / folder / "toy.py").write_text(text)
        return [str(item) for item in check("toy")]

    yield run
    for cached in (settings, catalog.load):
        cached.cache_clear()


def test_nothing_is_said_of_what_is_right(checked):
    assert checked() == []


def test_everything_wrong_is_said_at_once_each_with_its_line(checked):
    model = (
        GOOD.replace('CSV(path="data/*.csv")', 'CSV(path="data/*.csv", encoding="klingon")')
        .replace("delay=days(1)", "delay=-days(1)")
        .replace('"kind": categorical(),', '"kind": categoricall(),')
        .replace("training=", "trainin=")
    )
    suite = SUITE.replace("ExpectTableRowCountToBeBetween", "ExpectTableRowCountToBe").replace(
        "min_value=0", "mn_value=0"
    )
    findings = checked(model, suite)
    lines = {finding.partition(": ")[0] for finding in findings}
    assert lines == {
        "models/toy.py:4",
        "models/toy.py:7",
        "models/toy.py:10",
        "models/toy.py:12",
        "expectations/toy.py:6",
        "expectations/toy.py:8",
    }
    said = "\n".join(findings)
    for words in ("klingon", "categoricall", "did you mean training?", "ExpectTableRowCountToBe"):
        assert words in said


def test_what_contradicts_itself_is_said_at_the_line_of_its_name(checked):
    findings = checked(GOOD.replace('"kind": categorical()', '"score": categorical(), "at": numeric()'))
    assert any("models/toy.py:10: " in finding and "score" in finding for finding in findings)
    assert any("must not repeat" in finding for finding in findings)


def test_a_suite_that_speaks_of_another_column_is_told_with_the_likely_one(checked):
    findings = checked(suite=SUITE.replace('column="amount"', 'column="amuont"'))
    assert findings == [
        "expectations/toy.py:8: the column 'amuont' is not declared in the definition (did you mean 'amount'?); "
        "`leeway check toy --fix` drops its expectations"
    ]


@pytest.mark.parametrize(
    ("model", "suite", "said"),
    [
        (GOOD.replace("columns={", "columns={{"), SUITE, "it is not Python"),
        ("x = 1\n", SUITE, "it holds 0 Classifier(…) calls"),
        (GOOD + GOOD, SUITE, "it holds 2 Classifier(…) calls"),
        ("import nothing_of_that_name\n" + GOOD, SUITE, "models/toy.py:1: ModuleNotFoundError"),
        (GOOD, None, "there is no suite"),
        (GOOD, "expectations = [\n", "expectations/toy.py:1: it is not Python"),
        (GOOD, "expectations = []\n", "the suite is empty"),
        (GOOD, "x = 1\n", "no list named `expectations`"),
    ],
)
def test_a_file_that_is_no_definition_or_no_suite(checked, model, suite, said):
    assert any(said in finding for finding in checked(model, suite)), checked(model, suite)


def test_an_unknown_classifier_is_not_found(checked):
    checked()
    with pytest.raises(NotFound, match="did you mean toy"):
        check("tyo")


@pytest.fixture
def sourced(checked, tmp_path, monkeypatch):
    """Checks of the newest rows, with the rows to find."""
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / "home"))

    def run(rows):
        assert checked() == []
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / "a.csv").write_text(rows)
        return [str(item) for item in check_source(catalog.load("toy"))]

    return run


def test_the_newest_rows_of_the_source_are_held_against_the_definition(sourced):
    good = "id,at,bad,amount,kind\n" + "".join(f"{n},2026-01-0{n},0,{n}.5,x\n" for n in range(1, 4))
    assert sourced(good) == []
    assert sourced(good.replace("amount", "amonut")) == [
        "models/toy.py:9: a declared column is missing in the delivery (found: no 'amount')"
    ]
    assert sourced(good.replace("3.5", "three")) == [
        "models/toy.py:9: amount: must be a finite number; 1 of the newest 1 rows are not"
    ]
    assert sourced(good.replace("1.5", "one")) == []  # an old row is no reason to stop


def test_lines_that_are_no_rows_count_together(sourced):
    day = "id,at,bad,amount,kind\n" + "".join(f"{n},2026-01-01,0,{n}.5,x\n" for n in range(10))
    assert sourced(f"{day}the end\n") == []
    assert sourced(f"{day}see overleaf\n\ncontinued\nthe end\n") == [
        "models/toy.py: 3 of the newest 13 lines are no rows, such as line 12 has 1 values instead of 5: see overleaf"
    ]


def test_of_a_table_that_ended_a_while_ago_the_newest_rows_are_checked(checked, tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / "home"))
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE events (id, at, bad, amount, kind)")
        connection.executemany(
            "INSERT INTO events VALUES (?, ?, 0, ?, 'x')", [(1, "2026-01-01", 1.5), (2, "2026-01-02", "two")]
        )
    connection.close()
    query = f"Query(url='sqlite:///{tmp_path}/a.db', sql='SELECT * FROM events WHERE at >= :start AND at < :end')"
    assert checked(GOOD.replace('CSV(path="data/*.csv")', query)) == []
    (found,) = check_source(catalog.load("toy"))
    assert found.what == "amount: must be a finite number; 1 of the newest 1 rows are not"


def test_a_source_that_is_not_there_is_a_finding(checked):
    assert checked() == []
    (found,) = check_source(catalog.load("toy"))
    assert "no file matches" in found.what


def test_a_broken_suite_hides_nothing_that_the_source_has_against_the_definition(checked, tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / "home"))
    checked(suite=SUITE.replace("ExpectTableRowCount", "ExpectTableRowNumber"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.csv").write_text("id,at,bad,amonut,kind\n1,2026-01-01,0,1.5,x\n")
    assert [(item.file, item.line) for item in check_all("toy")] == [("expectations/toy.py", 6), ("models/toy.py", 9)]


@pytest.mark.parametrize(
    ("path", "parameters", "what"),
    [
        ("sklearn.naive_bayes.GausianNB", "{}", "its class is not installed .* correct the path"),
        ("sklearn.naive_bayes.GaussianNB", '{"alpha": 3}', "TypeError: .*unexpected keyword argument 'alpha'"),
        (
            "sklearn.linear_model.LinearRegression",
            "{}",
            "must give probabilities, and LinearRegression has no predict_",
        ),
        ("sklearn.naive_bayes.GaussianNB", "{}", None),
    ],
)
def test_a_candidate_of_which_nothing_can_come_is_found_before_a_training(checked, path, parameters, what):
    own = f'candidates=(Logistic(), Estimator(path="{path}", parameters={parameters})),'
    assert checked(GOOD.replace("    training=", f"    {own}\n    training=")) == []
    found = check_candidates(catalog.load("toy"))
    assert [(item.file, item.line) for item in found] == ([] if what is None else [("models/toy.py", 12)])
    assert all(re.search(what, item.what) for item in found)


def test_what_only_a_person_can_know_is_asked_by_the_newest_rows(checked, tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / "home"))
    (tmp_path / "data").mkdir()
    frame = leaky.taxi().assign(id=lambda rows: rows.index, at="2026-01-05")
    frame.to_csv(tmp_path / "data" / "a.csv", index=False)
    columns = '"fare": numeric(), "tips": numeric(), "payment": categorical(),'
    model = GOOD.replace('"amount": numeric(),\n        "kind": categorical(),', columns)
    suite = SUITE.replace('"amount", "kind"', '"tips"').replace("amount", "fare")

    def asked(text):
        assert checked(text, suite) == []
        return [item.columns for item in check_definition.open_questions(catalog.load("toy"))]

    assert asked(model) == [("tips",), ("payment",)]
    model = model.replace('"tips": numeric()', '"tips": numeric(known_at_event=False)')
    assert asked(model.replace('"payment": categorical()', '"payment": categorical(known_at_event=True)')) == []
    assert not (tmp_path / "home" / "postgres").exists()
