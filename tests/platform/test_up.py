"""`leeway up` as a person meets it. The tests of this file share one platform, and run in their order."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events import emit_event
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from prefect.states import Running

from flows import deployments
from flows.automations import NAME
from flows.automations import apply as apply_automations
from leeway.definition import catalog
from leeway.lifecycle import registry, retraining
from leeway.operations.platform.processes import process_of
from leeway.store.database import database
from tasks import care
from tasks.ask_for_retrain import ask_for_retrain
from tasks.emit_breach_event import announce

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("platform")]
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()


def asking(platform):
    """Prefect's settings for who asks the platform's server."""
    return {PREFECT_API_URL: f"{platform.url('prefect')}/api", PREFECT_API_AUTH_STRING: platform.secret}


@pytest.fixture
def server(platform):
    """The platform's Prefect server, for what this process does itself."""
    catalog.load.cache_clear()
    with temporary_settings(asking(platform)):
        yield


def test_up_starts_everything_and_prints_links_that_answer(platform):
    assert {unit["state"] for unit in platform.units.values()} == {"up"}
    links = [word for word in platform.output.split() if word.startswith("http://127.0.0.1:")]
    assert len(links) == 4
    assert all(platform.get(link) for link in links)


def test_a_copy_of_the_data_folder_has_nothing_to_do_with_the_platform_of_the_original(platform):
    """It worked on the original's database, as the files in it named the original's processes."""
    copy = platform.root / "copy"
    subprocess.run(["cp", "-a", platform.home, copy], capture_output=True, check=False)  # files come and go meanwhile
    before = {name: unit["pid"] for name, unit in platform.units.items()}
    served = int((platform.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    code = (
        "import sqlalchemy as sa; from leeway.store.database import database\n"
        "with database().transaction() as c:\n"
        "    c.execute(sa.text('CREATE TABLE of_the_copy ()')); print(c.scalar(sa.text('SHOW data_directory')))"
    )
    environment = {**os.environ, "LEEWAY_HOME": str(copy)}

    def in_copy(*command):
        done = subprocess.run(
            [sys.executable, *command], env=environment, capture_output=True, text=True, timeout=150, check=True
        )
        return done.stdout.strip()

    assert in_copy("-c", code) == str(copy / "postgres")
    assert "champion" in in_copy("-m", "leeway", "status", "toy")
    assert in_copy("-m", "leeway", "down") == "no platform runs here"
    with database().transaction() as connection:
        assert connection.scalar(sa.text("SELECT to_regclass('of_the_copy')")) is None
    assert not (copy / "postgres" / "postmaster.pid").exists()  # it has ended with who used it
    assert {name: unit["pid"] for name, unit in platform.units.items()} == before
    assert served == int((platform.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def test_nothing_listens_on_another_address_than_this_machines_own(platform):
    addresses = {item[4][0] for item in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    ports = [int(platform.url(name).rpartition(":")[2]) for name in ("prefect", "mlflow", "reports", "dashboards")]
    for address in addresses - {"127.0.0.1"}:
        for port in ports:
            with socket.socket() as probe:
                assert probe.connect_ex((address, port)) != 0


def test_a_second_up_says_so_with_the_links_and_changes_nothing(platform):
    pids = {name: unit["pid"] for name, unit in platform.units.items()}
    again = platform.leeway("up")
    assert again.returncode == 0
    assert again.stdout.startswith("the platform is up already")
    assert platform.url("prefect") in again.stdout
    assert {name: unit["pid"] for name, unit in platform.units.items()} == pids


def test_the_form_knows_the_classifiers_and_refuses_others(platform):
    schema = platform.deployment("nightly")["parameter_openapi_schema"]["properties"]
    assert schema["classifier"]["enum"] == ["toy"]
    assert schema["partition"]["format"] == "date"
    assert "default" not in schema["partition"], "the form would fill it in"
    schema = platform.deployment("backfill")["parameter_openapi_schema"]["properties"]
    assert schema["dry_run"]["default"] is True
    assert (schema["concurrency"]["type"], schema["concurrency"]["minimum"]) == ("integer", 1)
    with pytest.raises(urllib.error.HTTPError, match="409"):
        platform.run("nightly", classifier="toi")


def test_a_first_night_trains_the_first_champion_scores_and_tells(platform):
    done = platform.wait(platform.run("nightly", classifier="toy"), "Completed", "Failed", "Crashed", seconds=200)
    assert (done["state_name"], done["name"]) == ("Completed", f"toy {YESTERDAY}")
    champion = registry.champion("toy")
    assert champion is not None
    assert champion.reason == "the first one"
    assert champion.as_of == datetime.fromisoformat(YESTERDAY).replace(tzinfo=UTC)
    told = {item["key"]: item["data"] for item in platform.post("/artifacts/filter", {})}
    link = f"{platform.url('reports')}/reports/toy/{YESTERDAY}"
    assert f"[Open the report]({link})" in told["toy-night"]
    board = f"{platform.url('dashboards')}/on_call?classifier=toy&night={YESTERDAY}"
    assert f"[See it on the dashboards]({board})" in told["toy-night"]
    assert set(done["tags"]) == {"leeway", "night", "nightly", "toy"}
    assert float(told["toy-training"]) == 100
    assert json.loads(told["toy-columns"])[0]["column"]
    assert "email" not in told["toy-columns"]
    assert YESTERDAY in platform.get(f"{platform.url('reports')}/reports/toy")
    assert "<html" in platform.get(link)
    with pytest.raises(urllib.error.HTTPError, match="404"):
        platform.get(f"{platform.url('reports')}/reports/toy/2020-01-01")


def test_a_command_beside_it_runs_under_its_server(platform):
    before = len(platform.runs())
    done = platform.leeway("score", "toy", "--partition", YESTERDAY, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["changed"] is False
    runs = platform.runs(name={"any_": [f"toy {YESTERDAY} score"]})
    assert len(platform.runs()) > before
    assert [run["state_name"] for run in runs] == ["Completed"]


def test_one_breach_is_one_retrain_however_many_ask_for_it(platform, server):
    key, as_of = "toy:raced", datetime.now(UTC) - timedelta(hours=30)
    with database().transaction() as connection:
        retraining.file(connection, catalog.load("toy"), key, as_of, "a breach", forced=True)

    def ask(number: int) -> object:
        with temporary_settings(asking(platform)):
            return ask_for_retrain.fn("toy", key)

    announce.fn("toy", YESTERDAY, key, "requested", "a breach")
    announce.fn("toy", YESTERDAY, key, "requested", "a breach")
    swept = platform.run("sweep", request=key)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))
    platform.until(lambda: retraining.get(key).state in ("promoted", "kept_champion", "failed"))
    platform.wait(swept, "Completed")
    # The sweep by hand, the retrain, and the sweep of the automation: the same event twice is one.
    platform.until(lambda: len([run for run in platform.runs() if run["parameters"].get("request") == key]) >= 3)
    runs = [run for run in platform.runs() if run["deployment_id"] == platform.deployment("retrain")["id"]]
    assert [run["idempotency_key"] for run in runs] == [key]
    platform.wait(runs[0]["id"], "Completed")
    assert [step["state"] for step in retraining.get(key).history][:2] == ["requested", "running"]
    assert len(retraining.get(key).history) == 3
    assert (
        platform.wait(platform.run("retrain", classifier="toy", request=key), "Completed", "Failed")["run_count"] == 1
    )
    assert len(retraining.get(key).history) == 3, "what is settled is not done again"


def test_a_run_whose_process_is_killed_is_taken_up_by_the_sweep(platform, hold):
    run = platform.run("ingest", classifier="toy", partition=YESTERDAY)
    platform.wait(run, "Running")
    platform.until(lambda: process_of(run))
    os.kill(process_of(run), signal.SIGKILL)
    platform.wait(run, "Crashed")
    hold.unlink()
    platform.wait(platform.run("sweep"), "Completed")
    platform.wait(run, "Completed")  # by a process of the new platform: the former one was gone


def test_a_backfill_that_is_cancelled_stops_and_goes_on_when_run_again(platform, hold):
    first = (datetime.fromisoformat(YESTERDAY) - timedelta(days=2)).date().isoformat()
    asked = {"classifier": "toy", "first": first, "last": YESTERDAY, "which": "all", "dry_run": False}
    run = platform.run("backfill", **asked)
    platform.wait(run, "Running")
    platform.until(lambda: process_of(run))
    process = process_of(run)
    platform.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    platform.wait(run, "Cancelled")
    platform.until(lambda: not Path(f"/proc/{process}").exists())
    hold.unlink()
    platform.wait(platform.run("backfill", **asked), "Completed")
    told = {item["key"]: item["data"] for item in platform.post("/artifacts/filter", {})}
    assert float(told["toy-backfill"]) == 100
    assert first in told["toy-due"]


def test_the_sweep_goes_by_heartbeats_and_never_touches_what_has_ended(platform, server, monkeypatch):
    monkeypatch.setattr(care, "STALE", timedelta(seconds=5))
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("ingest/ingest").id
        client.set_deployment_paused_state(deployment, True)
        silent, alive, unheard = (
            client.create_flow_run_from_deployment(
                deployment, parameters={"classifier": "toy", "partition": YESTERDAY}, state=Running()
            ).id
            for _ in range(3)
        )
        client.set_deployment_paused_state(deployment, False)
        ended = {run["id"]: run["state_name"] for run in platform.runs(state={"type": {"any_": ["COMPLETED"]}})}
        begun = datetime.now(UTC)

        def beats() -> bool:
            emit_event("prefect.flow-run.heartbeat", resource={"prefect.resource.id": f"prefect.flow-run.{alive}"})
            return datetime.now(UTC) > begun + timedelta(seconds=7)

        platform.until(beats)
        platform.until(lambda: not care._is_silent(client, client.read_flow_run(alive), datetime.now(UTC)), 10)
        named = (
            f"import time; from leeway.operations.platform.processes import *; name_myself('{unheard}'); time.sleep(60)"
        )
        with subprocess.Popen([sys.executable, "-c", named]) as process:
            platform.until(lambda: process_of(str(unheard)) == process.pid)
            care.mark_dead.fn()
            process.kill()
        assert client.read_flow_run(silent).state.type == StateType.CRASHED
        assert client.read_flow_run(alive).state.type == StateType.RUNNING
        assert client.read_flow_run(unheard).state.type == StateType.RUNNING, "its process is there"
        for run in (alive, unheard):
            care.mark_crashed(client, run, "the test is over")
        for run in (silent, alive, unheard):
            client.delete_flow_run(run)
        care.start_crashed_again.fn(("nightly", "ingest", "retrain"))
    assert {run: platform.state(run) for run in ended} == ended


def test_a_new_classifier_is_offered_and_a_removed_ones_schedule_is_paused(platform, server):
    platform.declare("other")
    platform.until(lambda: len(platform.deployment("nightly")["schedules"]) == 2, 60)
    names = {item["slug"]: item["active"] for item in platform.deployment("nightly")["schedules"]}
    assert names == {"toy": True, "other": True}
    (platform.root / "models" / "other.py").unlink()
    platform.until(lambda: "other-removed" in str(platform.deployment("nightly")["schedules"]), 60)
    names = {item["slug"]: item["active"] for item in platform.deployment("nightly")["schedules"]}
    assert names == {"toy": True, "other-removed": False}
    # Until the runner has come to the last of them.
    schemas = "parameter_openapi_schema"
    platform.until(lambda: "'other'" not in str([item[schemas] for item in platform.post("/deployments/filter", {})]))


def test_applying_again_changes_nothing_and_keeps_what_a_person_paused(platform, server):
    def applied() -> list[dict[str, object]]:
        """The deployments, but for when the runner last asked for their runs."""
        found = platform.post("/deployments/filter", {})
        return [{key: item[key] for key in item if key not in ("last_polled", "status")} for item in found]

    with get_client(sync_client=True) as client:
        before = applied()
        automations = client.read_automations_by_name(NAME)
        apply_automations(client, deployments.apply(client))
        assert applied() == before
        assert client.read_automations_by_name(NAME) == automations
        assert len(automations) == 1
        nightly = client.read_deployment_by_name("nightly/nightly")
        mine = next(item for item in nightly.schedules if item.slug == "toy")
        client.update_deployment_schedule(nightly.id, mine.id, active=False)
        platform.declare("third")
        catalog.load.cache_clear()
        deployments.apply(client)
        names = {item.slug: item.active for item in client.read_deployment_by_name("nightly/nightly").schedules}
        assert (names["toy"], names["third"]) == (False, True)
        (platform.root / "models" / "third.py").unlink()


def test_late_runs_are_left_to_the_newest_of_their_schedule(platform, server):
    now = datetime.now(UTC)
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("nightly/nightly")
        client.set_deployment_paused_state(deployment.id, True)
        late = [
            platform.post(
                f"/deployments/{deployment.id}/create_flow_run",
                {
                    "parameters": {"classifier": "toy"},
                    "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at.isoformat()}},
                },
            )["id"]
            for at in (now - timedelta(days=3), now - timedelta(days=2), now - timedelta(days=1))
        ]
        found = [client.read_flow_run(run) for run in late]
        monkey = [run.model_copy(update={"auto_scheduled": True}) for run in found]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(care, "_runs", lambda *_: monkey)
            assert care.skip_late(client, [deployment.id], now) == 2
        assert [platform.state(run) for run in late[:2]] == ["Skipped", "Skipped"]
        client.delete_flow_run(late[2])
        client.set_deployment_paused_state(deployment.id, False)


def test_a_service_that_dies_is_started_again_and_the_rest_stays(platform):
    pid = platform.units["reports"]["pid"]
    os.kill(pid, signal.SIGKILL)
    platform.until(
        lambda: platform.units["reports"]["restarts"] == 1 and platform.units["reports"]["state"] == "up", 60
    )
    assert platform.get(platform.url("reports"))
    assert {unit["state"] for unit in platform.units.values()} == {"up"}


def test_down_stops_all_and_what_was_at_work_goes_on_at_the_next_up(platform, hold):
    run = platform.run("ingest", classifier="toy", partition=YESTERDAY)
    platform.wait(run, "Running")
    pids = [unit["pid"] for unit in platform.units.values()]
    process = process_of(run)
    down = platform.leeway("down")
    assert (down.returncode, down.stdout) == (0, "the platform has stopped\n")
    assert platform.process.wait(20) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in (*pids, process))
    assert platform.leeway("down").stdout == "no platform runs here\n"
    hold.unlink()
    platform.up()
    platform.wait(run, "Completed")  # by a process of the new platform: the former one was gone
