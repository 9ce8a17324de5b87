import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from leeway.cli.app import app
from leeway.core.settings import settings
from leeway.definition import catalog
from leeway.operations import check_definition
from tests.leeway.profiling import leaky


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_PROJECT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    settings.cache_clear()
    random = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "id": [f"K{number:04}" for number in range(500)],
            "day": pd.date_range("2026-01-01", periods=500, freq="3h").strftime("%d.%m.%Y %H:%M"),
            "price": random.lognormal(3, 1, 500).round(2),
            "Sex": random.choice(["m", "f"], 500),
            "e-mail": [f"someone{number}@example.org" for number in range(500)],
            "bad": random.choice([0, 1], 500, p=[0.8, 0.2]),
        }
    )
    frame.to_csv("sales.csv", index=False, sep=";")
    yield lambda *arguments, **options: CliRunner().invoke(app, ["new", *arguments], **options)
    settings.cache_clear()


def test_every_guess_is_printed_and_the_files_are_there(run, tmp_path):
    result = run("sales", "sales.csv", "--label", "bad")
    assert result.exit_code == 0, result.output
    for words in ("event id", "event time", "positive is 1", "groups of people", "--keep COLUMN", "Next:"):
        assert words in " ".join(result.output.split())
    assert (tmp_path / "models/sales.py").exists()
    assert (tmp_path / "expectations/sales.py").exists()


def test_one_json_document_says_the_same(run):
    result = run("sales", "sales.csv", "--label", "bad", "--json")
    found = json.loads(result.stdout)
    assert (found["rows"], found["changed"]) == (500, True)
    assert found["guesses"]["event time"] == "day"
    assert found["columns"]["e-mail"]["use"] == "sensitive"
    assert not json.loads(run("sales", "sales.csv", "--label", "bad", "--json").stdout)["changed"]


def test_an_edited_file_is_kept_unless_forced(run, tmp_path):
    run("sales", "sales.csv", "--label", "bad")
    (tmp_path / "models/sales.py").write_text("# mine\n")
    result = run("sales", "sales.csv", "--label", "bad")
    assert result.exit_code != 0
    assert (tmp_path / "models/sales.py").read_text() == "# mine\n"
    assert run("sales", "sales.csv", "--label", "bad", "--force").exit_code == 0
    assert "Classifier(" in (tmp_path / "models/sales.py").read_text()


@pytest.mark.parametrize(
    "wrong", [("--label", "bda"), ("--label", "bad", "--label-delay", "soon"), ("--label", "bad", "--id", "Sex")]
)
def test_a_refusal_leaves_nothing_behind(run, tmp_path, wrong):
    assert run("sales", "sales.csv", *wrong).exit_code != 0
    assert [path.name for path in tmp_path.rglob("*.py")] == []


@pytest.fixture
def taxi(run, tmp_path):
    leaky.taxi().to_csv(tmp_path / "rides.csv", index=False)
    yield lambda *more, **options: run("rides", "rides.csv", "--label", "bad", *more, **options)
    catalog.load.cache_clear()


def test_without_a_terminal_the_questions_are_printed_once_in_one_list(taxi, tmp_path):
    said = " ".join(taxi().output.split())
    assert said.count("Could you have known `tips` when the event happened?") == 1
    assert said.count("Could you have known `payment` when the event happened?") == 1
    assert "known_at_event=True" in said
    text = (tmp_path / "models/rides.py").read_text()
    assert "known_at_event" not in text.replace("declare known_at_event=True", "")
    assert "# could you have known `payment` when the event happened?" in text
    found = json.loads(taxi("--json").stdout)["questions"]
    assert [(item["columns"], item["set aside"]) for item in found] == [(["tips"], True), (["payment"], False)]


@pytest.mark.parametrize(
    ("typed", "features", "open_"),
    [
        ("n\ny\n", {"fare", "distance", "payment"}, []),
        ("y\nn\n", {"fare", "distance", "tips"}, []),
        ("what?\nn\n\n", {"fare", "distance", "payment"}, [["payment"]]),
    ],
)
def test_a_terminal_is_asked_and_what_was_answered_is_never_asked_again(
    taxi, tmp_path, monkeypatch, typed, features, open_
):
    monkeypatch.setattr("leeway.cli.new._is_asked_at_a_terminal", lambda: True)
    assert taxi(input=typed).exit_code == 0
    written = (tmp_path / "models/rides.py").read_text()
    assert set(catalog.load_anew("rides").features) == features
    assert not check_definition.check("rides")
    again = json.loads(taxi("--force", "--json").stdout)
    assert [item["columns"] for item in again["questions"]] == open_
    assert (tmp_path / "models/rides.py").read_text() == written
    assert not again["changed"]


def test_a_question_that_is_broken_off_leaves_nothing_behind(taxi, tmp_path, monkeypatch):
    monkeypatch.setattr("leeway.cli.new._is_asked_at_a_terminal", lambda: True)
    assert taxi(input="y\n").exit_code == 1
    assert not list(tmp_path.rglob("*.py"))


def test_a_line_that_somebody_deleted_stays_deleted_and_what_is_kept_is_known(taxi, tmp_path):
    taxi()
    path = tmp_path / "models/rides.py"
    lines = [line for line in path.read_text().splitlines() if not line.strip().startswith('"payment"')]
    path.write_text("\n".join(lines))
    assert taxi("--force").exit_code == 0
    assert set(catalog.load_anew("rides").features) == {"fare", "distance"}
    taxi("--force", "--keep", "tips")
    assert catalog.load_anew("rides").columns["tips"].known_at_event
