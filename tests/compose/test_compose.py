"""docker-compose.yml: what it promises, read from the file; and the whole of it run, as processes instead of containers."""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml
from packaging.requirements import Requirement

from leeway.core.environment import PATIENT, QUIET, TELEMETRY_OFF
from leeway.operations.platform.processes import process_of
from tests.compose.image import ROOT, build, instructions, sent
from tests.compose.processes import Stack, postgres_folder
from tests.conftest import TOY_MODEL, TOY_SUITE
from tests.flows.conftest import rows

SECRETS = (
    "POSTGRES_PASSWORD",
    "LEEWAY_DB_PASSWORD",
    "PREFECT_DB_PASSWORD",
    "REDIS_PASSWORD",
    "PREFECT_PASSWORD",
    "DASHBOARDS_PASSWORD",
)
GIVEN = {name: f"secret{number}of{name.split('_')[0].lower()}" for number, name in enumerate(SECRETS)}
KNOWN = "Basic " + base64.b64encode(f"leeway:{GIVEN['PREFECT_PASSWORD']}".encode()).decode()
FRONT = {"prefect-server", "mlflow", "reports", "dashboards"}
ONE_SHOT = {"migrate", "prefect-migrate"}
HELD = '''
import time
from pathlib import Path


def held(rows):
    """Wait while a test holds the source."""
    while (Path(__file__).parents[1] / "hold").exists():
        time.sleep(0.1)
    return rows

'''
lacks = [
    package
    for package, found in {
        "docker-compose": shutil.which("docker-compose"),
        "redis-server": shutil.which("redis-server"),
        "postgresql": postgres_folder(),
    }.items()
    if not found
]
needs_debian = pytest.mark.skipif(bool(lacks), reason=f"apt-get install {' '.join(lacks)}")


def config(**environment: str) -> "subprocess.CompletedProcess[str]":
    """The compose file as the tool itself reads it."""
    given = {"PATH": os.environ["PATH"], **environment}
    with tempfile.NamedTemporaryFile() as nothing:  # instead of a `.env` that may lie here
        command = ["docker-compose", "--env-file", nothing.name, "-f", str(ROOT / "docker-compose.yml"), "config"]
        return subprocess.run(command, env=given, capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.fixture(scope="module")
def written() -> dict:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def ours(written: dict) -> dict:
    return {name: service for name, service in written["services"].items() if "build" in service}


@needs_debian
def test_the_syntax_is_that_of_compose_and_every_secret_must_be_set():
    assert config(**dict.fromkeys(SECRETS, "x")).returncode == 0
    for missing in SECRETS:
        refused = config(**{name: "x" for name in SECRETS if name != missing})
        assert refused.returncode != 0
        assert missing in refused.stderr


def test_no_secret_is_written_down(written):
    text = (ROOT / "docker-compose.yml").read_text()
    secrets = re.findall(r"AUTH_STRING: leeway:(\S+)", text)
    assert len(secrets) == 2
    for secret in secrets + re.findall(r"(?:PASSWORD|_AUTH): (\S+)", text) + re.findall(r"//\w*:(\S+?)@", text):
        assert secret.startswith("${"), secret
    assert "PASSWORD" not in (ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"^(\w+)=change-me$", (ROOT / ".env.example").read_text(), re.MULTILINE)) == set(SECRETS)
    assert not sent(".env", (ROOT / ".dockerignore").read_text().splitlines())


def test_only_the_front_doors_can_be_reached_and_only_from_this_machine(written):
    assert written["networks"]["inner"] == {"internal": True}
    for name, service in written["services"].items():
        assert set(service["networks"]) == ({"inner", "front"} if name in FRONT else {"inner"}), name
        assert ("ports" in service) == (name in FRONT), name
        assert all(port.startswith("${FRONT_ADDRESS:-127.0.0.1}:") for port in service.get("ports", [])), name


def test_every_service_has_limits_a_restart_policy_and_says_whether_it_is_well(written):
    for name, service in written["services"].items():
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        assert service["restart"] == ("on-failure" if name in ONE_SHOT else "unless-stopped"), name
        assert ("healthcheck" in service) == (name not in ONE_SHOT), name
        assert service["logging"]["options"]["max-size"], name
    for name, service in ours(written).items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        for needed, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if needed in ONE_SHOT else "service_healthy"
            assert how == {"condition": wanted}, name


def test_what_is_kept_lies_on_volumes_and_the_project_cannot_be_written(written):
    named = {mount.split(":")[0] for service in written["services"].values() for mount in service.get("volumes", [])}
    assert set(written["volumes"]) <= named
    project = [mount for mount in written["services"]["runner"]["volumes"] if "/project/" in mount]
    assert len(project) == 3
    assert all(mount.endswith(":ro") for mount in project)
    assert written["services"]["reports"]["volumes"] == ["data:/data:ro"]


def test_the_services_see_what_the_platform_of_one_machine_gives_its_own(written, monkeypatch, project):
    from leeway.operations.platform import services as local

    for service in ours(written).values():
        assert service["environment"].items() >= (TELEMETRY_OFF | QUIET | PATIENT).items()
    port = local.Port(4200, 4200)
    given = {
        item.name: item.environment
        for item in local.services(dict.fromkeys(("prefect", "mlflow", "reports", "dashboards", "runner"), port))
    }
    both = written["services"]["prefect-server"]["environment"] | written["services"]["prefect-services"]["environment"]
    elsewhere = {"PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_UI_API_URL", "PREFECT_HOME"}
    for name, wanted in (("runner", written["services"]["runner"]["environment"]), ("prefect", both)):
        of_server = {key: value for key, value in given[name].items() if key.startswith("PREFECT_SERVER_SERVICES_")}
        of_runner = {
            key: value for key, value in given[name].items() if re.match("PREFECT_(RUNNER|FLOWS|LOGGING)", key)
        }
        checked = of_server if name == "prefect" else of_runner
        assert checked
        for key in checked.keys() - elsewhere - {"PREFECT_RUNNER_SERVER_PORT"}:
            assert key in wanted, key
            if "RETENTION" not in key:
                assert wanted[key] == checked[key], key


def test_the_image_is_of_two_stages_not_root_and_of_what_the_tests_ran_with():
    """The lock constrains the image, and what is installed here is what the lock says."""
    words = instructions((ROOT / "Dockerfile").read_text())
    assert [word for word, _ in words].count("FROM") == 2
    assert [rest for word, rest in words if word == "USER"] == ["leeway"]
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        wanted = Requirement(line)
        if wanted.marker is None or wanted.marker.evaluate():
            assert wanted.specifier.contains(metadata.version(wanted.name)), line


def get(url: str, host: str | None = None) -> str:
    headers = {"Authorization": KNOWN} if "/api/" in url else {}
    request = urllib.request.Request(url, headers=headers | ({"Host": host} if host else {}))
    with urllib.request.urlopen(request, timeout=20) as response:
        return response.read().decode()


def post(url: str, body: object) -> object:
    token = json.loads(get(f"{url.partition('/api/')[0]}/api/csrf-token?client=a-test"))["token"]
    headers = {"Content-Type": "application/json", "Authorization": KNOWN}
    headers |= {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "a-test"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)


def until(true, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.2)


@needs_debian
@pytest.mark.timeout(420)
def test_it_starts_in_order_does_a_night_and_stops_in_order():
    """The image's steps and all of the services, as processes: Debian's PostgreSQL and Redis in place of their images.

    Seen: commands, environments, health checks, order, addresses, migrations, what the image's steps install of ours. Not
    seen: networks, limits, users, read-only file systems, which only an engine has; and the libraries' own installation,
    unless `LEEWAY_BUILD_IMAGE` is set (minutes): they are those of this environment.
    """
    # Not in pytest's own folder: PostgreSQL runs as another user, who must get there.
    root = Path(tempfile.mkdtemp(prefix="leeway-compose-"))
    root.chmod(0o755)
    image = build(root)
    resolved = config(**GIVEN, RUNNERS="2")
    assert resolved.returncode == 0, resolved.stderr
    stack = Stack(yaml.safe_load(resolved.stdout), root, image)
    write_project(root / "project")
    try:
        stack.up()
        a_night(stack)
        a_runner_leaves_the_runs_of_another_alone(stack)
    finally:
        (root / "project" / "hold").unlink(missing_ok=True)
        stack.down()
    assert -9 not in stack.ended.values(), stack.ended
    assert stack.ended["migrate-1"] == stack.ended["prefect-migrate-1"] == stack.ended["postgres-1"] == 0
    shutil.rmtree(root)


def write_project(folder: Path) -> None:
    for name in ("models", "expectations", "data"):
        (folder / name).mkdir(parents=True)
    model = HELD + TOY_MODEL.replace('path="data/*.csv"', 'path="data/*.csv", prepare=held')
    (folder / "models" / "toy.py").write_text(model)
    (folder / "expectations" / "toy.py").write_text(TOY_SUITE)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [rows(today - timedelta(days=back)) for back in range(30, 0, -1)]
    pd.concat(days).to_csv(folder / "data" / "toy.csv", index=False)


def start(stack: Stack, name: str, **parameters: str) -> str:
    api = f"{stack.url('4200')}/api"
    deployment = next(item for item in post(f"{api}/deployments/filter", {}) if item["name"] == name)
    body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
    return post(f"{api}/deployments/{deployment['id']}/create_flow_run", body)["id"]


def run(stack: Stack, id: str) -> dict:
    return json.loads(get(f"{stack.url('4200')}/api/flow_runs/{id}"))


def a_night(stack: Stack) -> None:
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    night = start(stack, "nightly", classifier="toy")
    until(lambda: run(stack, night)["state_type"] in ("COMPLETED", "FAILED", "CRASHED"), 150)
    assert run(stack, night)["state_name"] == "Completed", stack.log("runner-1") + stack.log("runner-2")
    assert run(stack, night)["run_count"] == 1  # of two runners, one
    report = f"{stack.url('4280')}/reports/toy/{yesterday}"
    assert "<html" in get(report)
    told = [
        item["data"] for item in post(f"{stack.url('4200')}/api/artifacts/filter", {}) if item["key"] == "toy-night"
    ]
    assert report in told[0]
    for url in (report, f"{stack.url('4200')}/api/health"):
        with pytest.raises(urllib.error.HTTPError, match="400"):
            get(url, host="elsewhere.example")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{stack.url('4200')}/api/admin/version", timeout=20)
    assert "toy" in get(f"{stack.url('5000')}/api/2.0/mlflow/registered-models/search")
    assert "<html" in get(stack.url("5000"))
    assert "<html" in get(stack.url("4200"))
    assert get(f"{stack.url('4270')}/_stcore/health") == "ok"
    schedules = post(
        f"{stack.url('4200')}/api/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    )
    assert "toy" in {item["parameters"].get("classifier") for item in schedules}  # by the background services


def a_runner_leaves_the_runs_of_another_alone(stack: Stack) -> None:
    hold = stack.root / "project" / "hold"
    hold.touch()
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    earlier = today - timedelta(days=35)
    rows(earlier).to_csv(
        stack.root / "project" / "data" / "earlier.csv", index=False
    )  # what was read is not read again
    work = start(stack, "ingest", classifier="toy", partition=earlier.date().isoformat())
    until(lambda: run(stack, work)["state_type"] == "RUNNING" and process_of(work))
    busy = next(key for key in ("runner-1", "runner-2") if is_child(work, stack, key))
    idle = {"runner-1": "runner-2", "runner-2": "runner-1"}[busy]
    stack.stop(idle)
    assert stack.ended[idle] == 0
    assert run(stack, work)["state_type"] == "RUNNING"
    stack.stop(busy)
    until(lambda: run(stack, work)["state_type"] == "CRASHED", 10)


def is_child(run_id: str, stack: Stack, key: str) -> bool:
    """Whether a runner's fork server has forked the process of a run."""
    process = process_of(run_id)
    return process is not None and stack.units[key].process.pid in {
        item.pid for item in psutil.Process(process).parents()
    }
