import pandas as pd
import pytest

from leeway.core.errors import DefinitionError, DeliveryRejected
from leeway.core.settings import settings
from leeway.definition import catalog, grains
from leeway.definition.partitions import Partition
from leeway.ingest import deliveries
from leeway.ingest.audit import Audit, audit, audit_path, load_suite
from leeway.ingest.reading.unread import UNREAD

DAY = Partition.parse("2026-03-01", grains.DAY)
MODEL = """
from leeway.definition import *

classifier = Classifier(
    source=CSV(path="data/*.csv"), event_id="id", event_time="at",
    label=Label(column="bad", positive=1, negative=0, delay=days(1)),
    columns={"amount": numeric(), "limit": numeric(), "kind": categorical(), "email": categorical(sensitive=True)},
    quarantine_limit=0.3,
)
"""
ONE_IS_ENOUGH = ["gxe.ExpectColumnToExist(column='id')"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_PROJECT", str(tmp_path))
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / ".leeway"))
    for cached in (settings, catalog.load):
        cached.cache_clear()
    for name, text in (("models", MODEL), ("expectations", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "toy.py").write_text(text)
    yield tmp_path
    for cached in (settings, catalog.load):
        cached.cache_clear()


def declare(folder, *expectations, text=None):
    body = "import great_expectations.expectations as gxe\n"
    body += text if text is not None else f"expectations = [{', '.join(expectations)}]\n"
    (folder / "expectations" / "toy.py").write_text(body)


def rows(count=10, **columns):
    given = {
        "id": [str(number) for number in range(count)],
        "at": ["2026-03-01T12:00"] * count,
        "bad": ["0"] * count,
        "amount": [str(number) for number in range(count)],
        "limit": ["100"] * count,
        "kind": ["a"] * count,
        "email": ["someone@example.org"] * count,
    }
    return pd.DataFrame({**given, **columns})


def audited(frame):
    delivery = deliveries.write("toy", DAY, frame)
    return audit(catalog.load("toy"), DAY, delivery)


def rejection(frame):
    with pytest.raises(DeliveryRejected) as caught:
        audited(frame)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_good_delivery_passes_and_its_audit_is_kept_beside_it(folder):
    declare(folder, "gxe.ExpectColumnValuesToBeBetween(column='amount', min_value=0)", *ONE_IS_ENOUGH)
    found = audited(rows())
    assert (found.rows, found.expectations, found.broken, found.failed) == (10, 2, {}, [])
    assert Audit.load(audit_path("toy", DAY, found.delivery)) == found


ROW_LEVEL = {
    "gxe.ExpectColumnValuesToBeBetween(column='amount', min_value=1)": [0],
    "gxe.ExpectColumnValuesToBeInSet(column='kind', value_set=['a'])": [3],
    "gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A='limit', column_B='amount')": [9],
    "gxe.ExpectCompoundColumnsToBeUnique(column_list=['kind', 'limit', 'amount'])": [4, 5],
    "gxe.ExpectColumnValuesToBeBetween(column='amount', min_value=3, row_condition='kind==\"b\"', "
    "condition_parser='pandas')": [],
    "gxe.ExpectColumnValuesToBeBetween(column='amount', max_value=3, row_condition='kind==\"b\"', "
    "condition_parser='pandas')": [3],
}


@pytest.mark.parametrize("expectation", ROW_LEVEL)
def test_a_row_that_breaks_a_row_level_expectation_is_quarantined_with_its_description(folder, expectation):
    declare(folder, expectation)
    frame = rows(
        amount=["0", "1", "2", "5", "4", "4", "6", "7", "8", "100"],
        kind=["a"] * 3 + ["b"] + ["a"] * 6,
    )
    broken = audited(frame).broken
    assert sorted(broken) == ROW_LEVEL[expectation]
    for rules in broken.values():
        assert len(rules) == 1
        assert rules[0].startswith("expect_")
        assert "amount" in rules[0] or "kind" in rules[0]


def test_positions_are_the_delivery_s_where_rows_are_repeated(folder):
    declare(
        folder,
        "gxe.ExpectColumnValuesToBeUnique(column='id')",
        "gxe.ExpectColumnValuesToBeBetween(column='amount', max_value=8)",
    )
    frame = pd.concat([rows().head(1), rows()], ignore_index=True)
    assert list(audited(frame).broken) == [10]


def test_a_line_that_is_no_row_is_told_once_and_not_again_for_each_of_its_columns(folder):
    declare(
        folder,
        *(f"gxe.ExpectColumnValuesToNotBeNull(column='{name}', mostly=0.96)" for name in ("amount", "kind")),
        "gxe.ExpectColumnProportionOfNonNullValuesToBeBetween(column='limit', min_value=0.96)",
        "gxe.ExpectColumnValuesToBeBetween(column='amount', max_value=8)",
    )
    fault = "line 3 has 1 values instead of 7: the end"
    unread = pd.DataFrame({name: [None] for name in rows().columns} | {UNREAD: [fault]})
    found = audited(pd.concat([rows().head(2), unread, rows().tail(8)], ignore_index=True))
    assert found.broken == {2: [fault], 10: ["expect_column_values_to_be_between(column=amount, max_value=8.0)"]}
    assert found.failed == []


def test_a_value_that_cannot_be_read_is_told_once_and_not_as_a_missing_one_too(folder):
    declare(folder, "gxe.ExpectColumnValuesToNotBeNull(column='amount', mostly=0.5)")
    found = audited(rows(amount=["much", None, *map(str, range(8))]))
    assert [len(found.broken[position]) for position in (0, 1)] == [1, 1]
    assert found.broken[0][0].startswith("amount: ")
    assert "not_be_null" in found.broken[1][0]


def test_below_mostly_the_delivery_is_rejected_and_above_it_the_rows_are_quarantined(folder):
    declare(folder, "gxe.ExpectColumnValuesToNotBeNull(column='kind', mostly=0.8)")
    assert list(audited(rows(kind=[None] + ["a"] * 9)).broken) == [0]
    line = rejection(rows(kind=[None] * 3 + ["a"] * 7))
    assert "mostly=0.8" in line
    assert "30.0 % of rows break it" in line


def test_a_table_level_expectation_rejects_the_delivery_whole_and_says_what_was_observed(folder):
    declare(
        folder,
        "gxe.ExpectTableRowCountToBeBetween(min_value=11)",
        "gxe.ExpectColumnMeanToBeBetween(column='amount', max_value=3)",
    )
    line = rejection(rows())
    assert "expect_table_row_count_to_be_between(min_value=11.0), observed 10" in line or "observed 10" in line
    assert "observed 4.5" in line
    assert "the delivery is kept as" in line


def test_a_warning_neither_quarantines_nor_rejects_and_is_kept(folder):
    declare(
        folder,
        "gxe.ExpectTableRowCountToBeBetween(min_value=11, severity='warning')",
        "gxe.ExpectColumnValuesToBeBetween(column='amount', min_value=5, severity='info')",
    )
    found = audited(rows())
    assert (found.broken, found.failed) == ({}, [])
    assert len(found.warnings) == 2


def test_what_cannot_be_evaluated_rejects(folder):
    declare(folder, "gxe.ExpectColumnValuesToBeBetween(column='amuont', min_value=0)")
    assert "could not be evaluated" in rejection(rows())
    assert "about amuont, which the definition does not declare: `leeway check toy --fix`" in rejection(rows())
    declare(
        folder,
        "gxe.ExpectColumnValuesToBeBetween(column='amount', min_value=0, row_condition='no such syntax',"
        " condition_parser='pandas')",
    )
    assert "could not be evaluated" in rejection(rows())


def test_rows_that_break_the_definition_are_quarantined_up_to_the_limit(folder):
    declare(folder, *ONE_IS_ENOUGH)
    numbers = [str(number) for number in range(10)]
    assert sorted(audited(rows(amount=["much"] * 3 + numbers[3:])).broken) == [0, 1, 2]
    line = rejection(rows(amount=["much"] * 4 + numbers[4:]))
    assert "quarantine_limit: 40% of the rows are bad, more than 30%" in line
    assert "'amount: must be a finite number' (4 rows)" in line


def test_a_sensitive_value_is_not_shown_in_a_rejection(folder):
    declare(
        folder,
        "gxe.ExpectColumnDistinctValuesToBeInSet(column='email', value_set=['nobody'])",
        "gxe.ExpectColumnMaxToBeBetween(column='email', max_value=3)",
    )
    line = rejection(rows())
    assert "email" in line
    assert "someone@" not in line


BAD_SUITES = {
    "empty": ("expectations = []", r"suite is empty.*0 expectations"),
    "unknown type": (
        "expectations = [gxe.ExpectColumnToExist(column='id'), {'type': 'expect_miracles', 'kwargs': {}}]",
        "1 of 2 load|an expectation is not valid",
    ),
    "invalid argument": (
        "expectations = [gxe.ExpectColumnValuesToBeBetween(column='amount', min_value=[])]",
        "loading .*toy.py: .*cannot be empty",
    ),
    "unknown argument": (
        "expectations = [gxe.ExpectColumnValuesToBeBetween(column='amount', minimum=0)]",
        "loading .*toy.py: .*minimum",
    ),
    "no arguments": ("expectations = [{'type': 'expect_column_to_exist', 'kwargs': {}}]", "valid|0 of 1 load"),
    "a class": ("expectations = [gxe.ExpectColumnToExist]", "expectation is not valid|of 1 load"),
    "text": ("expectations = ['expect_column_to_exist']", "expectation is not valid|of 1 load"),
    "no list": ("suite = []", "named `expectations`"),
}


@pytest.mark.parametrize("case", BAD_SUITES)
def test_a_suite_that_would_not_ask_everything_is_an_error_never_a_pass(folder, case):
    text, reason = BAD_SUITES[case]
    declare(folder, text=text)
    with pytest.raises(DefinitionError, match=reason) as caught:
        audited(rows())
    assert "\n" not in str(caught.value)


def test_a_missing_suite_is_an_error_never_a_pass(folder):
    (folder / "expectations" / "toy.py").unlink()
    with pytest.raises(DefinitionError, match=r"loading the suite of toy: .*no file"):
        audited(rows())


def test_a_suite_may_be_written_as_configurations(folder):
    declare(folder, "{'type': 'expect_table_row_count_to_equal', 'kwargs': {'value': 10}}")
    assert len(load_suite("toy").expectations) == 1
    assert audited(rows()).failed == []
    assert "observed 9" in rejection(rows(9))
