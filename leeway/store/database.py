"""Connections: the embedded PostgreSQL or a server, SQLAlchemy for statements, ADBC for bulk rows as Arrow."""

import hashlib
import time
import uuid
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from pydantic_core import from_json
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import URL, Connection, Engine, make_url

from leeway.core.errors import AlreadyRunning, LeewayError, StoreError
from leeway.core.logs import logger
from leeway.core.settings import Settings, settings
from leeway.store import embedded

log = logger(__name__)

UNDEFINED = ("42703", "42P01")  # a column, a table
DRIVER = "postgresql+psycopg2"
OUR_DATABASE = "leeway"
LOCK_POLL_SECONDS = 1.0
MANY_ROWS = 1_000  # fewer are joined at once in whichever way


class Database:
    """One PostgreSQL database.

    Args:
        url: its address, as `postgresql://…`.
    """

    def __init__(self, url: URL) -> None:
        self.url = url.set(drivername=DRIVER)
        self.engine: Engine = sa.create_engine(
            self.url,
            pool_pre_ping=True,
            json_deserializer=from_json,  # a year of sketches in a quarter of the time
            connect_args={"connect_timeout": 10},
        )
        self._idle: list[Any] = []  # connections of ADBC: to open one takes longer than to stage a small delivery
        weakref.finalize(self, _close_all, self._idle)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction, committed at the end, rolled back on any error."""
        with _clear_errors(f"talking to the database {self.address}"), self.engine.begin() as connection:
            yield connection

    @property
    def address(self) -> str:
        """Where the database is, without a password."""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=True)

    def read_batches(self, query: sa.Select[Any]) -> Iterator[pa.RecordBatch]:
        """Stream the rows of a query as Arrow, in batches of a few ten thousand rows."""
        with _clear_errors(f"reading from the database {self.address}"), self._adbc() as cursor:
            cursor.execute(_inline(query))
            yield from cursor.fetch_record_batch()

    def read(self, query: sa.Select[Any]) -> pa.Table:
        """All rows of a query as one Arrow table."""
        with _clear_errors(f"reading from the database {self.address}"), self._adbc() as cursor:
            cursor.execute(_inline(query))
            return cursor.fetch_arrow_table()

    def stage(self, name: str, rows: pa.Table | pa.RecordBatchReader, *, mark: str = "") -> sa.TableClause:
        """Write rows into a new table in schema `staging`, for a transaction to take them from; replaces an older one.

        Args:
            mark: tells it from others that had or will have the name, for `staged`; without quotes.
        """
        with _clear_errors(f"writing to the database {self.address}"), self._adbc() as cursor:
            cursor.execute(f'DROP TABLE IF EXISTS staging."{name}"')
            cursor.adbc_ingest(name, rows, mode="create", db_schema_name="staging")
            # Or the planner takes it for large, and reads all events that there ever were to find these.
            cursor.execute(f'ANALYZE staging."{name}"')
            cursor.execute(f"COMMENT ON TABLE staging.\"{name}\" IS '{mark}'")
        return _staging_table(name, rows.schema.names)

    def staged(self, name: str, mark: str) -> sa.TableClause | None:
        """The table that `stage` wrote with this mark; None where there is none, or another."""
        found = sa.text(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:table) AND attnum > 0"
            " AND obj_description(attrelid, 'pg_class') = :mark"
        )
        with self.transaction() as connection:
            columns = list(connection.scalars(found, {"table": f'staging."{name}"', "mark": mark}))
        return _staging_table(name, columns) if columns else None

    @contextmanager
    def lock(self, name: str, action: str, *, wait: timedelta = timedelta(0)) -> Iterator[None]:
        """Hold a lock by name across all processes; it ends with this process, however that ends.

        Args:
            wait: how long to wait for another process that holds it.

        Raises:
            AlreadyRunning: another process holds it.
        """
        key = _lock_key(name)
        deadline = time.monotonic() + wait.total_seconds()
        talking = f"talking to the database {self.address}"
        with _clear_errors(talking):
            connection = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            with _clear_errors(talking):
                take = sa.select(sa.func.pg_try_advisory_lock(key))
                while not (free := connection.scalar(take)) and time.monotonic() < deadline:
                    time.sleep(LOCK_POLL_SECONDS)
            if not free:
                raise AlreadyRunning(
                    action,
                    problem="one at a time",
                    found="another process is at it now",
                    hint="wait for it, then run this again: what it has done is skipped",
                )
            yield
        finally:
            try:
                # At once: the server notices a closed session only a moment later, when the next step wants the lock.
                connection.execute(sa.select(sa.func.pg_advisory_unlock(key)))
            except sa.exc.DBAPIError as error:
                log.debug("cannot release the lock %r, its session is closed: %s", name, error.orig)
            connection.invalidate()  # closes the session, also when the server is gone
            connection.close()

    def is_locked(self, name: str) -> bool:
        """Whether a process holds a lock of `lock` now. Looking does not disturb one that wants it."""
        key = _lock_key(name)
        query = sa.text(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
            " AND ((classid::bigint << 32) | objid::bigint) = :key"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        with self.transaction() as connection:
            return bool(connection.scalar(query, {"key": key}))

    def close(self) -> None:
        """Close the connections that nobody uses now; what comes next opens its own."""
        self.engine.dispose()
        _close_all(self._idle)

    @contextmanager
    def _adbc(self) -> Iterator[Any]:
        connection = self._connection()
        try:
            with connection.cursor() as cursor:
                yield cursor
            connection.commit()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)

    def _connection(self) -> Any:
        import adbc_driver_postgresql.dbapi as adbc

        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                address = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
                return adbc.connect(address)
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT 1").fetchone()
                return connection
            except adbc.Error as error:  # the server was restarted meanwhile
                log.debug("a connection is gone, another one is opened: %s", error)
                connection.close()


def _close_all(idle: list[Any]) -> None:
    while idle:
        idle.pop().close()


def _staging_table(name: str, columns: Iterable[str]) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in columns), schema="staging")


def _lock_key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)


def staging_name(*parts: str) -> str:
    """A name for a staging table that no other has: one that is dropped stays locked until its transaction ends."""
    return "_".join([*parts, uuid.uuid4().hex[:8]])


def drop_staged(connection: Connection, staged: sa.TableClause) -> None:
    """Remove a staging table within the transaction that took its rows."""
    connection.execute(sa.text(f'DROP TABLE staging."{staged.name}"'))


def tell_planner(connection: Connection, table: sa.Table, written: int) -> None:
    """Have the planner look at a table that was just filled with more rows than it knows of.

    Autovacuum looks a minute later. Till then it takes the table for small, and may join its rows one by one: hours.
    """
    if written < MANY_ROWS:
        return
    name = f'"{table.schema}"."{table.name}"'
    known = connection.scalar(
        sa.text("SELECT reltuples FROM pg_class WHERE oid = cast(:name AS regclass)"), {"name": name}
    )
    if known is None or known < written:
        connection.execute(sa.text(f"ANALYZE {name}"))


@cache
def database() -> Database:
    """Leeway's database for this process: started if it is the embedded one, migrated to the present schema."""
    from leeway.store.migrate import migrate

    opened = Database(_our_url(settings()))
    migrate(opened)
    return opened


@cache
def mlflow_url() -> str:
    """MLflow's database, made if it is not there."""
    given = settings().mlflow_database_url
    ours = database().url
    url = (
        _read_url("LEEWAY_MLFLOW_DATABASE_URL", given)
        if given
        else ours.set(database="mlflow" if ours.database == OUR_DATABASE else f"{ours.database}_mlflow")
    )
    url = url.set(drivername=DRIVER)
    if not given:
        _ensure_database(ours, str(url.database))
    return url.render_as_string(hide_password=False)


def _our_url(chosen: Settings) -> URL:
    if chosen.database_url:
        return _read_url("LEEWAY_DATABASE_URL", chosen.database_url)
    url = embedded.start(chosen.folder("postgres"))
    _ensure_database(url, OUR_DATABASE)
    return url.set(database=OUR_DATABASE)


def _read_url(variable: str, text: str) -> URL:
    url = None
    with suppress(sa.exc.ArgumentError, ValueError):  # their own words may quote a part of the password
        url = make_url(text)
    if url is None or url.get_backend_name() not in ("postgresql", "postgres"):
        raise StoreError(
            f"reading {variable}",
            problem="it does not read postgresql://user:password@host:port/database",
            found="something else" if url is None else f"{url.drivername}://…",
            hint="correct it; special characters in the password must be percent-encoded",
        )
    return url


def _ensure_database(url: URL, name: str) -> None:
    engine = sa.create_engine(url.set(drivername=DRIVER), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    exists = sa.text("SELECT 1 FROM pg_database WHERE datname = :name")
    with _clear_errors(f"making the database {name}"), engine.connect() as connection:
        if connection.scalar(exists, {"name": name}):
            return
        try:
            connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
            # The planner's own figure is that of a turning disk, with which it reads a whole table sooner than an index.
            connection.execute(sa.text(f'ALTER DATABASE "{name}" SET random_page_cost = 1.1'))
        except sa.exc.DBAPIError:
            if not connection.scalar(exists, {"name": name}):  # else another process was faster
                raise


def _inline(query: sa.Select[Any]) -> str:
    """The query as one text: ADBC takes no SQLAlchemy parameters."""
    # paramstyle: the default one doubles percent signs, for drivers that format; ADBC does not.
    dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
    return str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


@contextmanager
def _clear_errors(action: str) -> Iterator[None]:
    try:
        yield
    except LeewayError:
        raise
    except sa.exc.DBAPIError as error:
        raise _store_error(action, error.orig or error) from error
    except Exception as error:
        if type(error).__module__.startswith("adbc_driver_manager"):
            raise _store_error(action, error) from error
        raise


def _store_error(action: str, cause: BaseException) -> StoreError:
    if (getattr(cause, "pgcode", None) or getattr(cause, "sqlstate", None)) in UNDEFINED:
        return StoreError(
            action,
            problem="a table of the classifier has not what the definition declares",
            found=str(cause).strip().splitlines()[0],
            hint="ingest a partition: it adds what is new in the definition to the tables",
        )
    first_line = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    return StoreError(
        action,
        problem="PostgreSQL is not reachable or refuses",
        found=first_line,
        hint="check that it runs and that LEEWAY_DATABASE_URL is right; nothing was changed, so run this again",
    )
