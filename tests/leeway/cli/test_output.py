import pytest

from leeway.cli import output
from leeway.core.progress import reporting, tell


@pytest.fixture
def work(capsys):
    """Do a long piece of work; returns what a person sees without a terminal."""

    def do():
        with output.progress("ingesting toy") as update, reporting(update):
            for done in range(3):
                tell(done, 3, f"read {done}.csv")
        return capsys.readouterr()

    return do


def test_without_a_terminal_long_work_writes_lines_on_standard_error(work, monkeypatch):
    monkeypatch.setattr(output, "LINE_EVERY", 0.0)
    seen = work()
    assert seen.err.splitlines()[1] == "ingesting toy: 1 of 3 done; read 1.csv"
    assert seen.out == ""


def test_short_work_writes_nothing(work):
    assert work().err == ""


def test_nobody_need_watch():
    tell(1, 2, "read a.csv")
