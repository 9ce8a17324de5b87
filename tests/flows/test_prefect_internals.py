"""What we use of Prefect's inside is as it was, and stands in one module."""

import re
from pathlib import Path

import prefect.flow_engine
import pytest
from prefect.runner import Runner
from prefect.runner._control_channel import ControlChannel
from prefect.runner._scheduled_run_poller import ScheduledRunPoller

from flows import prefect_internals

ROOT = Path(prefect_internals.__file__).parents[1]
PRIVATE = re.compile(r"prefect[\w.]*\._|(runner|poller|client)\._[a-z]")


def test_this_prefect_is_as_we_count_on():
    assert prefect_internals.changed() == []


def other(self, flow_run_id, more):
    """A method that takes more than before."""


@pytest.mark.parametrize(
    ("where", "name", "new", "told"),
    [
        (ScheduledRunPoller, "_submit_run", other, "ScheduledRunPoller._submit_run takes"),
        (ScheduledRunPoller, "_get_and_submit_flow_runs", None, "AttributeError"),
        (ControlChannel, "register", other, "ControlChannel.register takes"),
        (Runner, "__aenter__", other, "Runner.__aenter__ makes no _scheduled_run_poller"),
    ],
)
def test_a_change_is_told_with_its_name(monkeypatch, where, name, new, told):
    if new is None:
        monkeypatch.delattr(where, name)
    else:
        monkeypatch.setattr(where, name, new)
    assert any(told in line and "flows/prefect_internals.py" in line for line in prefect_internals.changed())


def test_a_variable_that_the_engine_no_longer_reads_is_told(monkeypatch, tmp_path):
    text = Path(prefect.flow_engine.__file__).read_text().replace("PREFECT__FLOW_ENTRYPOINT", "PREFECT__CODE")
    (tmp_path / "engine_of_tomorrow.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(
        prefect_internals, "WORDS", {"engine_of_tomorrow": prefect_internals.WORDS["prefect.flow_engine"]}
    )
    (told,) = prefect_internals.changed()
    assert "engine_of_tomorrow has no ['PREFECT__FLOW_ENTRYPOINT']" in told


def test_no_other_module_knows_of_it():
    files = [file for folder in ("flows", "tasks", "leeway", "dashboards") for file in (ROOT / folder).rglob("*.py")]
    found = [file.name for file in files if PRIVATE.search(file.read_text())]
    assert found == ["prefect_internals.py"]
