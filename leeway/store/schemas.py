"""A classifier's own tables, made to fit its definition."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from leeway.core.errors import StoreError
from leeway.definition import Classifier
from leeway.store.tables import Tables, tables_of


def ensure_tables(connection: Connection, classifier: Classifier) -> Tables:
    """Create the missing schema, tables and columns.

    Raises:
        StoreError: a column, or the label, is stored with another kind than the definition has now.
    """
    tables = tables_of(classifier)
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"tables {classifier.name}"))))
    connection.execute(sa.schema.CreateSchema(classifier.name, if_not_exists=True))
    tables.event.metadata.create_all(connection)
    own = [tables.event, tables.label, tables.quarantine, tables.prediction]
    differ = any(part for table in (tables.event, tables.label) for part in _differences(connection, table))
    if differ and not any(connection.scalar(sa.select(sa.exists().select_from(table))) for table in own):
        # Made while the source was inspected, under an earlier definition: nothing was ever stored.
        tables.event.metadata.drop_all(connection, tables=own)
        tables.event.metadata.create_all(connection)
    missing, changed = _differences(connection, tables.event)
    if changed:
        raise StoreError(
            f"opening the tables of {classifier.name}",
            problem="the kind of a stored column changed",
            found=changed[0],
            hint="give the column another name in the source's prepare, or declare its former kind",
        )
    _add(connection, tables.event, missing)
    gained = [column for column in _differences(connection, tables.prediction)[0] if column.nullable]
    _add(connection, tables.prediction, gained)
    for index in tables.label.indexes:  # of a table that was made before there was one
        index.create(connection, checkfirst=True)
    missing, changed = _differences(connection, tables.label)
    if missing or changed:
        raise StoreError(
            f"opening the tables of {classifier.name}",
            problem="the kind of the stored label changed",
            found=f"labels of another kind than {classifier.label.kind}",
            hint="give the classifier another name (rename its files), or declare its former label",
        )
    return tables


def _add(connection: Connection, table: sa.Table, columns: list[sa.Column[Any]]) -> None:
    # paramstyle: the connection's own doubles percent signs, for statements with parameters.
    preparer = postgresql.dialect(paramstyle="named").identifier_preparer  # type: ignore[no-untyped-call]
    for column in columns:
        named, name = preparer.format_table(table), preparer.quote(column.name)
        statement = f"ALTER TABLE {named} ADD COLUMN {name} {column.type.compile(connection.dialect)}"
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def _differences(connection: Connection, table: sa.Table) -> tuple[list[sa.Column[Any]], list[str]]:
    """Compare a stored table with its definition.

    Returns:
        The columns that it lacks, and in words those of another kind.
    """
    stored = {column["name"]: column["type"] for column in sa.inspect(connection).get_columns(table.name, table.schema)}
    missing = [column for column in table.columns if column.name not in stored]
    kinds = {
        column.name: (stored[column.name].compile(connection.dialect), column.type.compile(connection.dialect))
        for column in table.columns
        if column.name in stored
    }
    changed = [
        f"{name} is stored as {found}, declared as {wanted}"
        for name, (found, wanted) in kinds.items()
        if found != wanted
    ]
    return missing, changed
