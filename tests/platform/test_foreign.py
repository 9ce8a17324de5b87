"""Even who knows the secret of Prefect's server cannot have the platform run what is not ours."""

import os
import signal

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from flows import deployments
from leeway.definition import catalog
from leeway.operations.platform.processes import process_of

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("platform")]
ENDED = ("Completed", "Failed", "Crashed")


@pytest.fixture
def attacked(platform):
    """Upsert a deployment, as who knows the secret can; ours come back afterwards."""
    mark = platform.root / "carried-out"

    def upsert(name, **said):
        flow = platform.deployment(name)["flow_id"]
        platform.post("/deployments/", {"name": name, "flow_id": flow, **said})
        return mark

    yield upsert
    catalog.load.cache_clear()
    asking = {PREFECT_API_URL: f"{platform.url('prefect')}/api", PREFECT_API_AUTH_STRING: platform.secret}
    with temporary_settings(asking), get_client(sync_client=True) as client:
        deployments.apply(client)
    assert not any(item["pull_steps"] or item["job_variables"] for item in platform.post("/deployments/filter", {}))
    platform.wait(platform.run("housekeep", dry_run=True), "Completed")
    assert not mark.exists()


def shell(platform):
    script = {"script": f"touch {platform.root / 'carried-out'}"}
    return [{"prefect.deployments.steps.run_shell_script": script}]


def test_pull_steps_that_somebody_wrote_are_not_carried_out(platform, attacked):
    mark = attacked("housekeep", entrypoint="flows.housekeep.housekeep", pull_steps=shell(platform))
    run = platform.wait(platform.run("housekeep", dry_run=True), *ENDED)
    assert run["state_name"] == "Failed"
    assert "its deployment is not the one that Leeway offers: somebody has changed it" in run["state"]["message"]
    assert "run_shell_script" in run["state"]["message"]
    assert not mark.exists()


def test_an_entrypoint_that_somebody_wrote_is_not_loaded(platform, attacked):
    evil = platform.root / "evil.py"
    evil.write_text(f"open({str(platform.root / 'carried-out')!r}, 'w')\n")
    mark = attacked("housekeep", entrypoint=f"{evil}:housekeep", path=str(platform.root))
    run = platform.wait(platform.run("housekeep", dry_run=True), *ENDED)
    assert run["state_name"] == "Failed"
    assert str(evil) in run["state"]["message"]
    assert not mark.exists()


def test_the_runner_itself_loads_nothing_for_a_run_that_died(platform, attacked, hold):
    """For its hooks Prefect's runner loads the flow in its own process, with the deployment's pull steps."""
    run = platform.run("ingest", classifier="toy", partition="2026-01-01")
    platform.wait(run, "Running")
    platform.until(lambda: process_of(run))
    mark = attacked("ingest", entrypoint="flows.ingest.ingest", pull_steps=shell(platform))
    os.kill(process_of(run), signal.SIGKILL)
    platform.wait(run, "Crashed")
    platform.until(lambda: process_of(run) is None)
    assert not mark.exists()


def test_what_a_run_brings_along_is_refused_too(platform):
    body = {"parameters": {"dry_run": True}, "state": {"type": "SCHEDULED"}, "job_variables": {"command": "touch x"}}
    run = platform.post(f"/deployments/{platform.deployment('housekeep')['id']}/create_flow_run", body)["id"]
    done = platform.wait(run, *ENDED)
    assert done["state_name"] == "Failed"
    assert "job_variables of the run" in done["state"]["message"]
