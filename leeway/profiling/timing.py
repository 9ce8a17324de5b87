"""The event time of a table, and its partitions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd

from leeway.core.errors import SourceError
from leeway.definition.grains import DAY, HOUR, MONTH, WEEK, Grain
from leeway.profiling import expect, querying, roles, values
from leeway.profiling.columns import ColumnProfile
from leeway.profiling.options import Options
from leeway.profiling.reading import Sample
from leeway.profiling.roles import DateParts

ENOUGH_ROWS = 500  # in a partition, to detect drift beyond sampling noise
MOST_HOURS = 400  # of a table that is cut by the hour: each is ingested, scored and monitored by itself
EMPTY = 0.05  # of the periods: from here on empty ones are usual
MONTH_MATTERS = timedelta(days=550)


@dataclass(frozen=True)
class Timing:
    """The event time of a table.

    Attributes:
        column: its name; None where rows are dated by their arrival.
        parts: the three columns that make it up, where it is not one column.
        values: the sampled rows' times, UTC; None where there is no column.
    """

    column: str | None = None
    parts: DateParts | None = None
    values: pd.Series | None = None


def timing(
    options: Options, sample: Sample, columns: Mapping[str, ColumnProfile], now: datetime | None = None
) -> Timing:
    """Choose the event time: the named column, or a guess.

    Args:
        columns: without the label's.

    Raises:
        SourceError: a named column holds no times, or the source cannot select a partition by it.
    """
    past = {name: column for name, column in columns.items() if not _is_future(column, now or datetime.now(UTC))}
    if options.label_time is not None:
        _times(columns[past.pop(options.label_time, columns[options.label_time]).name], "label time")
    parts = roles.date_parts(columns) if options.time is None else None
    bounded = {
        name: column
        for name, column in past.items()
        if sample.table.kind == "query" and _bounds(sample.table.where, column, sample.rows[name])
    }
    name = options.time or roles.event_time(bounded, None) or roles.event_time(past, parts)
    if name is None:
        return Timing()
    if parts is not None and name != parts.name:
        parts = None
    found = Timing(name, parts, parts.values if parts is not None else _times(columns[name], "event time"))
    if sample.table.kind == "query":
        _can_be_bounded(sample.table.where, name, columns.get(name), sample.rows.get(name))
    return found


def grain(time: pd.Series | None, sample: Sample) -> Grain:
    """Choose the finest period that usually has enough rows.

    Hours are chosen only for a short history.
    """
    if time is None:
        return DAY
    scale = sample.total / max(1, len(sample.rows))
    hourly = not values.all_midnight(time) and _spanned(_starts(time, HOUR), HOUR) <= MOST_HOURS
    grains = (HOUR, DAY, WEEK) if hourly else (DAY, WEEK)
    for grain in grains:
        if _starts(time, grain).value_counts().median() * scale >= ENOUGH_ROWS:
            return grain
    return next((grain for grain in (MONTH, WEEK) if _starts(time, grain).nunique() >= 6), DAY)


def has_empty(time: pd.Series | None, grain: Grain) -> bool:
    """Say whether periods without a row are usual."""
    if time is None:
        return False
    starts = _starts(time, grain)
    return bool(1 - starts.nunique() / _spanned(starts, grain) >= EMPTY)


def deliveries(time: pd.Series | None, grain: Grain, sample: Sample) -> expect.Deliveries:
    """Cut the table into the deliveries it would have had."""
    if time is None:
        return expect.Deliveries(None, [sample.total])
    codes, starts = pd.factorize(_starts(time, grain).reindex(time.index), sort=True)
    scale = sample.total / len(sample.rows)
    sizes = [int(count * scale) for count in np.bincount(codes[codes >= 0])]
    hours: list[float] = []
    if sample.whole and not values.all_midnight(time):
        last = time.groupby(codes).max()
        ends = [grain.shift(start.to_pydatetime(), 1) for start in starts]
        hours = [(end - last[code]).total_seconds() / 3_600 for code, end in enumerate(ends)]
    return expect.Deliveries(codes, sizes, hours, grain.length / timedelta(hours=1), exact=sample.whole)


def calendar(time: pd.Series | None) -> tuple[str, ...]:
    """Choose the parts of the event time to learn from."""
    if time is None:
        return ()
    parts = () if values.all_midnight(time) else ("hour",)
    long = time.max() - time.min() > MONTH_MATTERS
    return (*parts, "weekday", *(("month",) if long else ()))


def can_date_labels(known: pd.Series, time: pd.Series | None) -> bool:
    """Say whether a label time is never before the events; a day without a clock is not over before its end."""
    if time is None:
        return True
    given = known.dropna() + (pd.Timedelta(days=1) if values.all_midnight(known) else pd.Timedelta(0))
    return bool((given < time.reindex(given.index)).mean() < 0.001)


def _times(column: ColumnProfile, role: Literal["event time", "label time"]) -> pd.Series:
    if column.holds == "timestamp":
        return column.values
    option, otherwise = {
        "event time": ("--time", "date events by their arrival"),
        "label time": ("--label-time", "add --label-delay"),
    }[role]
    text = column.values.dropna().astype("str")
    unread = values.unread(text)
    some = f"; {len(unread):,} of {len(text):,} values cannot be read" if 0 < len(unread) < len(text) else ""
    raise SourceError(
        f"reading the {role} {column.name!r}",
        problem="the column does not hold dates or times",
        found=f"{column.in_words}{some}, such as {', '.join(unread.unique()[:3])}",
        hint=f"correct them, name another column by {option}, or leave it out and {otherwise}",
    )


def _can_be_bounded(url: str, name: str, column: ColumnProfile | None, raw: pd.Series | None) -> None:
    """Refuse an event time that the database cannot compare.

    A query selects one partition after another by it.

    Raises:
        SourceError: the database cannot compare it with a time.
    """
    if column is not None and raw is not None and _bounds(url, column, raw):
        return
    raise SourceError(
        f"reading the event time {name!r}",
        problem="the database cannot select a partition by it, because its values are no times",
        found=f"values such as {str(raw.dropna().iloc[0])!r}" if raw is not None else "several columns",
        hint="convert it in --query, as in SELECT *, CAST(… AS timestamp) AS at; in SQLite to text as 2026-03-01 13:00:00",
    )


def _bounds(url: str, column: ColumnProfile, raw: pd.Series) -> bool:
    """Say whether the database can compare a column with times."""
    if column.holds != "timestamp" or column.times is None:
        return False
    if set(column.times.formats) & set(values.EPOCHS):
        return querying.dialect(url) in querying.SINCE_1970
    value = raw.dropna().iloc[0]
    return isinstance(value, date) or (
        url.startswith("sqlite") and re.match(r"\d{4}-\d\d-\d\d", str(value)) is not None
    )


def _is_future(column: ColumnProfile, now: datetime) -> bool:
    return column.holds == "timestamp" and bool((column.values > pd.Timestamp(now)).mean() > 0.01)


def _starts(time: pd.Series, grain: Grain) -> "pd.Series[pd.Timestamp]":
    """When the period began that each event lies in."""
    present = time.dropna()
    codes, hours = pd.factorize(present.dt.tz_convert("UTC").dt.floor("h"))
    starts = pd.Series([grain.start_of(hour.to_pydatetime()) for hour in hours], dtype="datetime64[us, UTC]")
    return pd.Series(starts.take(codes).array, index=present.index)


def _spanned(starts: "pd.Series[pd.Timestamp]", grain: Grain) -> int:
    return grain.steps(starts.min().to_pydatetime(), starts.max().to_pydatetime()) + 1
