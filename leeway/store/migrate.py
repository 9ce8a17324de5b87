"""Migrations of the shared tables."""

from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leeway.core.errors import StoreError
from leeway.store.tables import SHARED

if TYPE_CHECKING:  # it calls this module
    from leeway.store.database import Database

SCRIPTS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 5_311_704


def migrate(database: "Database") -> None:
    """Run the migrations that this database lacks.

    Two processes at the same time run them once.

    Raises:
        StoreError: the database belongs to a newer version of Leeway.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    scripts = ScriptDirectory.from_config(config)
    with database.transaction() as connection:
        present = _present(connection)
        if present == scripts.get_current_head():
            return
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        present = _present(connection)
        if present is not None and present not in {script.revision for script in scripts.walk_revisions()}:
            raise StoreError(
                "opening the database",
                problem="its schema is newer than this version of Leeway",
                found=f"schema {present}",
                hint="upgrade Leeway, or name another database in LEEWAY_DATABASE_URL",
            )
        connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SHARED}"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _present(connection: Connection) -> str | None:
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection, opts={"version_table_schema": SHARED}).get_current_revision()
