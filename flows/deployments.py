"""The platform's deployments, one per flow.

They are made from the definitions. Applying them twice changes nothing.
"""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_logger
from prefect.utilities.callables import parameter_schema

from flows.backfill import backfill
from flows.declared_flow import entrypoint
from flows.housekeep import housekeep
from flows.ingest import ingest
from flows.monitor import monitor
from flows.nightly import nightly
from flows.retrain import retrain
from flows.score import score
from flows.sweep import sweep
from flows.train import train
from leeway.core.errors import LeewayError
from leeway.core.logs import logger
from leeway.definition import Schedule, catalog

log = logger(__name__)

REMOVED = "-removed"  # no classifier's name has a dash
PAUSED = "-paused"  # by a person, before it was removed
DATES = ("partition", "first", "last")


@dataclass(frozen=True)
class Offer:
    """One flow and its deployment.

    Attributes:
        group: its tag.
        schedules: by label, each with the parameters of its runs.
        quick: whether it is a short flow that never waits for the others.
    """

    flow: Flow[..., Any]
    group: str
    schedules: Mapping[str, tuple[Schedule, dict[str, Any]]] = field(default_factory=dict)
    quick: bool = False

    @property
    def name(self) -> str:
        """The deployment's full name, such as `nightly/nightly`."""
        return f"{self.flow.name}/{self.flow.name}"

    @property
    def entrypoint(self) -> str:
        """The flow's import path.

        By its module, so that every process imports the same flow.
        """
        return entrypoint(self.flow)


def offers() -> list[Offer]:
    """Return every flow that the platform offers."""
    return [
        Offer(nightly, "night", _nights()),
        Offer(ingest, "stage"),
        Offer(score, "stage"),
        Offer(monitor, "stage"),
        Offer(backfill, "stage"),
        Offer(train, "model"),
        Offer(retrain, "model"),
        Offer(sweep, "care", {"sweep": (Schedule(cron="*/5 * * * *"), {})}, quick=True),
        Offer(housekeep, "care", {"housekeep": (Schedule(cron="30 4 * * *"), {"dry_run": False})}, quick=True),
    ]


def apply(client: SyncPrefectClient) -> dict[str, UUID]:
    """Update the server's deployments.

    They follow the code and the definitions. A schedule that a person has paused stays paused. The schedule of a removed
    classifier is paused, and comes back with it.

    Returns:
        The deployments' ids by full name.
    """
    version = code_version()
    return {offer.name: _apply(client, offer, version) for offer in offers()}


def code_version() -> str:
    """Return the commit of the running code.

    Where there is none, return the package's version.
    """
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short=12", "HEAD"]  # git of the person's PATH
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        log.debug("no commit of the code, its version is the package's: %s", error)
        return metadata.version("leeway")
    return done.stdout.strip()


def fingerprint() -> dict[str, str]:
    """Return the fingerprints of all definitions."""
    found = {}
    for name in catalog.names():
        try:
            found[name] = catalog.fingerprint(name)
        except (LeewayError, OSError):
            found[name] = "gone"
    return found


def _apply(client: SyncPrefectClient, offer: Offer, version: str) -> UUID:
    existing = _existing(client, offer.name)
    wanted: dict[str, Any] = {
        "version": version,
        "description": _description(offer.flow),
        "tags": ["leeway", offer.group],
        "entrypoint": offer.entrypoint,
        "pull_steps": [],  # the code is installed where the run starts
        "parameters": {},
        "parameter_openapi_schema": _schema(offer.flow),
        "enforce_parameter_schema": True,
    }
    schedules = _merged(offer.schedules, existing)
    if existing is not None:
        same = all(getattr(existing, name) == value for name, value in wanted.items())
        if same and _plain(existing.schedules) == _plain(schedules):
            return existing.id
    flow_id = client.create_flow_from_name(offer.flow.name)
    return client.create_deployment(flow_id=flow_id, name=offer.flow.name, schedules=schedules, **wanted)


def _existing(client: SyncPrefectClient, name: str) -> DeploymentResponse | None:
    try:
        return client.read_deployment_by_name(name)
    except ObjectNotFound:
        return None


def _merged(
    wanted: Mapping[str, tuple[Schedule, dict[str, Any]]], existing: DeploymentResponse | None
) -> list[DeploymentScheduleCreate]:
    """Merge wanted schedules with the existing ones.

    A schedule that a person paused stays paused. Schedules of removed classifiers are paused.
    """
    before = {str(item.slug): item for item in (existing.schedules if existing else [])}
    paused = {slug.removesuffix(PAUSED + REMOVED) for slug, item in before.items() if _is_paused(slug, item.active)}
    merged = [
        _schedule(slug, schedule.cron, schedule.timezone, parameters, slug not in paused)
        for slug, (schedule, parameters) in wanted.items()
    ]
    for slug, item in before.items():
        name = slug.removesuffix(REMOVED).removesuffix(PAUSED)
        if name not in wanted and isinstance(item.schedule, CronSchedule):
            zone = item.schedule.timezone or "UTC"
            gone = name + (PAUSED if name in paused else "") + REMOVED
            merged.append(_schedule(gone, item.schedule.cron, zone, item.parameters, False))
    return merged


def _is_paused(slug: str, active: bool) -> bool:
    """Return whether a person has paused a schedule.

    Its classifier may have been removed.
    """
    return slug.endswith(PAUSED + REMOVED) or not (active or slug.endswith(REMOVED))


def _schedule(slug: str, cron: str, zone: str, parameters: dict[str, Any], active: bool) -> DeploymentScheduleCreate:
    schedule = CronSchedule(cron=cron, timezone=zone)
    return DeploymentScheduleCreate(slug=slug, schedule=schedule, parameters=parameters, active=active)


def _plain(schedules: Sequence[Any]) -> list[Any]:
    return sorted(
        (str(item.slug), item.schedule.cron, item.schedule.timezone, item.active, sorted(item.parameters.items()))
        for item in schedules
        if isinstance(item.schedule, CronSchedule)
    )


def _nights() -> dict[str, tuple[Schedule, dict[str, Any]]]:
    """Return the schedules of classifiers whose definition loads."""
    found = {}
    for name in catalog.names():
        try:
            found[name] = (catalog.load(name).schedule, {"classifier": name})
        except LeewayError as error:
            get_logger("leeway").warning("%s has no schedule: %s", name, error)
    return found


def _schema(flow: Flow[..., Any]) -> dict[str, Any]:
    """Return the schema of the run form.

    It offers classifiers to choose from and dates to pick. Optional fields start empty.
    """
    schema: dict[str, Any] = parameter_schema(flow).model_dump(mode="json", exclude_none=True)
    properties: dict[str, Any] = schema.get("properties", {})
    if "classifier" in properties and (names := catalog.names()):
        properties["classifier"]["enum"] = names
    for prop in properties.values():
        # The server takes null for an optional field without a default; the form would ask "date or None" first.
        kinds = [kind for kind in prop.get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) == 1 and "enum" not in kinds[0] and prop.get("default") is None:
            del prop["anyOf"], prop["default"]
            prop.update(kinds[0])
    for name in DATES:
        if properties.get(name, {}).get("type") == "string":
            properties[name]["format"] = "date"
    return schema


def _description(flow: Flow[..., Any]) -> str:
    """Return the flow's docstring before its parameters."""
    return (flow.description or "").partition("\nArgs:")[0].strip()
