"""Features as of each event, as one query.

The same expression serves training and scoring.

A history feature looks at what the same entity did strictly before the event: window functions over a RANGE of time whose
frame ends one microsecond, PostgreSQL's resolution, before the event. So no event sees itself, another one of the same
instant, or its future; and a label is seen from the instant at which it became known, not from that of its event.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from leeway.definition import LABEL_AGGREGATES, CalendarPart, Classifier, History
from leeway.definition.partitions import Partition
from leeway.store.tables import Tables, labels_known, tables_of

FOLD_GROUP = "fold_group"
CALENDAR_FIELDS: dict[CalendarPart, str] = {"hour": "hour", "weekday": "isodow", "day": "day", "month": "month"}


class PastWindow(sa.ColumnElement[float]):
    """An aggregate over an entity's earlier rows.

    They lie within `window` before the present row's time; that row is excluded.
    """

    inherit_cache = False

    def __init__(
        self,
        aggregate: sa.ColumnElement[Any],
        *,
        by: sa.ColumnElement[Any],
        at: sa.ColumnElement[Any],
        window: timedelta,
    ) -> None:
        self.aggregate, self.by, self.at, self.window = aggregate, by, at, window
        self.type = sa.Double()


@compiles(PastWindow)
def _past_window(element: PastWindow, compiler: SQLCompiler, **kw: Any) -> str:
    aggregate, by, at = (compiler.process(part, **kw) for part in (element.aggregate, element.by, element.at))
    microseconds = element.window // timedelta(microseconds=1)
    return (
        f"{aggregate} OVER (PARTITION BY {by} ORDER BY {at} RANGE BETWEEN "
        f"INTERVAL '{microseconds} microseconds' PRECEDING AND INTERVAL '1 microsecond' PRECEDING)"
    )


def reach(classifier: Classifier) -> timedelta:
    """Return how far back history features look."""
    return max((item.window for item in classifier.history), default=timedelta(0))


def for_scoring(classifier: Classifier, partition: Partition) -> sa.Select[Any]:
    """Select the features of a partition's events.

    Events are in their present version, ordered by time and id.
    """
    return _features(classifier, partition.start, partition.end, as_of=None)


@dataclass(frozen=True)
class AskedEvent:
    """An event that is asked about and not stored yet.

    Attributes:
        event_id: a stored event of this id is what the request replaces.
        values: of all columns of an event, as they are stored.
    """

    event_id: str
    event_time: datetime
    values: Mapping[str, object]


def for_request(classifier: Classifier, request: AskedEvent) -> sa.Select[Any]:
    """Select the features of one event that is not stored, by the same expressions as those of a partition's events.

    Its entities' events and label arrivals are read as they are stored now.
    """
    tables = tables_of(classifier)
    event = tables.event

    def typed(value: object, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return sa.cast(sa.literal(value, column.type), column.type)

    own = _not_stored(
        sa.literal(request.event_id).label("event_id"),
        typed(request.event_time, event.c.event_time),
        [typed(request.values[name], event.c[name]).label(name) for name in classifier.columns],
    )
    entities = {item.by: request.values[item.by] for item in classifier.history}
    of = [event.c[name] == value for name, value in entities.items() if value is not None]
    start, end = request.event_time - reach(classifier), request.event_time
    return _among_stored(classifier, tables, own, start, end, of, lambda column: column == request.event_id)


def for_rows(classifier: Classifier, rows: sa.TableClause, first: datetime, end: datetime) -> sa.Select[Any]:
    """Select the features of events that are not stored, as if they were.

    They see one another and, by entity, the stored events and label arrivals. Ordered by time and id.

    Args:
        rows: `event_id`, `event_time` and the columns of an event; a stored event of such an id is left out.
        first, end: of the event times, `end` excluded.
    """
    tables = tables_of(classifier)
    event = tables.event
    own = _not_stored(
        rows.c.event_id,
        rows.c.event_time,
        [sa.cast(rows.c[name], event.c[name].type).label(name) for name in classifier.columns],
    )
    entities = sorted({item.by for item in classifier.history})
    of = [event.c[name].in_(sa.select(rows.c[name])) for name in entities]
    mine = sa.select(rows.c.event_id)
    return _among_stored(classifier, tables, own, first - reach(classifier), end, of, lambda column: column.in_(mine))


def for_training(
    classifier: Classifier, *, first: datetime | None, as_of: datetime, until: datetime | None = None
) -> sa.Select[Any]:
    """Select the features of mature labelled events.

    Rows are ordered by time and id. Events and labels are in the version that was known at `as_of`. The stored label
    (`positive` or `label`) and its `known_at` are columns, and so is `fold_group`, the hashed entity of `training.group`,
    where there is one. Labels of a class that is no longer declared are left out.

    Args:
        first: the earliest event time; None for all.
        until: the end of the event times, excluded; adjacent ranges give together what the whole gives.
    """
    outputs = classifier.label.outputs
    known = labels_known(tables_of(classifier), as_of).subquery("known")
    label = known.c[outputs.column]
    mature = as_of - classifier.label.maturity
    end = mature if until is None else min(until, mature)
    features = _features(classifier, first, end, as_of=as_of).order_by(None).subquery("features")
    query = (
        sa.select(features, label, known.c.known_at)
        .join(known, known.c.event_id == features.c.event_id)
        .order_by(features.c.event_time, features.c.event_id)
    )
    return query.where(label.in_(outputs.names)) if outputs.exclusive else query


def _features(
    classifier: Classifier, start: datetime | None, end: datetime, *, as_of: datetime | None
) -> sa.Select[Any]:
    tables = tables_of(classifier)
    timeline = _timeline(classifier, tables, None if start is None else start - reach(classifier), end, as_of).cte(
        "timeline"
    )
    group = [] if as_of is None or classifier.training.group is None else [_pseudonym(timeline, classifier)]
    rows = _rows(classifier, timeline, group)
    wanted = [rows.c[name] for name in ("event_id", "event_time", *classifier.features, *(item.name for item in group))]
    query = sa.select(*wanted).where(rows.c.is_event).order_by(rows.c.event_time, rows.c.event_id)
    return query if start is None else query.where(rows.c.event_time >= start)


def _rows(classifier: Classifier, timeline: sa.CTE, group: Sequence[sa.Label[str]]) -> sa.Subquery:
    """Select the features of a timeline's rows."""
    own = [timeline.c[name] for name in classifier.columns if name in classifier.features]
    clock = classifier.source.timezone
    calendar = [
        _calendar_part(part, _time(timeline, column), clock).label(name)
        for name, (column, part) in classifier.calendar_features.items()
    ]
    spans = [
        _days(_time(timeline, start), timeline.c[end]).label(name) for name, (start, end) in classifier.spans.items()
    ]
    history = [_history(item, timeline).label(item.name) for item in classifier.history]
    return sa.select(
        timeline.c.event_id,
        timeline.c.at.label("event_time"),
        timeline.c.is_event,
        *own,
        *calendar,
        *spans,
        *history,
        *group,
    ).subquery("rows")


def _not_stored(
    event_id: sa.ColumnElement[str], at: sa.ColumnElement[datetime], columns: Sequence[sa.ColumnElement[Any]]
) -> sa.Select[Any]:
    """Select events that are not stored, as `_timeline` selects those that are."""
    none = sa.cast(sa.null(), sa.Boolean).label("positive")
    return sa.select(event_id, at.label("at"), sa.true().label("is_event"), none, *columns)


def _among_stored(
    classifier: Classifier,
    tables: Tables,
    own: sa.Select[Any],
    start: datetime,
    end: datetime,
    of: Sequence[sa.ColumnElement[bool]],
    is_own: Callable[[sa.ColumnElement[str]], sa.ColumnElement[bool]],
) -> sa.Select[Any]:
    """Select the features of events that are not stored, among the stored ones of their entities.

    Args:
        own: these events, as `_not_stored` selects them.
        start, end: of the stored rows, `end` excluded.
        of: a stored row must fulfil one of these; without any, none is read.
        is_own: whether an id is of one of these events; stored events of such an id are left out.
    """
    parts = [own]
    if of:
        earlier = _timeline(classifier, tables, start, end, None, of=sa.or_(*of), but=is_own(tables.event.c.event_id))
        parts += cast("list[sa.Select[Any]]", earlier.selects) if isinstance(earlier, sa.CompoundSelect) else [earlier]
    rows = _rows(classifier, (sa.union_all(*parts) if len(parts) > 1 else own).cte("timeline"), [])
    wanted = [rows.c[name] for name in ("event_id", "event_time", *classifier.features)]
    query = sa.select(*wanted).where(rows.c.is_event, is_own(rows.c.event_id))
    return query.order_by(rows.c.event_time, rows.c.event_id)


def _timeline(
    classifier: Classifier,
    tables: Tables,
    start: datetime | None,
    end: datetime,
    as_of: datetime | None,
    *,
    of: sa.ColumnElement[bool] | None = None,
    but: sa.ColumnElement[bool] | None = None,
) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    """Select events, and label arrivals where features need them.

    Args:
        of: what events must fulfil.
        but: what those that are left out fulfil.
    """
    event, label = tables.event, tables.label
    current: sa.ColumnElement[bool] = event.c.superseded_at.is_(None)
    if as_of is not None:
        current = (event.c.known_at <= as_of) & (current | (event.c.superseded_at > as_of))
    current = current if of is None else current & of
    columns = [event.c[name] for name in classifier.columns]
    none = sa.cast(sa.null(), sa.Boolean).label("positive")
    events = sa.select(event.c.event_id, event.c.event_time.label("at"), sa.true().label("is_event"), none, *columns)
    events = events.where(current, event.c.event_time < end)
    if start is not None:
        events = events.where(event.c.event_time >= start)
    if but is not None:
        events = events.where(~but)
    if not any(item.aggregate in LABEL_AGGREGATES for item in classifier.history):
        return events
    arrivals = (
        sa.select(event.c.event_id, label.c.known_at, sa.false(), label.c.positive, *columns)
        .join(label, label.c.event_id == event.c.event_id)
        .where(current, label.c.known_at < end)
    )
    if start is not None:
        arrivals = arrivals.where(label.c.known_at >= start)
    return sa.union_all(events, arrivals)


def _time(timeline: sa.CTE, column: str | None) -> sa.ColumnElement[datetime]:
    return timeline.c.at if column is None else timeline.c[column]


def _calendar_part(part: CalendarPart, time: sa.ColumnElement[datetime], clock: str) -> sa.ColumnElement[float]:
    return sa.cast(sa.extract(CALENDAR_FIELDS[part], sa.func.timezone(clock, time)), sa.Double)


def _days(start: sa.ColumnElement[datetime], end: sa.ColumnElement[datetime]) -> sa.ColumnElement[float]:
    return sa.cast(sa.extract("epoch", end - start) / 86_400, sa.Double)


def _pseudonym(timeline: sa.CTE, classifier: Classifier) -> sa.Label[str]:
    """Hash the entity by which validation is grouped.

    Only whether two rows share it matters.
    """
    return sa.func.md5(timeline.c[str(classifier.training.group)]).label(FOLD_GROUP)


def _history(item: History, timeline: sa.CTE) -> sa.ColumnElement[Any]:
    by = timeline.c[item.by]
    past = PastWindow(_aggregate(item, timeline), by=by, at=timeline.c.at, window=item.window)
    value: sa.ColumnElement[Any] = sa.cast(past, sa.Double)
    if item.aggregate == "std":
        value = sa.func.sqrt(value)  # PostgreSQL's own deviation of numerics keeps only half of the digits
    if item.aggregate in ("count", "sum", "positives"):
        value = sa.func.coalesce(value, 0.0)
    return sa.case((by.is_not(None), value))  # nobody shares the history of an unknown entity


def _aggregate(item: History, timeline: sa.CTE) -> sa.ColumnElement[Any]:
    match item.aggregate:
        case "count":
            return sa.func.count().filter(timeline.c.is_event)
        case "positives":
            return sa.func.count().filter(timeline.c.positive)
        case "positive_rate":
            # numeric, because only its aggregates can slide; aggregates of floats start anew at every row
            return sa.func.avg(sa.cast(sa.cast(timeline.c.positive, sa.Integer), sa.Numeric))
    column = timeline.c[str(item.over)]
    # PostgreSQL has no cast from a boolean to anything but an integer.
    over = sa.cast(sa.cast(column, sa.Integer) if isinstance(column.type, sa.Boolean) else column, sa.Double)
    if item.aggregate in ("min", "max"):
        extreme = sa.func.min(over) if item.aggregate == "min" else sa.func.max(over)
        return extreme.filter(timeline.c.is_event)
    number = sa.cast(over, sa.Numeric)
    match item.aggregate:
        case "sum":
            return sa.func.sum(number).filter(timeline.c.is_event)
        case "mean":
            return sa.func.avg(number).filter(timeline.c.is_event)
        case _:
            return sa.func.var_samp(number).filter(timeline.c.is_event)
