"""The platform's runs, from its Prefect server."""

import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from leeway.operations.platform import state
from leeway.operations.platform.prefect_api import ask_prefect
from leeway.views import runbooks

SHOWN = 50
LATELY = timedelta(days=3)
FAILED = ("FAILED", "CRASHED")
_ERROR = re.compile(r"^(?:Flow run|Task run) encountered an exception:? ?")


@dataclass(frozen=True)
class Run:
    """A run that failed.

    Attributes:
        error: the error in one line.
        runbook: the name of the runbook for that error.
    """

    id: str
    name: str
    state: str
    at: datetime
    error: str
    runbook: str
    link: str | None


def failed(now: datetime, since: timedelta = LATELY) -> list[Run] | None:
    """Return recent failed runs, newest first.

    A run that has succeeded since is left out. None where no server answers.
    """
    wanted = {
        "flow_runs": {
            "state": {"type": {"any_": list(FAILED)}},
            "end_time": {"after_": (now - since).isoformat()},
        },
        "sort": "END_TIME_DESC",
        "limit": SHOWN,
    }
    found = _filter(wanted)
    if found is None:
        return None
    mended = _mended({str(run["name"]) for run in found}, now - since) if found else {}
    runs = [_run(run) for run in found if run.get("end_time")]
    return [run for run in runs if not (mended.get(run.name) and mended[run.name] > run.at)]


def named(name: str) -> str | None:
    """Return the page of a name's newest run.

    None where there is no such run, or no server answers.
    """
    found = _filter({"flow_runs": {"name": {"any_": [name]}}, "sort": "START_TIME_DESC", "limit": 1})
    return link(str(found[0]["id"])) if found else None


def link(run: str) -> str | None:
    """Return a run's address for a browser."""
    url = pages()
    return f"{url}/runs/flow-run/{run}" if url else None


def pages() -> str | None:
    """Return the address of Prefect's pages."""
    platform = state.current()
    given = os.environ.get("PREFECT_UI_URL") or (platform.url(state.PREFECT) if platform else None)
    return given.rstrip("/") if given else None


def _mended(names: set[str], since: datetime) -> dict[str, datetime]:
    wanted = {"name": {"any_": sorted(names)}, "state": {"type": {"any_": ["COMPLETED"]}}}
    found = _filter({"flow_runs": {**wanted, "end_time": {"after_": since.isoformat()}}, "limit": 200}) or []
    return {str(run["name"]): _time(run["end_time"]) for run in sorted(found, key=lambda run: str(run["end_time"]))}


def _filter(body: dict[str, Any]) -> list[dict[str, Any]] | None:
    platform = state.current()
    url = os.environ.get("PREFECT_API_URL") or (f"{platform.url(state.PREFECT)}/api" if platform else None)
    found = ask_prefect(url.rstrip("/"), "/flow_runs/filter", body) if url else None
    return found if isinstance(found, list) else None


def _run(run: dict[str, Any]) -> Run:
    message = " ".join(str((run.get("state") or {}).get("message") or "").split())
    error = _ERROR.sub("", message) or "no reason was given"
    return Run(
        str(run["id"]),
        str(run["name"]),
        str(run["state_name"]).lower(),
        _time(run["end_time"]),
        error,
        runbooks.of_error(message),
        link(str(run["id"])),
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
