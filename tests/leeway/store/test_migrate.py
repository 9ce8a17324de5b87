import itertools
import json
import threading

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from leeway.core.errors import StoreError
from leeway.store.database import Database, _ensure_database
from leeway.store.migrate import SCRIPTS, migrate
from leeway.store.tables import SHARED, metadata

COUNTER = itertools.count()


@pytest.fixture
def empty(server):
    """An address of an empty database."""
    name = f"empty_{next(COUNTER)}"
    _ensure_database(server, name)
    return server.set(database=name)


def tables(opened):
    with opened.transaction() as connection:
        return sa.inspect(connection).get_table_names(SHARED)


def test_an_empty_database_gets_exactly_the_tables_of_the_metadata(empty):
    opened = Database(empty)
    migrate(opened)
    with opened.transaction() as connection:
        options = {
            "version_table_schema": SHARED,
            "include_schemas": True,
            "include_name": lambda name, kind, _: kind != "schema" or name == SHARED,
            "compare_type": True,
        }
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    opened.engine.dispose()


def test_a_second_time_does_nothing(empty):
    opened = Database(empty)
    migrate(opened)
    with opened.transaction() as connection:
        connection.execute(
            sa.text(f"INSERT INTO {SHARED}.partition VALUES ('toy', '2026-03-01', 'ingest', 'done', '{{}}', '{{}}')")
        )
    migrate(opened)
    with opened.transaction() as connection:
        assert connection.scalar(sa.text(f"SELECT count(*) FROM {SHARED}.partition")) == 1
    opened.engine.dispose()


def test_several_at_once_migrate_once(empty):
    opened = [Database(empty) for _ in range(4)]
    errors = []

    def run(one):
        try:
            migrate(one)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(one,)) for one in opened]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert "partition" in tables(opened[0])
    for one in opened:
        one.engine.dispose()


def test_a_schema_of_a_newer_leeway_is_refused_and_left_as_it_is(empty):
    opened = Database(empty)
    migrate(opened)
    with opened.transaction() as connection:
        connection.execute(sa.text(f"UPDATE {SHARED}.alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"\(found: schema 9999\); upgrade Leeway"):
        migrate(opened)
    with opened.transaction() as connection:
        assert connection.scalar(sa.text(f"SELECT version_num FROM {SHARED}.alembic_version")) == "9999"
    opened.engine.dispose()


def test_columns_and_keys_of_an_older_database_get_their_new_names(empty):
    """A class may have the name of a key: what is counted is a number, what a class has is an object."""
    opened = Database(empty)
    with opened.transaction() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {SHARED}"))
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(SCRIPTS))
        command.upgrade(config, "0010")
        counts = {"rows": 9, "called": 3, "hits": 2, "bins": [[1.0, 0.5, 1.0]]}
        classes = json.dumps({"called": counts, "hits": counts})
        connection.execute(
            sa.text(
                f"INSERT INTO {SHARED}.outcome (classifier, partition, role, version, decided, labelled, log_loss, classes,"
                " slices, worst, as_of) VALUES ('toy', '2026-03-01', 'champion', 1, 9, 9, 1.0, :classes, :slices, '[]', now())"
            ),
            {"classes": classes, "slices": json.dumps({"kind": {"a": counts}})},
        )
        connection.execute(
            sa.text(
                f"INSERT INTO {SHARED}.sketch (classifier, partition, version, seen, mature, held)"
                """ VALUES ('toy', '2026-03-01', 1, '{"rows": 9}', '2026-02-01', '{"rows": 8}')"""
            )
        )
    migrate(opened)
    counts = {"rows": 9, "predicted_positive": 3, "true_positives": 2, "bins": [[1.0, 0.5, 1.0]]}
    with opened.transaction() as connection:
        found = connection.execute(sa.select(metadata.tables[f"{SHARED}.outcome"])).mappings().one()
        kept = connection.execute(sa.select(metadata.tables[f"{SHARED}.sketch"])).mappings().one()
    assert found["classes"] == {"called": counts, "hits": counts}
    assert found["slices"] == {"kind": {"a": counts}}
    assert (kept["observed"], kept["label_residuals"]) == ({"rows": 9}, {"rows": 8})
    opened.engine.dispose()
