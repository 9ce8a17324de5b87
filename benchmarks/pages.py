"""How soon the dashboards' pages are there: over two years of nights of ten classifiers, made of the demo's own nights.

`python benchmarks/pages.py [HOME]`: the data folder of a demo; where none is given, one is played first. The nights go into
a database of their own beside it. What is measured is the server's part, by Streamlit's own harness; a browser's comes on top.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection

ROOT = Path(__file__).parents[1]
CLASSIFIERS, NIGHTS, OPENED = 10, 730, 5
LAST, PRESENT = "2026-04-16", "2026-04-17T06:00:00Z"
TARGET_SECONDS = 1.5
CHAMPION = 2  # the version that the demo ends with
COPIED = {  # how the rows of one night are told from those of others, and which are copied
    "partition": ("stage", "true"),
    "monitoring": ("1", "true"),
    "column_drift": ('"column"', "true"),
    "sketch": ("version", f"version = {CHAMPION} AND mature IS NOT NULL"),
    "outcome": ("role", "true"),
}
LONG = {"version": str(CHAMPION), "a": "2025-10-16", "b": "2026-01-14", "c": "2026-01-15", "d": "2026-04-15"}
PAGES: list[tuple[str, dict[str, str]]] = [
    ("overview", {}),
    ("on_call", {}),
    ("reports", {}),
    ("versions", {}),
    ("owner", {}),
    ("debug", {}),
    ("debug", LONG),
]


def main(home: str | None = None) -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory(prefix="leeway-dashboards-") as folder:
        Path(folder).chmod(0o755)  # the server of a superuser runs as another user
        played = Path(home or Path(folder) / "demo").absolute()
        if home is None:
            subprocess.run([sys.executable, "-m", "leeway", "demo", str(played)], check=True, capture_output=True)
        project = Path(folder) / "project"
        _declare(project)
        os.environ |= {"LEEWAY_HOME": str(played), "LEEWAY_PROJECT": str(project), "LEEWAY_PAGES_AT": PRESENT}
        os.environ["LEEWAY_DATABASE_URL"] = _many(_link_bundles(played)).render_as_string(hide_password=False)
        from leeway.core.settings import settings
        from leeway.store.database import database

        settings.cache_clear()
        database.cache_clear()
        for page, address in PAGES:
            _measure(page, address)


def _declare(project: Path) -> None:
    """The same definition under ten names."""
    for kind in ("models", "expectations"):
        (project / kind).mkdir(parents=True)
        for name in _names():
            shutil.copy(ROOT / kind / "payments.py", project / kind / f"{name}.py")


def _names() -> list[str]:
    return ["payments", *(f"payments_{number}" for number in range(1, CLASSIFIERS))]


def _link_bundles(home: Path) -> Path:
    for name in _names()[1:]:
        link = home / "bundles" / name
        if not link.exists():
            link.symlink_to("payments")
    return home


def _many(home: Path) -> URL:
    """A database with the nights of all; its address."""
    from leeway.store.database import database

    url = database().url
    database().close()
    admin = sa.create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with admin.connect() as connection:
        connection.execute(sa.text("DROP DATABASE IF EXISTS many WITH (FORCE)"))
        connection.execute(sa.text(f'CREATE DATABASE many TEMPLATE "{url.database}"'))
    many = sa.create_engine(url.set(database="many"), poolclass=sa.NullPool)
    with many.begin() as connection:
        for table, (kind, which) in COPIED.items():
            _copy(connection, table, kind, which)
        _promote(connection)
    with many.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))
        nights = connection.scalar(sa.text("SELECT count(*) FROM leeway.monitoring"))
        print(f"{CLASSIFIERS} classifiers, {nights:,} nights in {home}")
    return url.set(drivername="postgresql", database="many")


def _copy(connection: Connection, table: str, kind: str, which: str) -> None:
    """Each night of the two years as one of those that there are, in turns."""
    columns = [column["name"] for column in sa.inspect(connection).get_columns(table, "leeway")]
    own = {
        "classifier": "'payments' || CASE k WHEN 0 THEN '' ELSE '_' || k END",
        "partition": "to_char(day, 'YYYY-MM-DD')",
        "mature": "to_char(day - 7, 'YYYY-MM-DD')",
    }
    chosen = ", ".join(own.get(name, f'"{name}"') for name in columns)
    named = ", ".join(f'"{name}"' for name in columns)
    connection.execute(
        sa.text(
            f"WITH source AS (SELECT *, row_number() OVER (PARTITION BY {kind} ORDER BY partition) - 1 AS place,"
            f" count(*) OVER (PARTITION BY {kind}) AS many FROM leeway.{table} WHERE classifier = 'payments' AND {which})"
            f" INSERT INTO leeway.{table} ({named}) SELECT {chosen} FROM generate_series(0, {CLASSIFIERS - 1}) k"
            f" CROSS JOIN generate_series(0, {NIGHTS - 1}) i CROSS JOIN LATERAL (SELECT date '{LAST}' - i::int AS day) d"
            " JOIN source ON place = i % many ON CONFLICT DO NOTHING"
        )
    )


def _promote(connection: Connection) -> None:
    columns = "version, outcome, reason, actor, bundle, checksum, evidence, as_of, created_at"
    for name in _names()[1:]:
        connection.execute(
            sa.text(
                f"INSERT INTO leeway.promotion (classifier, {columns})"
                f" SELECT '{name}', {columns} FROM leeway.promotion WHERE classifier = 'payments' ORDER BY id"
            )
        )


def _measure(page: str, address: dict[str, str]) -> None:
    from streamlit.testing.v1 import AppTest

    taken, worked = [], []
    for _ in range(OPENED + 1):  # the first one imports
        shown = AppTest.from_function(_run, kwargs={"name": page}, default_timeout=120)
        for name, value in {"classifier": "payments", **address}.items():
            shown.query_params[name] = value
        started, working = time.perf_counter(), time.process_time()
        shown.run()
        taken.append(time.perf_counter() - started)
        worked.append(time.process_time() - working)
        assert not shown.exception, shown.exception
        assert not shown.error, shown.error
    seconds = statistics.median(taken[1:])
    said = "reached" if seconds <= TARGET_SECONDS else "MISSED"
    what = f"{page}, {'half a year of nights' if address else 'as it opens'}"
    print(
        f"{said}: {what}: median {seconds:.2f} s of {TARGET_SECONDS} s, {statistics.median(worked[1:]):.2f} s of a core"
    )


def _run(name: str) -> None:
    import importlib

    importlib.import_module(f"dashboards.{name}").page()


if __name__ == "__main__":
    main(*sys.argv[1:])
