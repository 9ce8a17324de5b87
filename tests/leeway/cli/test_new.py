import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from leeway.cli.app import app
from leeway.core.settings import settings


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
    yield lambda *arguments: CliRunner().invoke(app, ["new", *arguments])
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
