"""Wrong usage: a value that cannot be read is told with an example, and the command exits with 2."""

import pytest
from typer.testing import CliRunner

from leeway.cli import output, temporary_server
from leeway.cli.app import app
from leeway.core.settings import settings
from leeway.definition import catalog
from tests.conftest import TOY_MODEL


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A project with one definition; no server and no database."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "toy.py").write_text(TOY_MODEL)
    monkeypatch.setenv("LEEWAY_PROJECT", str(tmp_path))
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LEEWAY_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    monkeypatch.setattr(temporary_server, "begin", lambda: None)
    monkeypatch.setattr(output, "as_json", False)
    settings.cache_clear()
    catalog.load.cache_clear()
    yield
    settings.cache_clear()
    catalog.load.cache_clear()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("train toy --as-of 2026-13-01", "--as-of: 2026-13-01 is no date (e.g. 2026-04-01)"),
        ("nightly toy --partition soon", "--partition: soon is no date (e.g. 2026-04-01)"),
        ("backfill toy --from 2026-02-30", "--from: 2026-02-30 is no date (e.g. 2026-04-01)"),
        ("backfill toy --to 1.3.2026", "--to: 1.3.2026 is no date (e.g. 2026-04-01)"),
        ("report toy yesterday", "PARTITION: yesterday is no date (e.g. 2026-04-01)"),
        ("accept toy 2026-3-1 --reason r", "PARTITION: 2026-3-1 is no date (e.g. 2026-04-01)"),
        ("new toy data.csv --label y --label-delay soon", "--label-delay: soon is no duration (e.g. 30d)"),
        (
            "new toy data.csv --label y --label-delay 99999999999d",
            "--label-delay: 99999999999d is no duration (e.g. 30d)",
        ),
        ("nightly toy --partition 9999-12-31", "--partition: 9999-12-31 is no date (e.g. 2026-04-01)"),
        (
            "backfill toy --from 0001-01-01T00:00+14:00",
            "--from: 0001-01-01T00:00+14:00 is no date (e.g. 2026-04-01)",
        ),
        ("train toy --as-of 9999-12-31T23:00-02:00", "--as-of: 9999-12-31T23:00-02:00 is no date (e.g. 2026-04-01)"),
        ("train toy --as-of 2999-01-01", "--as-of: 2999-01-01 is no time in the past (e.g. 2026-04-01)"),
        (
            "backfill toy --from 2026-01-02 --to 2026-01-01",
            "Invalid value: --from 2026-01-02 is later than --to 2026-01-01",
        ),
        ("mute toy --for soon --reason r", "--for: soon is no duration (e.g. 30m, 2h or 3d)"),
    ],
)
def test_a_value_that_cannot_be_read_is_wrong_usage(toy, command, message):
    done = CliRunner().invoke(app, command.split())
    assert (done.exit_code, done.output.splitlines()[-1]) == (2, f"Error: {message}")


@pytest.mark.parametrize(
    "command",
    ["train toy", "retrain toy", "promote toy 1", "rollback toy", "hold toy", "release toy", "mute toy --for 2h"],
)
def test_an_empty_reason_is_none(toy, command):
    done = CliRunner().invoke(app, [*command.split(), "--reason", " "])
    assert (done.exit_code, done.output.splitlines()[-1]) == (
        2,
        "Error: --reason: ' ' is no reason (e.g. 'the source was repaired')",
    )
