"""Alembic's entry, within the transaction of `leeway.store.migrate`."""

from alembic import context

from leeway.store.tables import SHARED, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table_schema=SHARED,
)
with context.begin_transaction():
    context.run_migrations()
