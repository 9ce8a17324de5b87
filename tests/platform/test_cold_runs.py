"""`LEEWAY_WARM_RUNS=false`: the runs of a platform that uses nothing of Prefect's inside."""

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from leeway.operations.platform.processes import process_of
from tests.platform.conftest import Platform, _rows, to_be_run

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("platform")]
YESTERDAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    monkeypatch.setenv("LEEWAY_WARM_RUNS", "false")
    # Not in pytest's own folder: the server of a superuser runs as another user, who must get there.
    made = Platform(Path(tempfile.mkdtemp(prefix="leeway-cold-")))
    for folder in ("models", "expectations", "data"):
        (made.root / folder).mkdir()
    _rows(YESTERDAY).to_csv(made.root / "data" / "toy.csv", index=False)
    made.declare("toy")
    with to_be_run(made):
        made.up()
        yield made


def test_a_run_begins_as_an_interpreter_of_its_own_and_goes_on_after_a_stop(cold):
    cold.wait(cold.run("housekeep", dry_run=True), "Completed")
    (cold.root / "hold").touch()
    run = cold.run("ingest", classifier="toy", partition=YESTERDAY.date().isoformat())
    cold.wait(run, "Running")
    cold.until(lambda: process_of(run))
    assert "multiprocessing.spawn" in Path(f"/proc/{process_of(run)}/cmdline").read_text()
    processes = [Path(entry.path, "cmdline") for entry in os.scandir("/proc") if entry.name.isdigit()]
    ours = [file.read_text() for file in processes if f"LEEWAY_HOME={cold.home}" in environment(file)]
    assert not any("forkserver" in command for command in ours)
    assert cold.leeway("down").returncode == 0
    assert process_of(run) is None
    (cold.root / "hold").unlink()
    before = cold.secret
    (cold.home / "platform" / "prefect-secret").unlink()  # as in a folder of before there was one
    cold.up()
    assert cold.secret != before
    cold.wait(run, "Completed")


def environment(file: Path) -> str:
    try:
        return file.with_name("environ").read_text()
    except OSError:
        return ""
