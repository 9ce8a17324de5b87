"""The services of the platform. A further one is one more entry in `services`."""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import leeway
from leeway.core.environment import PATIENT, QUIET, TELEMETRY_OFF
from leeway.core.settings import Settings, settings
from leeway.operations.platform import secret
from leeway.operations.platform.local import HOST, answers, reserve_port
from leeway.operations.platform.postgres import reachable
from leeway.operations.platform.state import DASHBOARDS, DATABASE, MLFLOW, PREFECT, REPORTS, RUNNER
from leeway.store.database import database, mlflow_url

ROOT = Path(leeway.__file__).parents[1]  # where `flows`, `tasks` and `dashboards` lie, beside the library

#: A server that asks nobody anything, watches no files, and is reached by this machine alone.
STREAMLIT = {
    "STREAMLIT_SERVER_ADDRESS": HOST,
    "STREAMLIT_BROWSER_SERVER_ADDRESS": HOST,
    "STREAMLIT_SERVER_HEADLESS": "true",
    "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none",
    "STREAMLIT_GLOBAL_DEVELOPMENT_MODE": "false",
    "STREAMLIT_CLIENT_TOOLBAR_MODE": "minimal",
    "STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "none",  # a traceback is in the log, not on a page
}


@dataclass(frozen=True)
class Service:
    """One process that the platform keeps running.

    Attributes:
        title: what it is, for a person.
        command: the module to run, with its arguments.
        ready: whether it does its work now; asked until it says yes.
        url: where a person finds it.
        needs: the services that must be up before it starts; they are stopped after it.
        awaits: those of them that it waits for by itself: they start at the same time.
        environment: its variables, beyond those of this process.
        seconds: how long it may take to become ready.
    """

    name: str
    title: str
    command: tuple[str, ...]
    ready: Callable[[], bool]
    url: str | None = None
    needs: tuple[str, ...] = ()
    awaits: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 120.0

    @property
    def argv(self) -> list[str]:
        """The command line, tethered to who starts it."""
        return [sys.executable, "-m", "leeway.operations.platform.die_with_parent", *self.command]


@dataclass(frozen=True)
class Port:
    """A port for a service: the preferred one, or a free one where that is taken.

    Attributes:
        mark: keeps other platforms from it while it is open.
    """

    preferred: int
    number: int
    mark: socket.socket | None = None

    @classmethod
    def choose(cls, preferred: int) -> "Port":
        """Look which one is free."""
        return cls(preferred, *reserve_port(preferred))

    def leave(self) -> None:
        """Leave it to others."""
        if self.mark is not None:
            self.mark.close()

    @property
    def url(self) -> str:
        """The address of a service on it."""
        return f"http://{HOST}:{self.number}"

    @property
    def said(self) -> str:
        """What to tell a person about it."""
        return "" if self.number == self.preferred else f"port {self.preferred} is taken; this is {self.number}"


def services(ports: Mapping[str, Port]) -> list[Service]:
    """Everything that runs on this machine, each after what it needs.

    Args:
        ports: of the Prefect server, MLflow's, the reports, the dashboards and the runner's health.
    """
    here = settings()
    urls = {name: port.url for name, port in ports.items()}
    embedded = [] if here.database_url else [_database()]
    base = (DATABASE,) if embedded else ()
    common = _environment(here, urls[PREFECT])
    key = secret.make()
    asks = {"PREFECT_API_AUTH_STRING": key}  # of those alone that ask Prefect's server
    return [
        *embedded,
        Service(
            PREFECT,
            "Prefect: runs, schedules, logs",
            ("flows.server", "--host", HOST, "--port", str(ports[PREFECT].number)),
            ready=lambda: answers(f"{urls[PREFECT]}/api/health"),
            url=urls[PREFECT],
            environment=common | asks | _prefect_server(here, urls[PREFECT], key),
        ),
        Service(
            MLFLOW,
            "MLflow: trials and versions",
            ("mlflow", "server", "--host", HOST, "--port", str(ports[MLFLOW].number), "--workers", "1"),
            ready=lambda: answers(f"{urls[MLFLOW]}/health"),
            url=urls[MLFLOW],
            needs=base,
            # By the environment: a command line with a password could be read by anyone on the machine.
            environment=common
            | {
                "MLFLOW_BACKEND_STORE_URI": mlflow_url(),
                "MLFLOW_DEFAULT_ARTIFACT_ROOT": here.folder("mlflow").as_uri(),
                "MLFLOW_SERVE_ARTIFACTS": "false",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # else ten processes and 2.4 GB
            },
        ),
        Service(
            REPORTS,
            "Reports: what each night found",
            ("uvicorn", "dashboards.report_server:app", "--host", HOST, "--port", str(ports[REPORTS].number)),
            ready=lambda: answers(f"{urls[REPORTS]}/health"),
            url=urls[REPORTS],
            needs=base,
            environment=common,
        ),
        Service(
            DASHBOARDS,
            "Dashboards: how the classifiers are",
            ("dashboards.serve",),
            ready=lambda: answers(f"{urls[DASHBOARDS]}/_stcore/health"),
            url=urls[DASHBOARDS],
            needs=base,
            environment=common | asks | STREAMLIT | {"STREAMLIT_SERVER_PORT": str(ports[DASHBOARDS].number)},
        ),
        Service(
            RUNNER,
            "Runner: carries out what is due",
            ("flows.runner",),
            ready=lambda: answers(f"{urls[RUNNER]}/health"),
            needs=(PREFECT, *base),
            awaits=(PREFECT,),
            environment=common | asks | {"PREFECT_RUNNER_SERVER_PORT": str(ports[RUNNER].number)},
        ),
    ]


def choose_ports() -> dict[str, Port]:
    """A port for each service that needs one."""
    preferred = {PREFECT: 4200, MLFLOW: 5000, REPORTS: 4280, DASHBOARDS: 4270, RUNNER: 4290}
    return {name: Port.choose(number) for name, number in preferred.items()}


def _database() -> Service:
    store = database()
    return Service(
        DATABASE,
        "PostgreSQL: events, labels, ledger",
        ("leeway.operations.platform.postgres",),
        lambda: reachable(store),
    )


def _environment(here: Settings, prefect_url: str) -> dict[str, str]:
    """What every service sees: the same folders, the same Prefect server, no telemetry."""
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
    return {
        **QUIET,
        **PATIENT,
        **TELEMETRY_OFF,
        "LEEWAY_HOME": str(here.home.absolute()),
        "LEEWAY_PROJECT": str(here.project.absolute()),
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
        "PREFECT_HOME": str(here.folder("prefect")),
        "PREFECT_API_URL": f"{prefect_url}/api",
        "PREFECT_UI_URL": prefect_url,
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_LOGGING_TO_API_ENABLED": "true",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # by which `sweep` tells the dead
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "PREFECT_RUNNER_SERVER_HOST": HOST,
        "PREFECT_RUNNER_SERVER_MISSED_POLLS_TOLERANCE": "20",
        "PREFECT_RUNNER_SERVER_LOG_LEVEL": "ERROR",
    }


def _prefect_server(here: Settings, url: str, key: str) -> dict[str, str]:
    """Tables of one file that stay small, batches that get there while a person looks, and nobody without the secret."""
    kept = str(here.keep_days * 86_400)
    return {
        **secret.server_environment(key, url, url.replace(HOST, "localhost")),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{here.folder('prefect') / 'prefect.db'}",
        "PREFECT_UI_API_URL": f"{url}/api",
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "30",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "50",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "100",
        "PREFECT_SERVER_SERVICES_TRIGGERS_READ_BATCH_SIZE": "50",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": kept,
    }
