"""MLflow's database is brought to the schema of the installed MLflow."""

from functools import cache

import pytest
import sqlalchemy as sa

from leeway.core.errors import StoreError
from leeway.lifecycle import registry
from leeway.store import database as store


def _revision(change: str | None = None) -> str:
    engine = sa.create_engine(store.mlflow_url(), poolclass=sa.NullPool)
    with engine.begin() as connection:
        if change:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = :to"), {"to": change})
        return str(connection.scalar(sa.text("SELECT version_num FROM alembic_version")))


def test_an_empty_database_gets_its_tables_and_a_second_time_changes_nothing(project, monkeypatch):
    name = f"{store.database().url.database}_empty"
    store._ensure_database(store.database().url, name)
    empty = store.database().url.set(database=name)
    monkeypatch.setattr(store, "mlflow_url", cache(lambda: empty.render_as_string(hide_password=False)))
    monkeypatch.setattr(registry, "mlflow_url", store.mlflow_url)
    registry.migrate()
    first = _revision()
    registry.migrate()
    assert _revision() == first


def test_the_database_of_a_newer_mlflow_is_refused_by_name(project):
    known = _revision()
    _revision("f00f00f00f00")
    with pytest.raises(StoreError, match=r"migrating MLflow's database: .*f00f00f00f00.*LEEWAY_MLFLOW_DATABASE_URL"):
        registry.migrate()
    assert _revision(known) == known
