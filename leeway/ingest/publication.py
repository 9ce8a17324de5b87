"""Publication of an audited delivery, in one transaction.

It writes events, labels, quarantine and the ledger's line.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from leeway.core.errors import DeliveryRejected
from leeway.definition import Classifier, Kind
from leeway.definition.partitions import Partition
from leeway.ingest import deliveries, meaning
from leeway.ingest.audit import Audit, audit_path
from leeway.ingest.contract import KNOWN_AT, Checked, check_delivery, row_hash
from leeway.store import ledger
from leeway.store.database import database, drop_staged, tell_planner
from leeway.store.schemas import ensure_tables
from leeway.store.tables import INSTANT as INSTANT_TYPE
from leeway.store.tables import Tables

INSTANT = pa.timestamp("us", tz="UTC")
ARROW_TYPES: dict[Kind, pa.DataType] = {
    "numeric": pa.float64(),
    "boolean": pa.bool_(),
    "categorical": pa.string(),
    "text": pa.string(),
    "timestamp": INSTANT,
    "identifier": pa.string(),
}


@dataclass(frozen=True)
class Published:
    """The counts of a publication.

    Attributes:
        changed: whether anything was written; a second publication of the same delivery changes nothing.
        rows: good rows in the delivery.
        new, revised: events seen for the first time, and events with new content; without an id, also events that are gone.
        labels: labels that are new or corrected.
        quarantined: rows in quarantine.
        repeated: exact repetitions of another row of the delivery.
    """

    changed: bool
    delivery: str
    rows: int
    new: int
    revised: int
    labels: int
    quarantined: int
    repeated: int


def published(classifier: Classifier, partition: Partition, delivery: str, suite: str) -> Published | None:
    """Return the counts of an earlier publication, if any.

    It must be of the same delivery, under the same suite.
    """
    with database().transaction() as connection:
        entry = ledger.entry(connection, classifier.name, partition, "ingest")
    if entry is None or entry.status != "done" or entry.input != {"delivery": delivery, "suite": suite}:
        return None
    return Published(changed=False, delivery=delivery, **entry.output)


def publish(classifier: Classifier, partition: Partition, delivery: str, suite: str) -> Published:
    """Publish the good rows of an audited delivery.

    Each row becomes a new event or a later version of one; an identical one is skipped. So it is with labels.

    Args:
        suite: the fingerprint of definition and suite, for the ledger.

    Raises:
        DeliveryRejected: the delivery failed its audit.
    """
    audit = Audit.load(audit_path(classifier.name, partition, delivery))
    audit.must_pass(f"publishing {classifier.name} {partition}")
    store = database()
    staged = store.staged(_staging_name(classifier, partition, audit), audit.at)
    if staged is None:
        staged = stage(classifier, partition, audit)
    raw = deliveries.read(classifier.name, partition, delivery) if audit.broken else pd.DataFrame()
    with store.transaction() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"publish {classifier.name}"))))
        tables = ensure_tables(connection, classifier)
        meaning.must_be_adopted(connection, classifier, f"publishing {classifier.name} {partition}")
        # Read under the lock: the transaction's own time may lie before that of a publication it waited for.
        now = sa.literal(connection.scalar(sa.select(sa.func.clock_timestamp())), INSTANT_TYPE)
        counts = _events(connection, tables, staged, partition, delivery, now)
        if classifier.event_id is None:
            counts["revised"] += _withdraw(connection, tables, staged, partition, now)
        counts["labels"] = write_labels(connection, tables, staged, classifier.label.outputs.column, delivery, now)
        repeated = frozenset(audit.repeated)
        counts["quarantined"] = quarantine(connection, tables, raw, audit.broken, repeated, partition.key, delivery)
        good = connection.execute(sa.select(sa.func.count()).select_from(staged)).scalar_one()
        output = {"rows": good, "repeated": len(repeated), **counts}
        source = {"delivery": delivery, "suite": suite}
        ledger.record(connection, classifier.name, partition, "ingest", input=source, output=output)
        drop_staged(connection, staged)
    return Published(changed=True, delivery=delivery, **output)


def stage(classifier: Classifier, partition: Partition, audit: Audit) -> sa.TableClause:
    """Write the good rows of a delivery into a staging table.

    `publish` takes them from there. A worker that audits for another process calls this, too.
    """
    moment = datetime.fromisoformat(audit.at)
    _, checked = check_delivery(classifier, partition, audit.delivery, now=moment)
    good = _good_rows(classifier, checked, audit)
    return database().stage(_staging_name(classifier, partition, audit), good, mark=audit.at)


def _staging_name(classifier: Classifier, partition: Partition, audit: Audit) -> str:
    return f"{classifier.name}_{partition.key.replace('-', '')}_{audit.delivery[:8]}"


def reject(classifier: Classifier, partition: Partition, delivery: str, suite: str, error: DeliveryRejected) -> None:
    """Record a rejected delivery in the ledger.

    Events of an earlier delivery stay.
    """
    with database().transaction() as connection:
        ensure_tables(connection, classifier)
        ledger.record(
            connection,
            classifier.name,
            partition,
            "ingest",
            status="rejected",
            input={"delivery": delivery, "suite": suite},
            output={"reason": f"{error.problem} (found: {error.found})"},
        )


def _good_rows(classifier: Classifier, checked: Checked, audit: Audit) -> pa.Table:
    kept = checked.rows.index.difference([*audit.broken, *checked.repeated])
    rows = checked.rows.loc[kept]
    kinds = {name: ARROW_TYPES[column.kind] for name, column in classifier.columns.items()}
    columns = {
        "event_id": (rows[classifier.id_column], pa.string()),
        "event_time": (rows[classifier.time_column], INSTANT),
        **{name: (rows[name], kind) for name, kind in kinds.items()},
    }
    own = {name: pa.array(values, type=kind, from_pandas=True) for name, (values, kind) in columns.items()}
    return pa.table({**own, **label_arrays(classifier, checked, kept)})


def label_arrays(classifier: Classifier, checked: Checked, kept: "pd.Index[int]") -> dict[str, pa.Array]:
    """Return the label columns of a staging table.

    Args:
        kept: the checked rows that are published.
    """
    outputs = classifier.label.outputs
    return {
        outputs.column: pa.array(checked.labels[kept], type=outputs.arrow_type, from_pandas=True),
        KNOWN_AT: pa.array(checked.rows.loc[kept, KNOWN_AT], type=INSTANT, from_pandas=True),
    }


def _events(
    connection: Connection,
    tables: Tables,
    staged: sa.TableClause,
    partition: Partition,
    delivery: str,
    now: sa.ColumnElement[datetime],
) -> Counter[str]:
    event = tables.event
    content = [name for name in [*staged.c.keys()] if name not in ("event_id", "positive", "label", "label_known_at")]
    differs = sa.tuple_(*(event.c[name] for name in content)).is_distinct_from(
        sa.tuple_(*(staged.c[name] for name in content))
    )
    current = event.c.superseded_at.is_(None) & (event.c.event_id == staged.c.event_id)
    revised = connection.execute(sa.update(event).where(current, differs).values(superseded_at=now)).rowcount

    # An event of the partition's first delivery was known at the partition's end, or now, if it is not over; a revision or
    # a late event, only now.
    inside = event.c.event_time.between(partition.start, partition.end - timedelta(microseconds=1))
    at_first = (
        now
        if connection.scalar(sa.select(sa.exists().where(inside)))
        else sa.func.least(sa.literal(partition.end, INSTANT_TYPE), now)
    )
    seen = sa.exists().where(event.c.event_id == staged.c.event_id)
    known_at = sa.case((seen, now), else_=at_first)
    origin = [sa.literal(partition.key), sa.literal(delivery)]
    unchanged = sa.exists().where(current)
    fresh = sa.select(staged.c.event_id, known_at, *origin, *(staged.c[name] for name in content)).where(~unchanged)
    names = ["event_id", "known_at", "partition", "delivery", *content]
    written = connection.execute(sa.insert(event).from_select(names, fresh)).rowcount
    tell_planner(connection, event, written)
    return Counter(new=written - revised, revised=revised)


def _withdraw(
    connection: Connection,
    tables: Tables,
    staged: sa.TableClause,
    partition: Partition,
    now: sa.ColumnElement[datetime],
) -> int:
    """Close the events that the delivery has no longer.

    Without an id, a changed row is another event.
    """
    event = tables.event
    # By the time too, which has an index: events are not looked up by their partition otherwise.
    inside = event.c.event_time.between(partition.start, partition.end - timedelta(microseconds=1))
    gone = inside & (event.c.partition == partition.key) & event.c.superseded_at.is_(None)
    delivered = sa.exists().where(staged.c.event_id == event.c.event_id)
    return connection.execute(sa.update(event).where(gone, ~delivered).values(superseded_at=now)).rowcount


def write_labels(
    connection: Connection,
    tables: Tables,
    staged: sa.TableClause,
    column: str,
    delivery: str,
    now: sa.ColumnElement[datetime],
) -> int:
    """Write the staged labels that are new or changed.

    Returns:
        How many were written.
    """
    label = tables.label
    latest = (
        sa.select(label.c.event_id, label.c[column], label.c.known_at)
        .distinct(label.c.event_id)
        .where(label.c.event_id.in_(sa.select(staged.c.event_id)))
        .order_by(label.c.event_id, label.c.known_at.desc())
        .subquery()
    )
    # A correction dated no later than the label it corrects is known from now on; or right after that label, where the
    # label lies in the future: the newest version must come last.
    after = sa.func.greatest(now, latest.c.known_at + timedelta(microseconds=1))
    known_at = sa.case((staged.c.label_known_at <= latest.c.known_at, after), else_=staged.c.label_known_at)
    changed = (
        sa.select(staged.c.event_id, known_at, staged.c[column], sa.literal(delivery))
        .select_from(staged.outerjoin(latest, latest.c.event_id == staged.c.event_id))
        .where(staged.c[column].is_not(None), staged.c[column].is_distinct_from(latest.c[column]))
    )
    names = ["event_id", "known_at", column, "delivery"]
    written = connection.execute(sa.insert(label).from_select(names, changed)).rowcount
    tell_planner(connection, label, written)
    return written


def quarantine(
    connection: Connection,
    tables: Tables,
    raw: pd.DataFrame,
    broken: Mapping[int, list[str]],
    repeated: frozenset[int],
    key: str,
    delivery: str,
) -> int:
    """Store the broken rows with the rules that they broke.

    Args:
        key: of the partition, or of the batch of labels.

    Returns:
        How many rows are broken.
    """
    table = tables.quarantine
    # The newest audit counts for the partition; older deliveries keep their rows in their files.
    connection.execute(sa.delete(table).where(table.c.partition == key))
    if not broken:
        return 0
    rows: dict[str, dict[str, Any]] = {}
    # Every row's first position comes before its repetitions, and has all the rules that it broke.
    for position, row in _as_json(raw, sorted({*broken, *repeated})):
        hashed = row_hash(row)
        if hashed not in rows and position in broken:
            rows[hashed] = {"occurrences": 0, "broken": broken[position], "row": row}
        if hashed in rows:
            rows[hashed]["occurrences"] += 1
    if rows:
        values = [{"row_hash": hashed, "partition": key, "delivery": delivery, **row} for hashed, row in rows.items()]
        statement = insert(table).on_conflict_do_nothing()
        connection.execute(statement, values)
    return len(broken)


def _as_json(raw: pd.DataFrame, positions: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    values = {str(name): [_plain(value) for value in raw[name].iloc[positions].tolist()] for name in raw.columns}
    for place, position in enumerate(positions):
        yield position, {name: column[place] for name, column in values.items()}


def _plain(value: Any) -> object:
    """Return a value that JSON and PostgreSQL can hold.

    Any other value becomes its text.
    """
    if isinstance(value, bool | int):
        return value
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if isinstance(value, float) and math.isfinite(value):
        return value
    return (value.isoformat() if isinstance(value, date) else str(value)).replace("\0", "\\0")
