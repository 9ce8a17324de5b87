"""Profile a table: every guess that `leeway new` makes, in one place, before anything is written."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd

from leeway.definition import RESERVED_COLUMNS, Grain
from leeway.errors import SourceError
from leeway.profiling import expect, reading, roles, values
from leeway.profiling.columns import Column, inspect
from leeway.profiling.leakage import leaks
from leeway.profiling.reading import Sample
from leeway.profiling.roles import DateParts, Outcome

ENOUGH_ROWS = 500  # in a partition, to tell drift from chance
MONTH_MATTERS = timedelta(days=550)
TIME_HOLDOUT, RANDOM_HOLDOUT = 0.25, 0.2
GRAINS: dict[Grain, str] = {"hour": "h", "day": "D", "week": "W-SUN", "month": "M"}
HOURS: dict[Grain, float] = {"hour": 1, "day": 24, "week": 168, "month": 720}

Use = Literal["feature", "event id", "event time", "label", "label time", "entity", "sensitive", "set aside"]


@dataclass(frozen=True)
class Options:
    """What the person said; everything else is guessed.

    Attributes:
        label: one column, or several 0/1 columns.
        id, time, entity, label_time: columns.
        keep: columns that are learnt from whatever speaks against it.
    """

    name: str
    data: str
    label: tuple[str, ...]
    positive: str | None = None
    id: str | None = None
    time: str | None = None
    entity: str | None = None
    label_time: str | None = None
    label_delay: timedelta | None = None
    keep: tuple[str, ...] = ()
    query: str = ""
    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None


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
    )
    sample = reading.draw(table, count=options.label)
    _has_named(options, sample)
    columns = {name: inspect(name, sample.rows[name]) for name in sample.rows.columns}
    outcome = roles.outcome(options.label, sample.rows, sample.counts, sample.total, options.positive)
    others = {name: column for name, column in columns.items() if name not in options.label}

    parts = roles.date_parts(others) if options.time is None else None
    past = {name: column for name, column in others.items() if not _is_future(column, now or datetime.now(UTC))}
    past.pop(options.label_time or "", None)
    event_time = options.time or roles.event_time(past, parts)
    parts = parts if parts is not None and event_time == parts.name else None
    time = None if event_time is None else parts.values if parts is not None else _times(columns[event_time])
    event_id = options.id or roles.event_id(others, lambda name: sample.whole or reading.is_unique(table, name))

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
        _calendar(time),
        expect.suite(features, event_id, deliveries),
        {
            name: _renamed(name)
            for name in used
            if name in RESERVED_COLUMNS and used[name].use in ("feature", "entity", "sensitive")
        },
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
    if column.holds == "constant":
        return "has one value only" if column.missing_share == 0 else None
    if column.holds == "identifier":
        return "identifies a row or an entity"
    return None


def _usable(used: Mapping[str, Used], name: str, time: pd.Series | None) -> bool:
    """Whether a label time may date the labels: it must not lie before the events."""
    known = used[name].column.values
    return time is None or bool((known.dropna() < time.reindex(known.dropna().index)).mean() < 0.001)


def _times(column: Column) -> pd.Series:
    if column.holds != "timestamp":
        raise SourceError(
            f"reading the event time {column.name!r}",
            rule="it must hold dates or times",
            found=f"{column.in_words}, such as {', '.join(column.values.dropna().astype('str').head(3))}",
            way_out="name another column by --time, or leave it out to date events by their arrival",
        )
    return column.values


def _is_future(column: Column, now: datetime) -> bool:
    return column.holds == "timestamp" and bool((column.values > pd.Timestamp(now)).mean() > 0.01)


def _has_named(options: Options, sample: Sample) -> None:
    import difflib

    names = [str(name) for name in sample.rows.columns]
    asked = [*options.label, options.id, options.time, options.entity, options.label_time, *options.keep]
    for name in [name for name in asked if name and name not in names]:
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        shown = ", ".join(names[:12]) + (f", … ({len(names)} in all)" if len(names) > 12 else "")
        raise SourceError(
            f"reading {options.data}",
            rule=f"it must have the column {name!r}",
            found=shown,
            way_out=f"did you mean {close[0]!r}?" if close else "name one of these",
        )


def _grain(time: pd.Series | None, sample: Sample) -> Grain:
    """The finest period that ordinarily has enough rows."""
    if time is None:
        return "day"
    scale = sample.total / max(1, len(sample.rows))
    grains: list[Grain] = ["day", "week"] if values.all_midnight(time) else ["hour", "day", "week"]
    for grain in grains:
        if _keys(time, grain).value_counts().median() * scale >= ENOUGH_ROWS:
            return grain
    return "month" if _keys(time, "month").nunique() >= 6 else "week" if _keys(time, "week").nunique() >= 6 else "day"


def _keys(time: pd.Series, grain: Grain) -> pd.Series:
    return pd.Series(time.dropna().dt.tz_localize(None).dt.to_period(GRAINS[grain]))


def _deliveries(time: pd.Series | None, grain: Grain, sample: Sample) -> expect.Deliveries:
    if time is None:
        return expect.Deliveries(None, [sample.total])
    codes, periods = pd.factorize(_keys(time, grain).reindex(time.index))
    scale = sample.total / len(sample.rows)
    sizes = [int(count * scale) for count in np.bincount(codes[codes >= 0])]
    hours: list[float] = []
    if sample.whole and not values.all_midnight(time):
        last = time.dt.tz_localize(None).groupby(codes).max()
        hours = [(period.end_time - last[code]).total_seconds() / 3_600 for code, period in enumerate(periods)]
    return expect.Deliveries(codes, sizes, hours, HOURS[grain])


def _calendar(time: pd.Series | None) -> tuple[str, ...]:
    if time is None:
        return ()
    parts = () if values.all_midnight(time) else ("hour",)
    long = time.max() - time.min() > MONTH_MATTERS
    return (*parts, "weekday", *(("month",) if long else ()))


def _renamed(name: str) -> str:
    return f"{name}_given"


def duration(text: str) -> timedelta:
    """Read `30d`, `12h`, `2w` or `45min`.

    Raises:
        SourceError: it is none of these.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(min|h|d|w)", text.strip())
    if match is None:
        raise SourceError(
            "reading --label-delay", rule="it must be a number with min, h, d or w", found=text, way_out="such as 30d"
        )
    unit = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks"}[match[2]]
    return timedelta(**{unit: float(match[1])})


def guesses(found: Profile) -> Iterator[tuple[str, str, str]]:
    """What was guessed beside the columns: the question, the answer, and why or how to change it."""
    table, outcome, options = found.sample.table, found.outcome, found.options
    size = f"{found.sample.total:,} rows, {len(found.used)} columns"
    how = {"csv": f"CSV, delimiter {table.delimiter!r}, {table.encoding}", "parquet": "Parquet", "query": "a query"}
    read = "" if found.sample.whole else f"guessed from {len(found.sample.rows):,} rows drawn from all"
    yield "source", f"{how[table.kind]}; {size}", read
    if table.header is not None:
        yield "header", "none; columns are named column_1, column_2, …", "--header, if the first line has names"
    classes = {
        "binary": f"binary, positive is {outcome.classes[0]}",
        "multiclass": f"{len(outcome.classes)} classes",
        "multilabel": f"{len(outcome.classes)} labels, any number of them at once",
    }[outcome.kind]
    rare = min(outcome.rows.values())
    counts = (
        f"{outcome.rows.get(outcome.classes[0], 0):,} rows" if outcome.kind == "binary" else f"the rarest has {rare:,}"
    )
    unlabelled = f", {outcome.unlabelled:,} without a label" if outcome.unlabelled else ""
    rarer = outcome.kind == "binary" and options.positive is None
    yield (
        "label",
        f"{', '.join(outcome.columns)}: {classes}, {counts}{unlabelled}",
        "the rarer one; --positive" if rarer else "",
    )
    yield "event id", found.event_id or "none: rows are told apart by their content", "" if options.id else "--id"
    yield "event time", found.event_time or "none: rows are dated by their arrival", "" if options.time else "--time"
    if found.label_time:
        known = f"at {found.label_time}"
    else:
        known = f"{found.delay} after the event" if found.delay else "with the event"
    early = options.label_time and not found.label_time
    yield (
        "label known",
        known,
        (
            f"{options.label_time} lies before the event in some rows"
            if early
            else ""
            if found.label_time or options.label_delay
            else "--label-time, --label-delay"
        ),
    )
    yield "partition", found.grain, f"the finest with {ENOUGH_ROWS} rows" if found.time is not None else ""
