"""A classifier's own tables, made to fit its definition."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from leeway.definition import Classifier
from leeway.errors import StoreError
from leeway.store.tables import Tables, tables_of


def ensure_tables(connection: Connection, classifier: Classifier) -> Tables:
    """Make what is missing: the schema, the tables, a column that the definition gained.

    Raises:
        StoreError: a column, or the label, is stored as another kind than the definition says now.
    """
    tables = tables_of(classifier)
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"tables {classifier.name}"))))
    connection.execute(sa.schema.CreateSchema(classifier.name, if_not_exists=True))
    tables.event.metadata.create_all(connection)
    # paramstyle: the connection's own doubles percent signs, for statements with parameters.
    preparer = postgresql.dialect(paramstyle="named").identifier_preparer  # type: ignore[no-untyped-call]
    for column in _missing(connection, classifier, tables.event):
        table, name = preparer.format_table(tables.event), preparer.quote(column.name)
        statement = f"ALTER TABLE {table} ADD COLUMN {name} {column.type.compile(connection.dialect)}"
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    if [*_missing(connection, classifier, tables.label), *_missing(connection, classifier, tables.prediction)]:
        raise StoreError(
            f"opening the tables of {classifier.name}",
            rule="a stored label keeps its kind",
            found=f"labels of another kind than {classifier.label.kind}",
            way_out="give the classifier another name (rename its files), or declare its former label",
        )
    return tables


def _missing(connection: Connection, classifier: Classifier, table: sa.Table) -> list[sa.Column[Any]]:
    """The columns that a stored table lacks; those that it has must be of the declared kind."""
    stored = {column["name"]: column["type"] for column in sa.inspect(connection).get_columns(table.name, table.schema)}
    for column in table.columns:
        wanted = column.type.compile(connection.dialect)
        if column.name in stored and (found := stored[column.name].compile(connection.dialect)) != wanted:
            raise StoreError(
                f"opening the tables of {classifier.name}",
                rule="a stored column keeps its kind",
                found=f"{column.name} is stored as {found}, declared as {wanted}",
                way_out="give the column another name in the source's prepare, or declare its former kind",
            )
    return [column for column in table.columns if column.name not in stored]
