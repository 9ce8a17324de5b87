"""A classifier's own tables, made to fit its definition."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from leeway.definition import Classifier
from leeway.errors import StoreError
from leeway.store.tables import Tables, tables_of


def ensure_tables(connection: Connection, classifier: Classifier) -> Tables:
    """Make what is missing: the schema, the tables, a column that the definition gained.

    Raises:
        StoreError: a column is stored as another kind than the definition says now.
    """
    tables = tables_of(classifier)
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"tables {classifier.name}"))))
    connection.execute(sa.schema.CreateSchema(classifier.name, if_not_exists=True))
    tables.event.metadata.create_all(connection)
    stored = {column["name"]: column["type"] for column in sa.inspect(connection).get_columns("event", classifier.name)}
    # paramstyle: the connection's own doubles percent signs, for statements with parameters.
    preparer = postgresql.dialect(paramstyle="named").identifier_preparer  # type: ignore[no-untyped-call]
    for column in tables.event.columns:
        wanted = column.type.compile(connection.dialect)
        if column.name not in stored:
            table, name = preparer.format_table(tables.event), preparer.quote(column.name)
            statement = f"ALTER TABLE {table} ADD COLUMN {name} {wanted}"
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
        elif (found := stored[column.name].compile(connection.dialect)) != wanted:
            raise StoreError(
                f"opening the tables of {classifier.name}",
                rule="a stored column keeps its kind",
                found=f"{column.name} is stored as {found}, declared as {wanted}",
                way_out="give the column another name in the source's prepare, or declare its former kind",
            )
    return tables
