"""Alembic's entry: runs on the connection that `leeway.store.migrate` hands over, inside its transaction."""

from alembic import context

from leeway.store.tables import SHARED, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table_schema=SHARED,
)
with context.begin_transaction():
    context.run_migrations()
