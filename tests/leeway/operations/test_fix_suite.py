import pytest

from leeway.core.errors import DefinitionError
from leeway.core.settings import settings
from leeway.definition import catalog
from leeway.ingest.audit import columns_of, load_suite
from leeway.operations import check_definition, fix_suite
from leeway.profiling.creation import create
from leeway.profiling.options import Options
from tests.leeway.profiling import leaky


@pytest.fixture
def rides(tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_PROJECT", str(tmp_path))
    for cached in (settings, catalog.load):
        cached.cache_clear()
    leaky.taxi().to_csv(tmp_path / "rides.csv", index=False)
    create(Options("rides", str(tmp_path / "rides.csv"), ("bad",), keep=("tips",)))
    yield tmp_path
    for cached in (settings, catalog.load):
        cached.cache_clear()


def delete(root, column):
    path = root / "models/rides.py"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.strip().startswith(f'"{column}": ')))
    catalog.load.cache_clear()


@pytest.mark.parametrize("column", ["tips", "payment", "fare"])
def test_the_expectations_of_a_deleted_column_follow_and_all_others_stay(rides, column):
    path = rides / "expectations/rides.py"
    before, columns = path.read_text(), columns_of(load_suite("rides"))
    delete(rides, column)
    (first, *_) = check_definition.check("rides")
    assert f"the column '{column}' is not declared" in first.what
    assert "--fix" in first.what
    assert fix_suite.drop_undeclared(catalog.load("rides")) == [column]
    assert check_definition.check("rides") == []
    assert columns_of(load_suite("rides")) == columns - {column}
    assert path.read_text().count("gxe.") == before.count("gxe.") - before.count(f'column="{column}"')
    assert fix_suite.drop_undeclared(catalog.load("rides")) == []


SUITE = """import great_expectations.expectations as gxe

NAMES = ["fare", "tips"]  # both
VALUES = {"payment": ["tips", "cash"], "tips": ["a"]}
expectations = [
    gxe.ExpectTableRowCountToBeBetween(min_value=1),
    *(gxe.ExpectColumnValuesToNotBeNull(column=name) for name in ("fare", "tips")),
    *(gxe.ExpectColumnValuesToBeInSet(column=name, value_set=known) for name, known in VALUES.items()),
    gxe.ExpectColumnValuesToBeBetween(
        column="tips", min_value=0
    ),  # never below
    gxe.ExpectColumnValuesToNotBeNull(column="distance", notes="größer als tips"),
]
"""


def test_a_value_that_is_spelled_as_the_column_stays():
    assert (
        fix_suite.without(SUITE, {"tips"})
        == """import great_expectations.expectations as gxe

NAMES = ["fare",]  # both
VALUES = {"payment": ["tips", "cash"],}
expectations = [
    gxe.ExpectTableRowCountToBeBetween(min_value=1),
    *(gxe.ExpectColumnValuesToNotBeNull(column=name) for name in ("fare")),
    *(gxe.ExpectColumnValuesToBeInSet(column=name, value_set=known) for name, known in VALUES.items()),
    gxe.ExpectColumnValuesToNotBeNull(column="distance", notes="größer als tips"),
]
""".replace('("fare")', '("fare",)')
    )


def test_a_suite_that_does_not_show_its_columns_is_left_as_it_is(rides):
    path = rides / "expectations/rides.py"
    path.write_text(SUITE.replace('("fare", "tips")', '"fare tips".split()'))
    delete(rides, "tips")
    text = path.read_text()
    with pytest.raises(DefinitionError, match="edit it by hand"):
        fix_suite.drop_undeclared(catalog.load("rides"))
    assert path.read_text() == text
