"""Versions and the champion, in the database and MLflow.

This is the one module that knows MLflow. The truth about the champion is the last row of `leeway.promotion`, written in one
transaction; MLflow's aliases follow it. A crash between the two leaves the aliases behind; the next call of `champion` brings
them up to date.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

import leeway.model.bundle
from leeway.core import files
from leeway.core.errors import BundleError, LeewayError, NotFound, StoreError
from leeway.core.logs import logger
from leeway.core.settings import settings
from leeway.definition import Classifier
from leeway.detection.reference import Reference
from leeway.lifecycle.verdict import GateVerdict, admitted
from leeway.model.bundle import Bundle, Card
from leeway.store import storage
from leeway.store.database import database, mlflow_url
from leeway.store.tables import promotion
from leeway.training import fit

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logger(__name__)

CHAMPION, CHALLENGER = "champion", "challenger"
RUN_NAME = 250  # letters of a run's name that MLflow keeps
MIGRATION = timedelta(minutes=30)


@dataclass(frozen=True)
class Promotion:
    """One entry of a classifier's promotion history."""

    version: int
    outcome: str
    reason: str
    actor: str
    bundle: str
    checksum: str
    evidence: list[dict[str, Any]]
    as_of: datetime
    created_at: datetime


def register(name: str, key: str) -> int:
    """Register a bundle as challenger.

    The same bundle gets the same version.
    """
    client = _client()
    _ensure_model(client, name)
    version = min(_versions(name, key), default=None)
    if version is None:
        version = _log_bundle(client, name, key)
    if version not in {item.version for item in history(name)}:
        client.set_registered_model_alias(name, CHALLENGER, str(version))
    return version


def champion(name: str) -> Promotion | None:
    """Return the champion.

    None before the first promotion. MLflow's aliases are aligned first.
    """
    past = history(name)
    current = next((item for item in past if item.outcome != "refused"), None)
    _align(name, current, {item.version for item in past})
    return current


def present_champion(name: str, action: str) -> Promotion:
    """Return the champion, for an action that needs one.

    Raises:
        NotFound: there is none yet.
    """
    found = champion(name)
    if found is None:
        raise NotFound(action, problem=f"{name} has no champion yet", hint=f"run `leeway train {name}` first")
    return found


def load(name: str, promoted: Promotion) -> Bundle:
    """Load a promoted bundle, checked against its record.

    Raises:
        BundleError: it is missing, altered or not trusted.
    """
    folder = _folder(name, promoted.bundle, promoted.version, promoted.checksum)
    return leeway.model.bundle.load(folder, promoted.checksum)


def described(name: str, decided: Promotion) -> tuple[Card, Reference]:
    """Read a decided version's card and reference.

    Both are checked against the promotion record.

    Raises:
        BundleError: it is missing or altered.
    """
    folder = _folder(name, decided.bundle, decided.version, decided.checksum)
    return leeway.model.bundle.described(folder, decided.checksum)


def promoted(name: str, version: int) -> Promotion:
    """Return the newest promotion of a champion version.

    Raises:
        NotFound: the version was never champion.
    """
    found = next((item for item in history(name) if item.version == version and item.outcome != "refused"), None)
    if found is None:
        raise NotFound(
            f"looking up version {version} of {name}",
            problem="it was never champion",
            hint=f"see `leeway versions {name}`",
        )
    return found


def history(name: str) -> list[Promotion]:
    """List all promotions and refusals, newest first."""
    columns = [column for column in promotion.c if column.name not in ("id", "classifier")]
    query = sa.select(*columns).where(promotion.c.classifier == name).order_by(promotion.c.id.desc())
    with database().transaction() as connection:
        return [Promotion(**row._mapping) for row in connection.execute(query)]


def log_card(name: str, version: int, pages: Mapping[str, str]) -> None:
    """Log a version's model card to MLflow.

    Args:
        pages: texts by the names of their files.

    Raises:
        StoreError: the storage of MLflow's artifacts refuses.
    """
    client = _client()
    run_id = client.get_model_version(name, str(version)).run_id
    assert run_id is not None  # of a version that `register` made
    with _artifacts_told(f"logging the model card of {name} version {version}"):
        for file, text in pages.items():
            client.log_text(run_id, text, f"card/{file}")


def made(name: str, key: str) -> Bundle:
    """Load a bundle, whatever was decided on it.

    Once it is registered, it is checked against its record.

    Raises:
        BundleError: it is missing, altered or not trusted.
    """
    checksum = _registered(name, key)
    return leeway.model.bundle.load(_fetched(name, key, checksum), checksum)


def decide(
    classifier: Classifier, key: str, version: int, verdicts: list[GateVerdict], *, reason: str, actor: str
) -> bool:
    """Promote an admitted challenger, or record its refusal.

    A second call for the same version changes nothing.

    Returns:
        Whether the version is the champion now.
    """
    name = classifier.name
    found = made(name, key)
    values = {
        "classifier": name,
        "version": version,
        "outcome": "promoted" if admitted(verdicts) else "refused",
        "reason": reason,
        "actor": actor,
        "bundle": key,
        "checksum": leeway.model.bundle.checksum(found.folder),
        "evidence": [asdict(verdict) for verdict in verdicts],
        "as_of": datetime.fromisoformat(found.card.as_of),
    }
    with database().transaction() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"promote {name}"))))
        decided = sa.select(promotion.c.outcome).where(promotion.c.classifier == name, promotion.c.version == version)
        if connection.execute(decided.limit(1)).first() is None:
            connection.execute(sa.insert(promotion).values(values))
    current = champion(name)
    return current is not None and current.version == version


def promote(name: str, version: int, *, reason: str, actor: str) -> Promotion:
    """Make a version champion by a person's decision.

    The record says that no gate decided.

    Raises:
        NotFound: the version is not registered.
        BundleError: it is none that Leeway registered, or its bundle was altered.
    """
    client = _client()
    found = {int(item.version): item for item in client.search_model_versions(f"name = '{name}'")}
    if version not in found:
        raise NotFound(
            f"promoting version {version} of {name}",
            problem="it is not registered",
            found=f"versions {sorted(found) or 'none'}",
            hint=f"see `leeway versions {name}`",
        )
    key, checksum = (found[version].tags.get(tag, "") for tag in ("bundle", "checksum"))
    folder = _folder(name, key, version, checksum)
    as_of = datetime.fromisoformat(leeway.model.bundle.load(folder, checksum).card.as_of)
    return _append(name, version, "promoted", reason, actor, key, checksum, as_of)


def rollback(name: str, *, reason: str, actor: str) -> Promotion:
    """Bring back the previous champion.

    Another call brings back the one before that.

    Raises:
        NotFound: there was no earlier champion.
    """
    former = before(history(name))
    if former is None:
        raise NotFound(
            f"rolling back {name}",
            problem="there is no earlier champion",
            hint=f"see `leeway versions {name}`; `leeway promote {name} VERSION --reason WHY` promotes another version",
        )
    load(name, former)  # a bundle that cannot be loaded must not become champion
    return _append(name, former.version, "rolled_back", reason, actor, former.bundle, former.checksum, former.as_of)


def before(past: list[Promotion]) -> Promotion | None:
    """Return the promotion that a roll-back would restore.

    `past` begins with the newest. None where there was no earlier champion.
    """
    held = [item for item in past if item.outcome != "refused"]
    # From the present champion's own promotion backwards, so that a version that was rolled back does not return.
    start = next(
        (at for at, item in enumerate(held) if (item.version, item.outcome) == (held[0].version, "promoted")), 0
    )
    return next((item for item in held[start:] if item.version != held[0].version), None)


def _append(
    name: str, version: int, outcome: str, reason: str, actor: str, key: str, checksum: str, as_of: datetime
) -> Promotion:
    values = {
        "classifier": name,
        "version": version,
        "outcome": outcome,
        "reason": reason,
        "actor": actor,
        "bundle": key,
        "checksum": checksum,
        "evidence": [],
        "as_of": as_of,
    }
    with database().transaction() as connection:
        connection.execute(sa.insert(promotion).values(values))
    current = champion(name)
    assert current is not None
    return current


def _align(name: str, current: Promotion | None, decided: set[int]) -> None:
    """Align MLflow's aliases with the promotion table."""
    client = _client()
    _ensure_model(client, name)
    aliases = {alias: int(version) for alias, version in client.get_registered_model(name).aliases.items()}
    if current is not None and aliases.get(CHAMPION) != current.version:
        client.set_registered_model_alias(name, CHAMPION, str(current.version))
    if aliases.get(CHALLENGER) in decided:
        client.delete_registered_model_alias(name, CHALLENGER)


def _log_bundle(client: "MlflowClient", name: str, key: str) -> int:
    from mlflow.entities import Metric, Param

    folder = _fetched(name, key, None)
    card: Card = leeway.model.bundle.load(folder).card
    run_name = f"{name} {card.as_of[:10]} {card.trial}"[:RUN_NAME]
    run = client.create_run(_experiment(client, name), run_name=run_name, tags={"bundle": key})
    run_id = run.info.run_id
    numbers = {name: value for name, value in card.metrics.items() if isinstance(value, int | float)}
    now = round(1000 * time.time())
    metrics = [Metric(f"holdout_{name}", value, now, 0) for name, value in numbers.items()]
    described = {field: getattr(card, field) for field in ("kind", "trial", "snapshot", "as_of", "seed")}
    described["calibration"] = ", ".join(sorted(set(card.calibration)))
    params = [Param(field, str(value)) for field, value in described.items()]
    client.log_batch(run_id, metrics=metrics, params=params)  # each by itself would be a transaction
    _log_trials(client, run.info.experiment_id, run_id, card)
    with _artifacts_told(f"registering the bundle of {name}"):
        client.log_dict(run_id, card.search, "search.json")
        client.log_dict(run_id, card.metrics, "holdout.json")
        if card.costs is None:
            client.log_dict(run_id, dict(zip(card.classes, card.thresholds, strict=True)), "thresholds.json")
        else:
            client.log_dict(run_id, dict(zip(card.classes, card.costs, strict=True)), "costs.json")
        client.log_artifacts(run_id, str(folder), "bundle")
    client.set_terminated(run_id)
    source = f"{client.get_run(run_id).info.artifact_uri}/bundle"
    tags = {"bundle": key, "checksum": leeway.model.bundle.checksum(folder), "snapshot": card.snapshot}
    return int(client.create_model_version(name, source=source, run_id=run_id, tags=tags).version)


def _log_trials(client: "MlflowClient", experiment: str, parent: str, card: Card) -> None:
    """Log each trial as a child run."""
    from mlflow.entities import Metric

    for trial in [*card.search, *(name for name in card.search_failures if name not in card.search)]:
        run = client.create_run(experiment, run_name=trial[:RUN_NAME], tags={"mlflow.parentRunId": parent})
        values = {"metric": card.search.get(trial), "share_of_rows": card.search_shares.get(trial)}
        values["weight"] = card.members.get(trial, 0.0)
        metrics = [Metric(key, value, 0, 0) for key, value in values.items() if value is not None]
        client.log_batch(run.info.run_id, metrics=metrics)
        if trial in card.search_failures:
            client.set_tag(run.info.run_id, "why", card.search_failures[trial])
        client.set_terminated(run.info.run_id, "FAILED" if trial in card.search_failures else "FINISHED")


def _versions(name: str, key: str) -> dict[int, str | None]:
    """Look up the checksums that a bundle is registered with, by version."""
    found = _client().search_model_versions(f"name = '{name}' and tags.bundle = '{key}'")
    return {int(item.version): item.tags.get("checksum") for item in found}


def _registered(name: str, key: str) -> str | None:
    """Look up a bundle's checksum on record; None before it is registered."""
    decided = next((item.checksum for item in reversed(history(name)) if item.bundle == key), None)
    versions = {} if decided else _versions(name, key)
    return decided or (versions[min(versions)] if versions else None)


def _fetched(name: str, key: str, checksum: str | None) -> Path:
    """Fetch a bundle's folder, if its manifest is the one on record."""
    folder = fit.folder_of(name, key)

    def admit(hashes: Mapping[str, str]) -> None:
        if checksum is not None:
            leeway.model.bundle.must_be(hashes, checksum, f"fetching the bundle {storage.address(folder)}")

    return storage.fetched(folder, admit=admit)


def _folder(name: str, key: str, version: int, checksum: str) -> Path:
    """Return a version's bundle folder on this machine.

    It is fetched from the registry where the storage has lost it.
    """
    folder = fit.folder_of(name, key)
    if not storage.exists(folder):
        from mlflow.artifacts import download_artifacts
        from mlflow.exceptions import MlflowException

        action = f"fetching the bundle of {name} version {version}"
        source = _client().get_model_version(name, str(version)).source
        try:
            with (
                _artifacts_told(action),
                storage.keeping(folder, action) as beside,
                TemporaryDirectory(prefix=".", dir=beside.parent) as download,
            ):
                download_artifacts(artifact_uri=source, dst_path=download)
                found = Path(download) / "bundle"
                (found / storage.MANIFEST).unlink(missing_ok=True)
                leeway.model.bundle.must_be(files.hashes(found), checksum, action)
                found.rename(beside)
        except MlflowException as error:
            raise BundleError(
                action,
                problem="neither the storage nor MLflow has it any more",
                found=str(error).splitlines()[0],
                hint=f"roll back with `leeway rollback {name}`, or train again with `leeway train {name}`",
            ) from error
    return _fetched(name, key, checksum)


def _ensure_model(client: "MlflowClient", name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(name)
    except MlflowException:
        try:
            client.create_registered_model(name)
        except MlflowException:
            client.get_registered_model(name)  # another process was faster


def _experiment(client: "MlflowClient", name: str) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    return str(client.create_experiment(name, artifact_location=_artifacts(name)))


def _artifacts(name: str) -> str:
    """Return the location of a classifier's MLflow artifacts.

    It is the data folder if MLflow cannot write to the storage.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    location = storage.url("mlflow", name)
    try:
        get_artifact_repository(location)
    except (MlflowException, ImportError) as error:
        log.debug("MLflow cannot write to %s, its artifacts go to the data folder: %s", location, error)
        return settings().folder("mlflow", name).as_uri()
    return location


@contextmanager
def _artifacts_told(action: str) -> Iterator[None]:
    """Turn errors of the artifact storage into `StoreError`.

    MLflow's own exceptions pass.
    """
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (LeewayError, MlflowException):
        raise
    except Exception as error:  # each library that MLflow uses has its own errors
        raise StoreError(
            action,
            problem="the storage of MLflow's artifacts fails",
            found=" ".join(str(error).split()) or type(error).__name__,
            hint=f"check that {storage.url('mlflow')} can be written, then run this again; finished work is kept",
        ) from error


def migrate() -> None:
    """Bring MLflow's database to the installed schema.

    An empty database gets its tables.

    Raises:
        StoreError: the database refuses, or is of a newer MLflow.
    """
    from alembic.util import CommandError
    from mlflow import db
    from mlflow.exceptions import MlflowException

    action = "migrating MLflow's database"
    with database().lock("migrate mlflow", action, wait=MIGRATION):
        try:
            # `mlflow db upgrade`, but within this process: a command line would show the password.
            db.upgrade.main([mlflow_url()], standalone_mode=False)
        except (MlflowException, CommandError, sa.exc.SQLAlchemyError) as error:
            raise StoreError(
                action,
                problem="the database is unreachable, or of a newer MLflow",
                found=str(error).strip().splitlines()[0],
                hint="check LEEWAY_MLFLOW_DATABASE_URL, or install the newer MLflow",
            ) from error


@cache
def _client() -> "MlflowClient":
    from mlflow import MlflowClient

    url = mlflow_url()
    return MlflowClient(tracking_uri=url, registry_uri=url)
