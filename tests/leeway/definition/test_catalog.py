import shutil
from pathlib import Path

import pytest

from leeway.core.errors import DefinitionError, NotFound
from leeway.core.settings import settings
from leeway.definition import catalog
from tests.conftest import TOY_MODEL

ROOT = Path(__file__).parents[3]
MODEL = """
from leeway.definition import *

classifier = Classifier(
    source=CSV(path="data.csv"), event_id="id", event_time="at", label=Label(column="bad", delay=days(1)),
    columns={"amount": numeric()},
)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_PROJECT", str(tmp_path))
    for cached in (settings, catalog.load):
        cached.cache_clear()
    for name in ("models", "expectations"):
        (tmp_path / name).mkdir()
    yield tmp_path
    for cached in (settings, catalog.load):
        cached.cache_clear()


def refusal(folder, text):
    (folder / "models" / "toy.py").write_text(text)
    with pytest.raises(DefinitionError) as caught:
        catalog.load("toy")
    line = str(caught.value)
    assert "\n" not in line
    assert "loading" in line
    assert "toy.py" in line
    return line


@pytest.mark.parametrize("path", sorted((ROOT / "models").glob("[a-z]*.py")), ids=lambda path: path.stem)
def test_every_file_in_models_loads(folder, path):
    shutil.copy(path, folder / "models")
    assert catalog.load(path.stem).name == path.stem
    assert catalog.names() == [path.stem]


def test_a_file_holds_one_classifier_whatever_it_is_called_and_however_often(folder):
    (folder / "models" / "toy.py").write_text(MODEL + "\nsame = classifier\n")
    assert catalog.load("toy").name == "toy"


def test_a_file_changed_twice_within_a_second_runs_as_it_is(folder):
    path = folder / "models" / "toy.py"
    for hours in (1, 2, 3):
        path.write_text(MODEL.replace("days(1)", f"hours({hours})"))
        catalog.load.cache_clear()
        assert catalog.load("toy").label.delay.seconds == hours * 3600


def test_two_classifiers_in_one_file_or_none_are_refused(folder):
    two = refusal(folder, MODEL + "\nother = classifier.model_copy(update={'event_id': 'x'})\n")
    assert "more than one Classifier (found: 2)" in two
    assert "no Classifier (found: 0)" in refusal(folder, "x = 1\n")


def test_a_syntax_error_is_one_line_with_its_line(folder):
    line = refusal(folder, "x = 1\ny = (\n")
    assert "(found: SyntaxError" in line
    assert "line 2" in line


def test_an_exception_in_the_file_is_one_line_with_the_file_s_line(folder):
    line = refusal(folder, "x = 1\ny = x / 0\n")
    assert "ZeroDivisionError: division by zero in line 2" in line


def test_an_unknown_name_is_refused_with_a_suggestion(folder):
    assert "colums is not a known name (did you mean columns?)" in refusal(folder, MODEL.replace("columns=", "colums="))


def test_an_argument_without_its_name_is_refused(folder):
    assert "positional" in refusal(folder, MODEL.replace('CSV(path="data.csv")', 'CSV("data.csv")'))


def test_all_findings_are_said_at_once(folder):
    wrong_fields = MODEL.replace('event_id="id"', "event_id=3, quarantine_limit=7, colour=1")
    line = refusal(folder, wrong_fields)
    assert all(finding in line for finding in ("event_id", "quarantine_limit", "colour is not a known name"))
    assert "correct them" in line

    impossible = (
        MODEL.replace('"amount": numeric()', '"bad": numeric(), "score": numeric()')
        .replace("columns=", 'event_time="id", history=(History(by="card", window=days(1)),), columns=')
        .replace('event_time="at", ', "")
    )
    line = refusal(folder, impossible)
    assert all(
        finding in line
        for finding in ("must be different columns", "drop ['bad']", "may not be named ['score']", "uses 'card'")
    )


def test_a_file_name_that_cannot_be_a_classifier_s_is_refused(folder):
    for stem in ("Big", "leeway"):
        (folder / "models" / f"{stem}.py").write_text(MODEL)
        with pytest.raises(DefinitionError, match=r"name: .*pattern|taken in the database"):
            catalog.load(stem)


def test_an_unknown_classifier_is_not_found_with_a_suggestion(folder):
    with pytest.raises(NotFound, match="declared here: none"):
        catalog.load("payments")
    (folder / "models" / "payments.py").write_text(MODEL)
    with pytest.raises(NotFound, match=r"did you mean payments\?"):
        catalog.load("payment")
    with pytest.raises(NotFound, match="declared here: payments"):
        catalog.load("zzz")


@pytest.mark.parametrize("name", ["../toy", "models/../../toy", "", "/etc/passwd"])
def test_nothing_outside_models_is_run(folder, name):
    (folder / "toy.py").write_text("raise SystemExit('ran')")
    with pytest.raises(NotFound):
        catalog.load(name)


def test_a_suite_must_be_there_run_and_hold_a_list(folder):
    with pytest.raises(DefinitionError, match=r"loading the suite of toy: .*no file"):
        catalog.load_expectations("toy")
    suite = folder / "expectations" / "toy.py"
    for text, reason in (
        ("x = 1", "`expectations` .found: NoneType"),
        ("expectations = 3", "`expectations` .found: int"),
        ("expectations = [", "SyntaxError"),
        ("import nothing_of_that_name", "ModuleNotFoundError.* in line 1"),
    ):
        suite.write_text(text)
        with pytest.raises(DefinitionError, match=reason):
            catalog.load_expectations("toy")


def test_what_a_delivery_is_audited_by_has_a_hash_of_its_own(folder):
    model, suite = folder / "models" / "toy.py", folder / "expectations" / "toy.py"

    def fingerprints(change="", to=""):
        model.write_text(MODEL.replace(change, to))
        catalog.load.cache_clear()
        return catalog.audit_fingerprint("toy"), catalog.fingerprint("toy")

    audit, whole = fingerprints()
    assert fingerprints() == (audit, whole)
    unrelated = fingerprints("columns=", "partition='week', columns=")
    assert unrelated[0] == audit
    assert unrelated[1] != whole
    assert fingerprints("numeric()", "categorical()")[0] != audit
    assert fingerprints('"data.csv"', '"data.csv", timezone="Europe/Berlin"')[0] != audit
    suite.write_text("expectations = []")
    assert fingerprints()[0] != audit


def test_a_definition_may_import_the_ready_functions_from_where_they_were(project):
    project.declare(model="from leeway.preparing import renamed\n" + TOY_MODEL)
    assert catalog.load("toy").name == "toy"


def test_a_file_that_ends_the_process_ends_only_its_own_loading(folder):
    assert "does not run (found: SystemExit: 3 in line 2)" in refusal(folder, "import sys\nsys.exit(3)\n")


def test_the_name_of_a_kind_is_no_column(folder):
    said = refusal(folder, TOY_MODEL.replace("identifier()", '"identifier"'))
    assert "columns.card: 'identifier' is the name of a kind; write identifier()" in said
