"""The definition as a contract on raw rows.

Values are cast to their kinds; a value that cannot be cast breaks a rule. These rules hold for every classifier, before its own
suite is evaluated: a value that cannot be stored as its kind, an event without identity or time, a label that is no class.
"""

import difflib
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from leeway.core.errors import DeliveryRejected
from leeway.core.outputs import class_text
from leeway.core.value_text import as_text
from leeway.definition import Classifier, Kind, Label, Rows
from leeway.definition.partitions import Partition
from leeway.ingest import deliveries
from leeway.ingest.content_id import content_hashes, numbered
from leeway.ingest.numbers import Style, read_numbers
from leeway.ingest.reading.unread import UNREAD, fault_of
from leeway.ingest.times import EPOCH_UNITS, FIRST, are_days, read_times, unlikely_unit

TRUE, FALSE = frozenset({"true", "t", "yes", "y", "1"}), frozenset({"false", "f", "no", "n", "0"})

KNOWN_AT = "label_known_at"
Fault = Callable[[pd.Series, str], None]


@dataclass(frozen=True)
class Checked:
    """A delivery's rows, cast, with the rules they break.

    Attributes:
        rows: the source's column names, a RangeIndex as in the delivery; a binary label, and columns of one class each, as
            nullable booleans, other labels as text; and the further column `label_known_at`.
        labels: each row's label as it is stored: a truth value, a class, or a list of classes; missing where it is unknown.
        broken: the broken rules by row position.
        repeated: positions of exact repetitions of an earlier row, which are not stored again.
        unread: positions of lines that are no rows.
    """

    rows: pd.DataFrame
    labels: "pd.Series[Any]"
    broken: dict[int, list[str]] = field(default_factory=dict)
    repeated: frozenset[int] = frozenset()
    unread: frozenset[int] = frozenset()


def check(classifier: Classifier, partition: Partition, raw: pd.DataFrame, *, now: datetime) -> Checked:
    """Cast raw rows to the declared kinds.

    Raises:
        DeliveryRejected: a declared column is missing, or there is no row and `empty_partitions` is not set.
    """
    _complete(classifier, partition, raw)
    unread = fault_of(raw)
    lines = frozenset(np.flatnonzero(unread.notna().to_numpy()).tolist())
    broken = {position: [str(unread.iloc[position])] for position in sorted(lines)}
    cast: dict[str, pd.Series] = {}
    raw = raw.drop(columns=UNREAD, errors="ignore")

    def fault(mask: pd.Series, rule: str) -> None:
        for position in np.flatnonzero(mask.to_numpy(dtype=bool) & unread.isna().to_numpy()):
            broken.setdefault(int(position), []).append(rule)

    time = classifier.time_column
    cast[time] = times = times_of(classifier.source, raw, time)
    must_be_times(classifier.source, raw[time], times, fault)
    fault(times > now, f"{time}: must not lie in the future")
    outside = ((times < partition.start) | (times >= partition.end)) & (times <= now)
    fault(outside, f"{time}: must lie in the partition (is its time zone declared?)")
    cast_columns(classifier, raw, cast, fault)
    labels = _own_label(classifier, raw, times, cast, fault, now)

    name = classifier.id_column
    if name not in raw.columns:  # every row is an event of its own, and none can lack an id
        return Checked(
            pd.DataFrame({name: _content_ids(classifier, cast, labels), **cast}), labels, broken, unread=lines
        )
    cast = {name: (ids := as_text(raw[name])), **cast}
    fault(ids.isna(), f"{name}: an event must have an id")
    repeated = raw.astype("str").duplicated() & unread.isna()
    shared = ids[~repeated].duplicated(keep=False).reindex(ids.index, fill_value=False) & ids.notna()
    fault(shared, f"{name}: two rows of one delivery must not share an id and differ")
    return Checked(pd.DataFrame(cast), labels, broken, frozenset(np.flatnonzero(repeated).tolist()), lines)


def unreadable(classifier: Classifier, raw: pd.DataFrame, *, now: datetime) -> dict[str, list[int]]:
    """Return the rules about single values that rows break, with the positions of these rows."""
    broken: dict[str, list[int]] = {}

    def fault(mask: pd.Series, rule: str) -> None:
        if mask.any():
            broken.setdefault(rule, []).extend(np.flatnonzero(mask.to_numpy(dtype=bool)).tolist())

    cast: dict[str, pd.Series] = {}
    times = pd.Series(pd.NaT, index=raw.index, dtype="datetime64[us, UTC]")
    if classifier.event_time is not None:
        times = times_of(classifier.source, raw, classifier.event_time)
        must_be_times(classifier.source, raw[classifier.event_time], times, fault)
    cast_columns(classifier, raw, cast, fault)
    _own_label(classifier, raw, times, cast, fault, now)
    return broken


def check_delivery(
    classifier: Classifier, partition: Partition, delivery: str, *, now: datetime
) -> tuple[pd.DataFrame, Checked]:
    """Return a delivery's raw rows, and the same rows cast.

    The result is kept for the next call, because an audit is followed by a publication.
    """
    global _last
    asked, last = (classifier, partition, delivery, now), _last
    _last = None
    if last is not None and last[0] == asked:
        return last[1], last[2]
    raw = deliveries.read(classifier.name, partition, delivery)
    _last = asked, raw, check(classifier, partition, raw, now=now)
    return raw, _last[2]


_last: tuple[tuple[Classifier, Partition, str, datetime], pd.DataFrame, Checked] | None = None


def check_labels(classifier: Classifier, raw: pd.DataFrame, arrived_at: datetime) -> Checked:
    """Cast the rows of a label's own source.

    The columns are `event_id`, the label and `label_known_at`.

    Args:
        arrived_at: when a label without a time of its own became known.
    """
    broken: dict[int, list[str]] = {}
    cast: dict[str, pd.Series] = {}

    def fault(mask: pd.Series, rule: str) -> None:
        for position in np.flatnonzero(mask.to_numpy(dtype=bool)):
            broken.setdefault(int(position), []).append(rule)

    key = str(classifier.label.key)
    cast["event_id"] = as_text(raw[key])
    fault(cast["event_id"].isna(), f"{key}: a label must name its event")
    never = pd.Series(pd.NaT, index=raw.index, dtype="datetime64[us, UTC]")
    labels = _label(classifier, raw, never, cast, fault, arrived_at)
    fault(cast[KNOWN_AT] > arrived_at, f"{classifier.label.time}: must not lie in the future")
    return Checked(pd.DataFrame(cast), labels, broken)


def content_ids(classifier: Classifier, raw: pd.DataFrame) -> "pd.Series[str]":
    """Make ids of rows without one, from their cast content."""
    cast = {name: _cast(classifier, name, raw) for name in classifier.columns}
    times = pd.Series(pd.NaT, index=raw.index, dtype="datetime64[us, UTC]")
    if classifier.event_time is not None:
        cast[classifier.event_time] = times = times_of(classifier.source, raw, classifier.event_time)
    labels = _label(classifier, raw, times, cast, lambda mask, rule: None)
    return _content_ids(classifier, cast, labels)


def _content_ids(classifier: Classifier, cast: dict[str, pd.Series], labels: "pd.Series[Any]") -> "pd.Series[str]":
    """Make ids from content without labels.

    Of equal rows, the one whose label was known first comes first. So a label that is delivered later finds its event, and a
    second label of equal rows finds another one of them.
    """
    own = [*classifier.columns, *([classifier.event_time] if classifier.event_time else [])]
    hashes = content_hashes(pd.DataFrame({name: cast[name] for name in own}))
    order = pd.DataFrame({"known_at": cast[KNOWN_AT], "label": labels.astype("string")})
    return numbered(hashes, order)


def times_of(source: Rows, raw: pd.DataFrame, column: str) -> "pd.Series[pd.Timestamp]":
    """Read a column of instants as its source writes them."""
    return read_times(raw[column], source.timezone, source.formats(column))


def must_be_times(source: Rows, raw: pd.Series, times: pd.Series, fault: Fault) -> None:
    """Tell of values that are no instants, and why."""
    unread, name = times.isna(), str(raw.name)
    if not unread.any():
        return
    for form in source.formats(name):
        if form in EPOCH_UNITS and (other := unlikely_unit(raw[unread & raw.notna()], form)) is not None:
            fault(unread, f"{name}: must be {form}, not {other}")
            return
    skipped = unread & read_times(raw, "UTC", source.formats(name)).notna()
    fault(skipped, f"{name}: does not exist in {source.timezone}, where the clock was put forward")
    fault(unread & ~skipped, f"{name}: must be {_a_time(source, name)}")


def _a_time(source: Rows, column: str) -> str:
    return (
        f"a time written as {' or '.join(formats)}"
        if (formats := source.formats(column))
        else "an ISO 8601 date or time"
    )


def row_hash(row: dict[str, object]) -> str:
    """Hash the values of a raw row."""
    return hashlib.sha256(json.dumps(row, sort_keys=True, default=str).encode()).hexdigest()


def _complete(classifier: Classifier, partition: Partition, raw: pd.DataFrame) -> None:
    action = f"auditing {classifier.name} {partition}"
    if missing := [name for name in classifier.source_columns if name not in raw.columns]:
        close = difflib.get_close_matches(missing[0], [str(name) for name in raw.columns], n=1)
        hint = f"is it {close[0]!r} now? " if close else ""
        raise DeliveryRejected(
            action,
            problem="a declared column is missing in the delivery",
            found=f"no {', '.join(repr(name) for name in missing)}",
            hint=f"{hint}rename it at the source or in the definition, then run this again; nothing was published",
        )
    if raw.empty and not classifier.empty_partitions:
        raise DeliveryRejected(
            action,
            problem="the partition has no events",
            found=f"none from {partition.start:%Y-%m-%d %H:%M} to {partition.end:%Y-%m-%d %H:%M} UTC",
            hint="if the source is late, run this again when it has delivered; nothing was published. For events of earlier "
            f"partitions there is `leeway backfill {classifier.name}`. Where some partitions never have any, set "
            "empty_partitions=True",
        )


def _own_label(
    classifier: Classifier,
    raw: pd.DataFrame,
    times: pd.Series,
    cast: dict[str, pd.Series],
    fault: Fault,
    now: datetime,
) -> "pd.Series[Any]":
    """Read the label where it comes with the events.

    A label from its own source is not known here.
    """
    if classifier.label.source is None:
        return _label(classifier, raw, times, cast, fault, now=now)
    cast[KNOWN_AT] = pd.Series(pd.NaT, index=raw.index, dtype="datetime64[us, UTC]")
    return pd.Series(None, index=raw.index, dtype="object")


def _label(
    classifier: Classifier,
    raw: pd.DataFrame,
    times: pd.Series,
    cast: dict[str, pd.Series],
    fault: Fault,
    arrived_at: datetime | None = None,
    now: datetime | None = None,
) -> "pd.Series[Any]":
    label = classifier.label
    source = label.source or classifier.source
    given = raw[list(label.source_columns)].notna().any(axis=1)
    name = ", ".join(label.source_columns)
    stored = _LABELS[label.kind](label, raw, cast, fault)
    known = (
        times_of(source, raw, label.time)
        if label.time
        else pd.Series(pd.NaT, index=raw.index, dtype="datetime64[us, UTC]")
    )
    known = known.astype("datetime64[us, UTC]")
    if label.time:
        known = _at_the_end_of_its_day(source, raw[label.time], label.time, known, arrived_at or now)
        cast[label.time] = known
        fault(known.isna() & raw[label.time].notna(), f"{label.time}: must be {_a_time(source, label.time)}")
    if label.delay is not None:
        known = known.fillna(times + label.delay)
    if arrived_at is not None:
        known = known.fillna(arrived_at)
    cast[KNOWN_AT] = known.mask(~given)
    if label.delay is None and arrived_at is None:
        fault(given & known.isna(), f"{label.time}: a label must say when it became known")
    fault(given & (known < times), f"{label.time or name}: a label must not be known before its event")
    return stored


def _at_the_end_of_its_day(
    source: Rows, raw: pd.Series, name: str, known: "pd.Series[pd.Timestamp]", now: datetime | None
) -> "pd.Series[pd.Timestamp]":
    """Date a label that names a day at the end of it, or now if that day is not over."""
    alone = are_days(raw, source.formats(name)) & known.notna()
    if not alone.any():
        return known
    local = known[alone].dt.tz_convert(source.timezone).dt.tz_localize(None) + pd.Timedelta(days=1)
    ends = read_times(local, source.timezone).fillna(known[alone]) - pd.Timedelta(microseconds=1)
    if now is not None:
        present = pd.Timestamp(now).as_unit("us")
        ends = ends.mask((ends > present) & (known[alone] <= present), present)
    return known.mask(alone, ends.reindex(known.index)).astype("datetime64[us, UTC]")


def _binary(label: Label, raw: pd.DataFrame, cast: dict[str, pd.Series], fault: Fault) -> "pd.Series[Any]":
    (column,) = label.source_columns
    value = raw[column].map(class_text, na_action="ignore")
    positive, negative = class_text(label.positive), class_text(label.negative)
    known = value.isin([positive, negative])
    fault(value.notna() & ~known, f"{column}: must be {positive} or {negative}")
    cast[column] = value.eq(positive).astype("boolean").mask(~known)
    return cast[column]


def _multiclass(label: Label, raw: pd.DataFrame, cast: dict[str, pd.Series], fault: Fault) -> "pd.Series[Any]":
    (column,) = label.source_columns
    value = raw[column].map(class_text, na_action="ignore").astype("str")
    known = value.isin(label.outputs.names)
    fault(value.notna() & ~known, f"{column}: must be one of {_shown(label)}")
    cast[column] = value.where(known)
    return cast[column]


def _multilabel(label: Label, raw: pd.DataFrame, cast: dict[str, pd.Series], fault: Fault) -> "pd.Series[Any]":
    if label.separator is None:
        return _multilabel_by_column(label, raw, cast, fault)
    (column,), names, separator = label.source_columns, label.outputs.names, label.separator
    texts = raw[column].astype("str").where(raw[column].notna())
    given = {text: {class_text(part) for part in text.split(separator)} - {""} for text in texts.dropna().unique()}
    ordered = {text: [name for name in names if name in tags] for text, tags in given.items() if tags <= {*names}}
    stored = texts.map(ordered)
    fault(texts.notna() & stored.isna(), f"{column}: must be some of {_shown(label)}, with {separator!r} between them")
    cast[column] = stored.map(separator.join, na_action="ignore").astype("str")
    return stored


def _multilabel_by_column(
    label: Label, raw: pd.DataFrame, cast: dict[str, pd.Series], fault: Fault
) -> "pd.Series[Any]":
    for name in label.columns:
        cast[name] = _boolean(raw[name].map(class_text, na_action="ignore"))
        fault(cast[name].isna() & raw[name].notna(), f"{name}: must be yes or no")
    holds = pd.DataFrame({name: cast[name] for name in label.columns})
    given = raw[list(label.columns)].notna()
    fault(given.any(axis=1) & ~given.all(axis=1), f"{', '.join(label.columns)}: must all be given, or none of them")
    lists = label.outputs.stored(holds.fillna(False).to_numpy(dtype=bool)).to_pylist()
    return pd.Series(lists, index=raw.index, dtype="object").where(holds.notna().all(axis=1), None)


def _shown(label: Label) -> str:
    names = label.outputs.names
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def cast_columns(classifier: Classifier, raw: pd.DataFrame, cast: dict[str, pd.Series], fault: Fault) -> None:
    """Cast the columns of events to their kinds, and tell of values that cannot be read."""
    for name, column in classifier.columns.items():
        cast[name] = _cast(classifier, name, raw)
        if column.kind == "timestamp":
            given = cast[name].mask(raw[name].isna(), FIRST.tz_localize("UTC"))
            must_be_times(classifier.source, raw[name], given, fault)
        else:
            fault(cast[name].isna() & raw[name].notna(), f"{name}: must be {_MUST_BE[column.kind]}")


def _cast(classifier: Classifier, name: str, raw: pd.DataFrame) -> pd.Series:
    column = classifier.columns[name]
    match column.kind:
        case "numeric":
            style = Style(column.unit, column.thousands, column.decimal, column.suffixes)
            return read_numbers(raw[name], style)
        case "boolean":
            return _boolean(raw[name])
        case "timestamp":
            return times_of(classifier.source, raw, name)
        case "categorical" | "identifier":
            return as_text(raw[name])
        case "text":
            return _free_text(raw[name])


def _free_text(raw: pd.Series) -> pd.Series:
    """Return text as it is, where the database can hold it."""
    text = raw.astype("string").astype("str")
    return text.mask(raw.isna() | text.str.contains("\0", regex=False, na=False))


def _boolean(raw: pd.Series) -> pd.Series:
    text = as_text(raw).str.lower()
    return text.isin(TRUE).astype("boolean").mask(~text.isin(TRUE | FALSE))


_LABELS = {"binary": _binary, "multiclass": _multiclass, "multilabel": _multilabel}
_MUST_BE: dict[Kind, str] = {
    "numeric": "a finite number",
    "boolean": "yes or no",
    "categorical": "text without zero bytes",
    "text": "text without zero bytes",
    "timestamp": "an ISO 8601 date or time",
    "identifier": "text without zero bytes",
}
