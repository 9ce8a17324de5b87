"""Profile a table: every guess that `leeway new` makes, in one place, before anything is written."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args

import numpy as np
import pandas as pd

from leeway.definition import MAX_IDENTIFIER, RESERVED_COLUMNS, CalendarPart, Grain
from leeway.errors import SourceError
from leeway.profiling import expect, reading, roles, values
from leeway.profiling.columns import Column, inspect
from leeway.profiling.leakage import leaks
from leeway.profiling.options import Options, one_role_each
from leeway.profiling.reading import Sample, Table
from leeway.profiling.roles import DateParts, Outcome

ENOUGH_ROWS = 500  # in a partition, to tell drift from chance
MOST_HOURS = 400  # of a table that is cut by the hour: each is ingested, scored and monitored by itself
REPEATED = 0.9  # different values of all, below which an identifier is of something that has several rows
EMPTY = 0.05  # of the periods, from which on empty ones are no accident
MONTH_MATTERS = timedelta(days=550)
TIME_HOLDOUT, RANDOM_HOLDOUT = 0.25, 0.2
GRAINS: dict[Grain, str] = {"hour": "h", "day": "D", "week": "W-SUN", "month": "M"}
HOURS: dict[Grain, float] = {"hour": 1, "day": 24, "week": 168, "month": 720}

Use = Literal["feature", "event id", "event time", "label", "label time", "entity", "sensitive", "set aside"]


@dataclass(frozen=True)
class Used:
    """What becomes of one column, and why."""

    column: Column
    use: Use
    why: str = ""


@dataclass(frozen=True)
class Profile:
    """A table and everything that was guessed about it.

    Attributes:
        used: every column of the source, in its order.
        event_id: None where rows are told apart by their content.
        event_time: None where rows are dated by their arrival.
        parts: the three columns that make up the event time, where it is not one column.
        delay: how long after the event its label is known, where no column says so.
        empty_partitions: whether there are periods without a row between the first and the last.
        calendar: parts of the event time to learn from.
        renamed: columns whose names are Leeway's own, by their new name.
    """

    options: Options
    sample: Sample
    outcome: Outcome
    used: dict[str, Used]
    event_id: str | None
    event_time: str | None
    parts: DateParts | None
    time: pd.Series | None
    label_time: str | None
    delay: timedelta
    grain: Grain
    empty_partitions: bool
    calendar: tuple[str, ...]
    expectations: list[expect.Expectation]
    renamed: dict[str, str] = field(default_factory=dict)

    @property
    def declared(self) -> dict[str, Used]:
        """The columns that the definition names as columns of an event."""
        return {name: used for name, used in self.used.items() if used.use in ("feature", "entity", "sensitive")}


def profile(options: Options, *, now: datetime | None = None) -> Profile:
    """Read a sample and guess.

    Raises:
        SourceError: the data cannot be read, lacks a column that was named, or has a label that cannot be learnt.
    """
    table = reading.describe(
        options.data,
        sql=options.query,
        delimiter=options.delimiter,
        encoding=options.encoding,
        header=options.header,
        named=[name for names in options.named.values() for name in names],
    )
    one_role_each(options)
    sample = reading.draw(table, count=options.label)
    _has_named(options, sample)
    columns = {name: inspect(name, sample.rows[name], whole=sample.whole) for name in sample.rows.columns}
    _hold_single_values(options, columns)
    outcome = roles.outcome(options.label, sample.rows, sample.counts, sample.total, options.positive)
    others = {name: column for name, column in columns.items() if name not in options.label}

    parts = roles.date_parts(others) if options.time is None else None
    past = {name: column for name, column in others.items() if not _is_future(column, now or datetime.now(UTC))}
    if options.label_time is not None:
        _times(columns[past.pop(options.label_time, columns[options.label_time]).name], "label time")
    event_time = options.time or roles.event_time(past, parts)
    parts = parts if parts is not None and event_time == parts.name else None
    time = (
        None if event_time is None else parts.values if parts is not None else _times(columns[event_time], "event time")
    )
    if table.kind == "query" and event_time is not None:
        _can_be_bounded(table, event_time, None if parts is not None else sample.rows[event_time])
    taken = {event_time, options.entity, options.label_time, *options.keep}
    free = {name: column for name, column in others.items() if name not in taken}
    event_id = options.id or roles.event_id(free, lambda name: sample.whole or not any(_repetitions(sample, name)))
    if options.id is not None:
        _identifies(options.id, sample)

    used = _uses(options, columns, outcome, event_id, event_time, parts, time)
    label_time = options.label_time if options.label_time and _usable(used, options.label_time, time) else None
    grain = _grain(time, sample)
    features = [item.column for item in used.values() if item.use == "feature"]
    if not features and not (parts or time is not None):
        raise SourceError(
            f"profiling {options.data}",
            rule="there must be a column to learn from",
            found="; ".join(f"{name}: {item.why or item.use}" for name, item in list(used.items())[:6]),
            way_out="name a column that must stay by --keep, or give a table with more columns",
        )
    deliveries = _deliveries(time, grain, sample)
    return Profile(
        options,
        sample,
        outcome,
        used,
        event_id,
        event_time,
        parts,
        time,
        label_time,
        options.label_delay or timedelta(0),
        grain,
        _has_empty(time, grain),
        _calendar(time),
        expect.suite(features, event_id, deliveries),
        _renamed([item.column for item in used.values() if item.use in ("feature", "entity", "sensitive")]),
    )


def _uses(
    options: Options,
    columns: Mapping[str, Column],
    outcome: Outcome,
    event_id: str | None,
    event_time: str | None,
    parts: DateParts | None,
    time: pd.Series | None,
) -> dict[str, Used]:
    roles_of: dict[str, Use] = dict.fromkeys(options.label, "label")
    for name, use in ((event_id, "event id"), (event_time, "event time"), (options.entity, "entity")):
        if name is not None:
            roles_of[name] = use  # type: ignore[assignment]
    if options.label_time:
        roles_of[options.label_time] = "label time"
    part_names = {parts.year, parts.month, parts.day} if parts is not None else set()
    used: dict[str, Used] = {}
    candidates: dict[str, Column] = {}
    for name, column in columns.items():
        if name in roles_of:
            used[name] = Used(column, roles_of[name])
        elif name in options.keep:
            used[name] = Used(column, "feature", "kept, as asked")
        elif (reason := _no_feature(column, part_names, parts)) is not None:
            used[name] = Used(column, "sensitive" if column.personal else "set aside", reason)
        else:
            used[name] = Used(column, "feature")
            candidates[name] = column
    for name, leak in leaks(candidates, outcome, time).items():
        used[name] = Used(columns[name], "set aside", leak.why)
    return {name: used[name] for name in columns}


def _no_feature(column: Column, part_names: set[str], parts: DateParts | None) -> str | None:
    if column.personal:
        return f"looks like a person's {column.personal}"
    if column.name in part_names and parts is not None:
        return f"a part of {parts.name}"
    if column.holds == "empty":
        return "has no value"
    if column.holds == "nested":
        return "holds lists or records, not single values"
    if column.holds == "constant":
        return "has one value only" if column.missing_share == 0 else None
    if column.holds == "identifier":
        several = column.distinct < REPEATED * column.values.notna().sum()
        return "identifies an entity of several rows; --entity makes use of it" if several else "identifies a row"
    return None


def _usable(used: Mapping[str, Used], name: str, time: pd.Series | None) -> bool:
    """Whether a label time may date the labels: it must not lie before the events."""
    known = used[name].column.values
    return time is None or bool((known.dropna() < time.reindex(known.dropna().index)).mean() < 0.001)


def _times(column: Column, role: Literal["event time", "label time"]) -> pd.Series:
    if column.holds == "timestamp":
        return column.values
    option, otherwise = {
        "event time": ("--time", "date events by their arrival"),
        "label time": ("--label-time", "say --label-delay"),
    }[role]
    text = column.values.dropna().astype("str")
    unread = values.unread(text)
    some = f"; {len(unread):,} of {len(text):,} values cannot be read" if 0 < len(unread) < len(text) else ""
    raise SourceError(
        f"reading the {role} {column.name!r}",
        rule="it must hold dates or times",
        found=f"{column.in_words}{some}, such as {', '.join(unread.unique()[:3])}",
        way_out=f"correct them, name another column by {option}, or leave it out and {otherwise}",
    )


def _can_be_bounded(table: Table, name: str, raw: pd.Series | None) -> None:
    """A query is asked for one partition after another, by what its database can compare.

    Raises:
        SourceError: it cannot compare the event times.
    """
    value = None if raw is None else raw.dropna().iloc[0]
    if isinstance(value, date):
        return
    text = "" if value is None else str(value)
    if table.where.startswith("sqlite") and re.match(r"\d{4}-\d\d-\d\d", text):
        return
    raise SourceError(
        f"reading the event time {name!r}",
        rule="the database must be able to tell the rows of a partition by it, so it must hold a time as one",
        found=f"values such as {text!r}" if text else "several columns",
        way_out="convert it in --query, as in SELECT *, CAST(… AS timestamp) AS at; in SQLite to text as 2026-03-01 13:00:00",
    )


def _repetitions(sample: Sample, name: str) -> tuple[int, int]:
    if sample.whole:
        return reading.repetitions_in([sample.rows[name]])
    return reading.repetitions(sample.table, name)


def _identifies(name: str, sample: Sample) -> None:
    missing, repeated = _repetitions(sample, name)
    if missing or repeated:
        found = [f"{repeated:,} rows repeat another's"] if repeated else []
        found += [f"{missing:,} rows have none"] if missing else []
        raise SourceError(
            f"reading the event id {name!r}",
            rule="every row must have one of its own",
            found=f"{' and '.join(found)}, of {sample.total:,}",
            way_out="name another column by --id, or leave it out: rows are told apart by their content then",
        )


def _is_future(column: Column, now: datetime) -> bool:
    return column.holds == "timestamp" and bool((column.values > pd.Timestamp(now)).mean() > 0.01)


def _has_named(options: Options, sample: Sample) -> None:
    names = [str(name) for name in sample.rows.columns]
    asked = [name for named in options.named.values() for name in named]
    for name in [name for name in asked if name not in names]:
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        shown = ", ".join(names[:12]) + (f", … ({len(names)} in all)" if len(names) > 12 else "")
        raise SourceError(
            f"reading {options.data}",
            rule=f"it must have the column {name!r}",
            found=shown,
            way_out=f"did you mean {close[0]!r}?" if close else "name one of these",
        )


def _hold_single_values(options: Options, columns: Mapping[str, Column]) -> None:
    for option in ("--keep", "--entity"):
        for name in options.named.get(option, ()):
            if columns[name].holds == "nested":
                raise SourceError(
                    f"reading {option} {name!r}",
                    rule="it must hold single values",
                    found="lists or records",
                    way_out="leave it out, or make single values of it in a query or a file of your own",
                )


def _grain(time: pd.Series | None, sample: Sample) -> Grain:
    """The finest period that ordinarily has enough rows; hours only of a short history, of which there are not too many."""
    if time is None:
        return "day"
    scale = sample.total / max(1, len(sample.rows))
    hourly = not values.all_midnight(time) and _spanned(_keys(time, "hour")) <= MOST_HOURS
    grains: list[Grain] = ["hour", "day", "week"] if hourly else ["day", "week"]
    for grain in grains:
        if _keys(time, grain).value_counts().median() * scale >= ENOUGH_ROWS:
            return grain
    return "month" if _keys(time, "month").nunique() >= 6 else "week" if _keys(time, "week").nunique() >= 6 else "day"


def _keys(time: pd.Series, grain: Grain) -> pd.Series:
    periods: pd.Series = time.dropna().dt.tz_localize(None).dt.to_period(GRAINS[grain])
    return periods


def _has_empty(time: pd.Series | None, grain: Grain) -> bool:
    """Whether periods without a row are usual: in a sample, of those that have hundreds otherwise."""
    if time is None:
        return False
    keys = _keys(time, grain)
    return bool(1 - keys.nunique() / _spanned(keys) >= EMPTY)


def _spanned(keys: pd.Series) -> int:
    return int((keys.max() - keys.min()).n) + 1


def _deliveries(time: pd.Series | None, grain: Grain, sample: Sample) -> expect.Deliveries:
    if time is None:
        return expect.Deliveries(None, [sample.total])
    codes, periods = pd.factorize(_keys(time, grain).reindex(time.index), sort=True)
    scale = sample.total / len(sample.rows)
    sizes = [int(count * scale) for count in np.bincount(codes[codes >= 0])]
    hours: list[float] = []
    if sample.whole and not values.all_midnight(time):
        last = time.dt.tz_localize(None).groupby(codes).max()
        hours = [(period.end_time - last[code]).total_seconds() / 3_600 for code, period in enumerate(periods)]
    return expect.Deliveries(codes, sizes, hours, HOURS[grain], exact=sample.whole)


def _calendar(time: pd.Series | None) -> tuple[str, ...]:
    if time is None:
        return ()
    parts = () if values.all_midnight(time) else ("hour",)
    long = time.max() - time.min() > MONTH_MATTERS
    return (*parts, "weekday", *(("month",) if long else ()))


def _renamed(columns: Sequence[Column]) -> dict[str, str]:
    """New names for the columns whose own are Leeway's, or too long for the database, or none."""
    names = [column.name for column in columns]
    dated = ["event", *(column.name for column in columns if column.holds == "timestamp")]
    taken = RESERVED_COLUMNS | {f"{name}_{part}" for name in dated for part in get_args(CalendarPart)}
    if "event" in dated[1:]:
        taken |= {"event"}
    renamed: dict[str, str] = {}
    for name in names:
        if name and name not in taken and len(name.encode()) <= MAX_IDENTIFIER:
            continue
        short = name.encode()[: MAX_IDENTIFIER - 10].decode(errors="ignore").strip() or "column"
        new, number = f"{short}_given", 2
        while new in names or new in renamed.values():
            new, number = f"{short}_given{number}", number + 1
        renamed[name] = new
    return renamed
