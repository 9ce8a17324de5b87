"""Checks of this machine."""

import platform
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from leeway.core.errors import LeewayError
from leeway.core.settings import settings
from leeway.store import storage

LIBRARIES = (
    "prefect",
    "great-expectations",
    "evidently",
    "mlflow",
    "scikit-learn",
    "pandas",
    "sqlalchemy",
    "skops",
    "streamlit",
    "apprise",
)
FREE_GIB = 2.0


@dataclass(frozen=True)
class CheckResult:
    """The result of one check."""

    what: str
    ok: bool
    found: str


def examine() -> list[CheckResult]:
    """Check Python, libraries, disk, storage and database."""
    python = CheckResult("Python 3.11 to 3.13", (3, 11) <= sys.version_info[:2] <= (3, 13), platform.python_version())
    home = settings().folder()
    free = shutil.disk_usage(home).free / 2**30
    disk = CheckResult(f"{FREE_GIB:.0f} GiB free in the data folder", free >= FREE_GIB, f"{free:.1f} GiB in {home}")
    elsewhere = [_storage()] if settings().storage_url else []
    return [python, *(_library(name) for name in LIBRARIES), disk, *elsewhere, _database()]


def _library(name: str) -> CheckResult:
    try:
        return CheckResult(name, True, version(name))
    except PackageNotFoundError:
        return CheckResult(name, False, "not installed: run `make setup`")


def _storage() -> CheckResult:
    try:
        return CheckResult("storage", True, storage.probe())
    except LeewayError as error:
        return CheckResult("storage", False, str(error))


def _database() -> CheckResult:
    try:
        from leeway.store.database import database

        return CheckResult("PostgreSQL", True, database().address)
    except LeewayError as error:
        return CheckResult("PostgreSQL", False, str(error))
