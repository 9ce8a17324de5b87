"""What the tests share: one real PostgreSQL, and for every test a database and a project of its own."""

import atexit
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import dedent

# Before NumPy reads them: the tests' tables are so small that threads which wait for one another take most of the time.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"

import pytest
import sqlalchemy as sa
from hypothesis import settings as hypothesis_settings
from sqlalchemy.engine import URL

from leeway.core.settings import settings
from leeway.definition import catalog
from leeway.lifecycle import registry
from leeway.store import database as store
from leeway.store import embedded, storage
from leeway.store.migrate import migrate

os.environ["PREFECT_LOGGING_TO_API_ENABLED"] = "false"
os.environ["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "false"  # a test that runs a flow says so, by the fixture `prefect`

# The same examples in every run: a new one is found by who looks for it, and stops nobody else. No deadline: a busy machine is
# no failure.
hypothesis_settings.register_profile("leeway", deadline=None, derandomize=True)
hypothesis_settings.register_profile("search", deadline=None, max_examples=2000)
hypothesis_settings.load_profile("leeway")

COUNTER = itertools.count()
TIERS = ("unit", "store", "system")
SYSTEM = (
    "compose",
    "dashboards",
    "docs",
    "flows",
    "platform",
)  # folders whose tests start processes, Prefect or a browser
VARIABLES = ("LEEWAY_DATABASE_URL", "LEEWAY_MLFLOW_DATABASE_URL")
TEMPLATES = "template_leeway", "template_mlflow"
MEMORY, MEMORY_BYTES = Path("/dev/shm"), 4 * 2**30  # a folder in memory, and what must be free there
SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"

TOY_MODEL = """
from leeway.definition import *

classifier = Classifier(
    source=CSV(path="data/*.csv"),
    event_id="id",
    event_time="at",
    label=Label(column="bad", positive=1, negative=0, delay=days(1)),
    columns={"card": identifier(), "email": categorical(sensitive=True), "amount": numeric(), "kind": categorical()},
    history=(History(by="card", window=days(7)), History(by="card", window=days(7), aggregate="mean", over="amount")),
    candidates=(Logistic(C=(1.0,)), Boosting(max_leaf_nodes=(7,), max_iter=20)),
    training=Training(holdout=days(5), folds=3),
    gates=Gates(floors={"roc_auc": 0.6}, calibration_error=0.2),
    drift=DriftPolicy(cooldown=days(3), min_reference=8),
)
"""

TOY_SUITE = """
import great_expectations.expectations as gxe

expectations = [
    gxe.ExpectColumnValuesToBeUnique(column="id"),
    gxe.ExpectColumnValuesToBeBetween(column="amount", min_value=0),
    gxe.ExpectColumnValuesToNotBeNull(column="kind", mostly=0.9),
    gxe.ExpectTableRowCountToBeBetween(min_value=5, max_value=5000),
]
"""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave what is of the system tier alone unread by `-m unit` and `-m store`: its imports take ten seconds."""
    parts = collection_path.relative_to(Path(__file__).parent).parts
    return True if config.option.markexpr in TIERS[:2] and set(parts[:1]) & (set(SYSTEM) - {"docs"}) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every test its tier, and begin with the longest, so that no worker is left with them at the end.

    A test that starts a process although its folder does not say so names its tier itself, by a marker.
    """
    for item in items:
        if not any(item.get_closest_marker(tier) for tier in TIERS):
            item.add_marker(_tier_of(item))
    items.sort(key=lambda item: -max(place for place, tier in enumerate(TIERS) if item.get_closest_marker(tier)))


def _tier_of(item: pytest.Item) -> str:
    if item.path.relative_to(Path(__file__).parent).parts[0] in SYSTEM:
        return "system"
    return "store" if "server" in getattr(item, "fixturenames", ()) else "unit"


class Project:
    """A project folder of one test, with a data folder and a database of its own."""

    def __init__(self, root: Path, databases: tuple[str, str]) -> None:
        self.root = root
        self.databases = databases
        self.home = root / ".leeway"

    def write(self, path: str, text: str) -> Path:
        """Write a file of the project; what was loaded before is forgotten."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text))
        catalog.load.cache_clear()
        return file

    def declare(self, name: str = "toy", model: str = TOY_MODEL, suite: str = TOY_SUITE) -> str:
        """Declare a classifier; returns its name."""
        self.write(f"models/{name}.py", model)
        self.write(f"expectations/{name}.py", suite)
        return name


def forget() -> None:
    """Forget everything that a process keeps for its life: the next test has other settings."""
    if store.database.cache_info().currsize:
        store.database().close()
    for cached in (
        settings,
        store.database,
        store.mlflow_url,
        catalog.load,
        registry._client,
        storage._opened,
    ):
        cached.cache_clear()


@pytest.fixture(scope="session")
def server() -> URL:
    """A PostgreSQL of this test run, with the databases `template_leeway`, migrated, and `template_mlflow`."""
    # Not in pytest's own folder: a second run closes that to the user that the server of a superuser runs as. Removed
    # when the process ends, after the server was stopped, which is registered later and so comes first.
    folder = Path(tempfile.mkdtemp(prefix="leeway-postgres-", dir=MEMORY if _has_memory() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    url = embedded.start(folder).set(drivername=store.DRIVER)
    with _as_admin(url) as connection:  # what a power cut would leave of it is nobody's concern
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_wal_size = '256MB'"):
            connection.execute(sa.text(f"ALTER SYSTEM SET {setting}"))
        connection.execute(sa.text("SELECT pg_reload_conf()"))
    for name in TEMPLATES:
        store._ensure_database(url, name)
    template = store.Database(url.set(database="template_leeway"))
    migrate(template)
    template.engine.dispose()
    _fill_mlflow(url.set(database="template_mlflow"))
    return url


@cache
def _has_memory() -> bool:
    """Whether the databases have a place in memory: each is hundreds of small files, which a disk takes long to copy."""
    return MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_BYTES


def _fill_mlflow(url: URL) -> None:
    """Have MLflow make its tables once, not for every test."""
    from mlflow import MlflowClient

    address = url.render_as_string(hide_password=False)
    client = MlflowClient(tracking_uri=address, registry_uri=address)
    client.search_experiments()
    client.search_registered_models()


@pytest.fixture
def project(server: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project in a folder of its own, on databases of its own."""
    with making(server, tmp_path, monkeypatch) as made:
        yield made


@contextmanager
def making(server: URL, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Such a project, for as long as the block lasts: for tests that share one, too."""
    number = next(COUNTER)
    databases = f"leeway_{number}", f"mlflow_{number}"
    for variable, name in zip(VARIABLES, databases, strict=True):
        monkeypatch.setenv(variable, server.set(database=name).render_as_string(hide_password=False))
    monkeypatch.setenv("LEEWAY_HOME", str(folder / ".leeway"))
    monkeypatch.setenv("LEEWAY_PROJECT", str(folder))
    forget()
    _copy_databases(server, TEMPLATES, databases)
    yield Project(folder, databases)
    forget()
    _drop_databases(server, databases)


@dataclass
class Copied:
    """A project that others begin as copies of: its folder and its databases."""

    root: Path
    databases: tuple[str, str]


def become(server: URL, project: Project, original: Copied) -> None:
    """Make an empty project a copy of another."""
    forget()
    shutil.copytree(original.root, project.root, dirs_exist_ok=True)
    _drop_databases(server, project.databases)
    _copy_databases(server, original.databases, project.databases)


def _copy_databases(server: URL, templates: tuple[str, str], names: tuple[str, str]) -> None:
    # A template must have no connection while it is copied, and MLflow keeps one.
    idle = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
    strategy = "file_copy" if _has_memory() else "wal_log"
    with _as_admin(server) as connection:
        for template, name in zip(templates, names, strict=True):
            connection.execute(idle, {"name": template})
            connection.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY {strategy}"))


def _drop_databases(server: URL, names: tuple[str, str]) -> None:
    with _as_admin(server) as connection:
        for name in names:
            # By force: MLflow keeps its connections for as long as the process lives.
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def _as_admin(server: URL) -> AbstractContextManager[sa.Connection]:
    return sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool).connect()


@pytest.fixture(autouse=True)
def _own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit's harness takes the place of the main module, and every process spawned after it would run a page's script."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """A private Prefect server for flows."""
    from prefect.settings import (
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_LOGGING_LEVEL,
        PREFECT_LOGGING_TO_API_ENABLED,
        PREFECT_SERVER_ALLOW_EPHEMERAL_MODE,
        temporary_settings,
    )
    from prefect.testing.utilities import prefect_test_harness

    with (
        temporary_settings({PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: True}),
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings(
            {
                PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
                PREFECT_LOGGING_TO_API_ENABLED: False,
                PREFECT_LOGGING_LEVEL: "CRITICAL",
            }
        ),
    ):
        yield
