"""The runs of now and the nights due next."""

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from leeway.core.errors import LeewayError
from leeway.definition import Schedule, catalog
from leeway.operations.platform.prefect_api import ask_prefect
from leeway.operations.platform.state import PREFECT, State


@dataclass(frozen=True)
class Due:
    """The next night of a classifier.

    `why` says why there is none, where the definition does not load.
    """

    classifier: str
    at: datetime | None
    why: str = ""


def next_night(schedule: Schedule, after: datetime) -> datetime:
    """Return the schedule's next time, in UTC."""
    from cronsim import CronSim

    found: datetime = next(CronSim(schedule.cron, after.astimezone(ZoneInfo(schedule.timezone))))
    return found.astimezone(UTC)


def due(now: datetime) -> list[Due]:
    """Return each classifier's next night, earliest first."""
    found = []
    for name in catalog.names():
        try:
            found.append(Due(name, next_night(catalog.load(name).schedule, now)))
        except LeewayError as error:
            found.append(Due(name, None, str(error)))
    return sorted(found, key=lambda item: (item.at is None, item.at or now, item.classifier))


def at_work(state: State) -> list[str]:
    """Return the names of the platform's current runs."""
    url = state.url(PREFECT)
    if url is None:
        return []
    running = {"flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}, "limit": 20}
    return sorted(run["name"] for run in ask_prefect(f"{url}/api", "/flow_runs/filter", running) or [])
