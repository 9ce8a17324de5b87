"""Settings of a deployment, from the environment.

They differ between machines. What differs between classifiers is in `models/`.
"""

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from leeway.core import logs
from leeway.core.errors import StoreError

log = logs.logger(__name__)

LogLevel = Annotated[Literal["", "debug", "info", "warning", "error"], BeforeValidator(str.lower)]


class Settings(BaseSettings):
    """The settings, read from `LEEWAY_*` environment variables.

    Attributes:
        home: the data folder: embedded database, and what is stored where `storage_url` names no other place.
        project: the folder that holds `models/` and `expectations/`.
        storage_url: where machines share deliveries, snapshots, bundles, reports, as a URL that fsspec knows, such as
            `s3://bucket/prefix` or `file:///srv/leeway`; empty means `home`.
        database_url: a PostgreSQL server, as `postgresql://user:password@host:port/database`; empty means the
            embedded one in `home`.
        mlflow_database_url: where MLflow keeps its own tables; empty means a database `<database>_mlflow` beside ours.
        dask_address: a Dask scheduler, as `tcp://host:8786`, whose workers parts are spread over; empty means processes here.
        workers: how many processes of this machine parts are spread over; 1 means none but the one that asks.
        spread_rows: work that passes over fewer rows than this is done in one process.
        max_runs: how many runs the platform carries out at once.
        warm_runs: whether runs are forked from a process that has imported everything, for which Prefect's inside is used; else
            each begins as an interpreter of its own.
        reports_url: where a browser finds the reports, when another than the platform of this machine serves them.
        dashboards_url: where a browser finds the dashboards, when another than the platform of this machine serves them.
        dashboards_password: what a person must know to approve, reject or roll back on the dashboards; empty: nothing.
        pages_at: the time that the dashboards take for the present, for drills and pictures.
        alert_urls: whom to tell, as addresses of Apprise's, such as `slack://…`, `mailto://…`, `json://…`; or
            `file:///path`, to which a line of JSON is written for each message.
        page_urls: whom to tell at any hour of what cannot wait; `alert_urls` where it is empty.
        alert_quiet: between which times of the day only what cannot wait is told, as `22:00-07:00`.
        alert_timezone: whose times these are.
        alert_min_rows: of what was found on fewer rows than these, nobody is told.
        keep_days: how long the platform keeps what only tells of the past: runs with their logs, and reports.
        trusted_types: further types that a bundle may hold, beyond those that Leeway's own estimators need.
        log: the level from which on log lines are written to standard error; empty: none.
    """

    model_config = SettingsConfigDict(env_prefix="LEEWAY_", frozen=True, extra="ignore")

    home: Path = Field(default=Path(".leeway"))
    project: Path = Field(default=Path())
    storage_url: str = ""
    database_url: str = ""
    mlflow_database_url: str = ""
    dask_address: str = ""
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    spread_rows: int = Field(default=2_000_000, ge=1)
    max_runs: int = Field(default=2, ge=1)
    warm_runs: bool = True
    reports_url: str = ""
    dashboards_url: str = ""
    dashboards_password: SecretStr = SecretStr("")
    pages_at: AwareDatetime | None = None
    alert_urls: tuple[SecretStr, ...] = ()
    page_urls: tuple[SecretStr, ...] = ()
    alert_quiet: str = Field(default="", pattern=r"^(([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)?$")
    alert_timezone: str = "UTC"
    alert_min_rows: int = Field(default=20, ge=0)
    keep_days: int = Field(default=90, ge=1)
    trusted_types: tuple[str, ...] = ()
    log: LogLevel = ""

    def folder(self, *parts: str) -> Path:
        """Return a folder in the data folder; make it if missing.

        Raises:
            StoreError: the folder cannot be made.
        """
        path = self.home.absolute().joinpath(*parts)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(f"making the folder {path}", error) from error
        return path

    def writable_folder(self, *parts: str) -> Path:
        """Return a folder in the data folder, after a trial that it can be written; make it if missing.

        Raises:
            StoreError: it cannot.
        """
        path = self.folder(*parts)
        try:
            with TemporaryFile(dir=path):
                return path
        except OSError as error:
            raise _unwritable(f"writing to the folder {path}", error) from error


@cache
def settings() -> Settings:
    """Return the settings of this process, read once.

    The first call also turns on log lines, where `LEEWAY_LOG` asks for them.

    Raises:
        StoreError: a variable has a value that is not valid.
    """
    try:
        chosen = Settings()
    except SettingsError as error:  # which names the field in its words only
        name = next((name for name in Settings.model_fields if f'"{name}"' in str(error)), "")
        raise _refused(name, 'the value is no JSON list such as ["one", "two"]') from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        is_secret = "SecretStr" in str(Settings.model_fields[name].annotation)
        raise _refused(name, first["msg"], None if is_secret else first["input"]) from None
    if chosen.log:
        logs.enable(chosen.log)
    log.debug("data folder %s, project %s", chosen.home.absolute(), chosen.project.absolute())
    return chosen


def _refused(name: str, problem: str, found: object = None) -> StoreError:
    hint = "correct it; the README's list of settings says what it is"
    return StoreError(f"reading LEEWAY_{name.upper()}", problem=problem, found=found, hint=hint)


def _unwritable(action: str, error: OSError) -> StoreError:
    return StoreError(
        action,
        problem="cannot write to the data folder",
        found=error.strerror or error,
        hint="make room, set its permissions, or name another in LEEWAY_HOME",
    )
