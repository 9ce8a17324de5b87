"""The command line as a person meets it."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from leeway.cli import output
from leeway.cli.app import _global_first, app


def leeway(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "leeway", *arguments]
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=False
    )


COMMANDS = [command.name for command in app.registered_commands]


def test_every_command_of_the_design_is_there():
    wanted = "demo check list status ingest score monitor nightly train retrain backfill versions promote rollback"
    assert set(wanted.split()) <= set(COMMANDS)
    assert {"approve", "reject", "quarantine", "report", "doctor"} <= set(COMMANDS)


def test_help_names_every_command_and_imports_nothing_heavy():
    probe = "import sys; sys.argv = ['leeway', '--help']; from leeway.cli import main\ntry: main()\nexcept SystemExit: pass\n"
    probe += "print(sorted({'pandas', 'numpy', 'prefect', 'sqlalchemy', 'pydantic', 'sklearn'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert all(command in done.stdout for command in COMMANDS)
    assert "..." not in done.stdout.partition("Commands:")[2]  # every sentence fits its line


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(command):
    done = CliRunner().invoke(app, [command, "--help"], prog_name="leeway")
    assert done.exit_code == 0
    assert done.stdout.strip().startswith("Usage: leeway")
    assert len(done.stdout.splitlines()) > 5


@pytest.mark.parametrize("arguments", [("--verbose", "list"), ("list", "--verbose")])
def test_the_log_is_off_unless_it_is_asked_for_before_or_after_the_command(project, arguments):
    project.declare()
    assert leeway("list").stderr == ""
    done = leeway(*arguments)
    assert done.returncode == 0
    assert f"DEBUG leeway.core.settings: data folder {project.root}" in done.stderr
    assert done.stdout == leeway("list", LEEWAY_LOG="").stdout


def test_a_global_option_behind_two_dashes_is_an_argument():
    assert _global_first(["new", "--debug", "x", "--", "--verbose"]) == ["--debug", "new", "x", "--", "--verbose"]


def test_wrong_usage_exits_with_2():
    assert leeway("nightly").returncode == 2
    assert leeway("no-such-command").returncode == 2
    assert leeway("backfill", "toy", "--from", "2026-01-01", "--to", "2026-01-02", "--all", "--stale").returncode == 2


def test_an_unknown_classifier_is_one_line_and_exits_with_1(project):
    project.declare()
    done = leeway("status", "toi")
    assert done.returncode == 1
    assert done.stderr.startswith("leeway: finding a classifier: ")
    assert done.stderr.endswith(" (found: toi); did you mean toy?\n")


def test_an_error_is_also_one_json_document(project):
    project.declare()
    done = leeway("nightly", "toi", "--json")
    assert done.returncode == 1
    assert "did you mean toy?" in json.loads(done.stdout)["error"]


@pytest.fixture
def whole(project):
    """Runs `leeway list` by a shell, with a classifier declared and a folder that is not in ASCII."""
    project.declare()

    def run(redirection, command="list", **environment):
        line = f'"{sys.executable}" -m leeway {command} {redirection}'
        return subprocess.run(
            ["sh", "-c", line], env={**os.environ, **environment}, capture_output=True, timeout=120, check=False
        )

    return run


def test_nobody_need_read_the_output(whole):
    for command in ("list", "list --json", "--help"):
        assert whole("| true", command).stderr == b""
        done = whole(">&-", command)
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_is_one_line(whole, unbuffered):
    for command in ("list", "list --json"):
        done = whole(">/dev/full", command, PYTHONUNBUFFERED=unbuffered)
        assert done.returncode == 1
        assert done.stderr.decode().startswith("leeway: writing the output: ")
        assert done.stderr.count(b"\n") == 1
    done = whole(">/dev/full", "status nobody --json")
    assert done.stderr.decode().startswith("leeway: finding a classifier: ")
    assert done.stderr.count(b"\n") == 1


def test_an_old_encoding_takes_every_text(whole):
    done = whole("", "new x nö.csv --label y --json", PYTHONIOENCODING="ascii")
    assert "nö.csv" in json.loads(done.stdout)["error"]
    assert done.stderr.startswith(b"leeway: reading n\\xf6.csv: ")


@pytest.mark.parametrize(
    "raised", ["KeyboardInterrupt", "ValueError('a library') from KeyboardInterrupt()"], ids=["plain", "wrapped"]
)
def test_an_interruption_says_that_work_is_kept(raised):
    probe = "import sys; sys.argv = ['leeway', 'list']; from leeway.cli import app, main\n"
    probe += f"def stop(): raise {raised}\n"
    probe += "app.app.registered_commands[0].callback = stop; app.app.registered_commands[0].name = 'list'\n"
    probe += "del app.app.registered_commands[1:]; app.app.command('other')(lambda: None); main()"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr == "leeway: interrupted; finished work is kept, run the command again to go on\n"


def test_debug_shows_the_traceback(project):
    done = leeway("--debug", "status", "toi")
    assert "Traceback" in done.stderr


def test_a_partition_that_is_not_over_is_refused(project):
    project.declare()
    done = leeway("ingest", "toy", "--partition", "2999-01-01")
    assert done.returncode == 1
    assert "the partition is not over yet" in done.stderr


@pytest.mark.parametrize("command", ["ingest", "nightly", "train", "backfill"])
def test_a_data_folder_that_cannot_be_written_is_one_line_at_once(project, command):
    project.declare()
    done = leeway(command, "toy", LEEWAY_HOME="/proc/self")  # where nobody can write, root included
    assert done.returncode == 1
    assert done.stderr.startswith("leeway: writing to the folder /proc/self: cannot write to the data folder")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("folder", [__file__, "/proc/demo"])
def test_a_place_where_no_demo_can_be_is_one_line(folder):
    done = leeway("demo", folder)
    assert done.returncode == 1
    assert done.stderr.startswith(f"leeway: making the demo's folder {folder}: it cannot be made (found: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_database_that_is_down_is_one_line_without_the_password(project):
    project.declare()
    done = leeway("status", "toy", LEEWAY_DATABASE_URL="postgresql://someone:secret@127.0.0.1:1/leeway")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "not reachable" in done.stderr
    assert "secret" not in done.stderr


def test_list_and_check_work_on_a_declared_classifier(project):
    project.declare()
    assert json.loads(leeway("list", "--json").stdout) == ["toy"]
    done = leeway("check", "toy", "--json")
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)["findings"]
    assert "no file matches" in finding["what"]  # nothing was delivered yet


def test_check_finds_an_empty_suite(project):
    project.declare(suite="expectations = []")
    done = leeway("check", "toy")
    assert done.returncode == 1
    assert "expectations/toy.py: " in done.stdout
    assert "the suite is empty" in done.stdout


def test_a_table_without_rows_is_one_line(capsys):
    output.table("rows of toy in quarantine", ("partition", "times"), [])
    assert capsys.readouterr().out == "rows of toy in quarantine: none\n"
