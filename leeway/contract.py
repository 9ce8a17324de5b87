"""The definition as a contract on raw rows: cast what can be cast, name what cannot.

These rules hold for every classifier, before its own suite is asked: a value that cannot be stored as its kind, an event
without identity or time, a label that is not among the classes.
"""

import difflib
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from leeway.definition import Classifier, Column, Kind
from leeway.errors import DeliveryRejected
from leeway.partitions import Partition
from leeway.times import read_times

TRUE, FALSE = frozenset({"true", "t", "yes", "y", "1"}), frozenset({"false", "f", "no", "n", "0"})

KNOWN_AT = "label_known_at"
Fault = Callable[[pd.Series, str], None]


@dataclass(frozen=True)
class Checked:
    """A delivery's rows, cast, with what is wrong with them.

    Attributes:
        rows: the source's column names, a RangeIndex as in the delivery; the label as nullable boolean (true: positive) and
            the further column `label_known_at`.
        broken: the broken rules by row position.
        repeated: positions of exact repetitions of an earlier row, which are not stored again.
    """

    rows: pd.DataFrame
    broken: dict[int, list[str]] = field(default_factory=dict)
    repeated: frozenset[int] = frozenset()


def check(classifier: Classifier, partition: Partition, raw: pd.DataFrame, *, now: datetime) -> Checked:
    """Cast raw rows to the declared kinds.

    Raises:
        DeliveryRejected: a declared column is missing, or there is no row.
    """
    _complete(classifier, partition, raw)
    timezone = classifier.source.timezone
    broken: dict[int, list[str]] = {}
    cast: dict[str, pd.Series] = {}

    def fault(mask: pd.Series, rule: str) -> None:
        for position in np.flatnonzero(mask.to_numpy(dtype=bool)):
            broken.setdefault(int(position), []).append(rule)

    cast[classifier.event_id] = ids = _text(raw[classifier.event_id])
    fault(ids.isna(), f"{classifier.event_id}: an event must have an id")
    cast[classifier.event_time] = times = read_times(raw[classifier.event_time], timezone)
    fault(times.isna(), f"{classifier.event_time}: must be an ISO 8601 date or time")
    fault(times > now, f"{classifier.event_time}: must not lie in the future")
    outside = ((times < partition.start) | (times >= partition.end)) & (times <= now)
    fault(outside, f"{classifier.event_time}: must lie in the partition (is its time zone declared?)")
    for name, column in classifier.columns.items():
        cast[name] = _cast(column, raw[name], timezone)
        fault(cast[name].isna() & raw[name].notna(), f"{name}: must be {_MUST_BE[column.kind]}")
    _label(classifier, raw, times, cast, fault)

    repeated = raw.astype("str").duplicated()
    shared = ids[~repeated].duplicated(keep=False).reindex(ids.index, fill_value=False) & ids.notna()
    fault(shared, f"{classifier.event_id}: two rows of one delivery must not share an id and differ")
    return Checked(pd.DataFrame(cast), broken, frozenset(np.flatnonzero(repeated).tolist()))


def row_hash(row: dict[str, object]) -> str:
    """What identifies a raw row: the hash of its values."""
    return hashlib.sha256(json.dumps(row, sort_keys=True, default=str).encode()).hexdigest()


def _complete(classifier: Classifier, partition: Partition, raw: pd.DataFrame) -> None:
    doing = f"auditing {classifier.name} {partition}"
    if missing := [name for name in classifier.source_columns if name not in raw.columns]:
        close = difflib.get_close_matches(missing[0], [str(name) for name in raw.columns], n=1)
        hint = f"is it {close[0]!r} now? " if close else ""
        raise DeliveryRejected(
            doing,
            rule="every declared column must be delivered",
            found=f"no {', '.join(repr(name) for name in missing)}",
            way_out=f"{hint}rename it at the source or in the definition, then run this again; nothing was published",
        )
    if raw.empty:
        raise DeliveryRejected(
            doing,
            rule="a partition must have events",
            found=f"none from {partition.start:%Y-%m-%d %H:%M} to {partition.end:%Y-%m-%d %H:%M} UTC",
            way_out="is the source late? Run this again when it has delivered; nothing was published",
        )


def _label(
    classifier: Classifier, raw: pd.DataFrame, times: pd.Series, cast: dict[str, pd.Series], fault: Fault
) -> None:
    label = classifier.label
    value = raw[label.column].map(_class, na_action="ignore")
    positive, negative = _class(label.positive), _class(label.negative)
    given = value.notna()
    cast[label.column] = value.eq(positive).astype("boolean").mask(~value.isin([positive, negative]))
    fault(given & ~value.isin([positive, negative]), f"{label.column}: must be {positive} or {negative}")

    known = (
        read_times(raw[label.time], classifier.source.timezone)
        if label.time
        else pd.Series(pd.NaT, index=raw.index, dtype="datetime64[us, UTC]")
    )
    known = known.astype("datetime64[us, UTC]")
    if label.time:
        cast[label.time] = known
        fault(known.isna() & raw[label.time].notna(), f"{label.time}: must be an ISO 8601 date or time")
    if label.delay is not None:
        known = known.fillna(times + label.delay)
    cast[KNOWN_AT] = known.mask(~given)
    if label.delay is None:
        fault(given & known.isna(), f"{label.time}: a label must say when it became known")
    fault(given & (known < times), f"{label.time or label.column}: a label must not be known before its event")


def _class(value: object) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, int | float | np.number) and float(value).is_integer():
        return str(int(value))
    text = re.sub(r"^(-?\d+)\.0+$", r"\1", str(value).strip())  # 1.0 for 1: a CSV column of whole numbers with gaps
    return text.lower() if text.lower() in ("true", "false") else text


def _cast(column: Column, raw: pd.Series, timezone: str) -> pd.Series:
    match column.kind:
        case "numeric":
            return _number(_plainly_written(column, raw))
        case "boolean":
            return _boolean(raw)
        case "timestamp":
            return read_times(raw, timezone)
        case "categorical" | "text" | "identifier":
            return _text(raw)


def _plainly_written(column: Column, raw: pd.Series) -> pd.Series:
    """Numbers without their unit and separators; those whose digits are grouped otherwise than declared are left alone."""
    if (column.unit, column.thousands, column.decimal) == (None, None, ".") or pd.api.types.is_numeric_dtype(raw.dtype):
        return raw
    space, decimal = "[ \u00a0\u202f\u2009]", re.escape(column.decimal)  # also those that do not break, or are thin
    unit = rf"(?:{re.escape(column.unit)})?" if column.unit else ""
    group = None if column.thousands is None else space if column.thousands == " " else re.escape(column.thousands)
    grouped = rf"\d{{1,3}}(?:{group}\d{{2,3}})*{group}\d{{3}}|" if group else ""
    number = rf"(?P<whole>{grouped}\d*)(?:{decimal}(?P<fraction>\d*))?(?P<power>[eE][+-]?\d+)?"
    written = rf"{space}*(?P<sign>[+-]?){space}*{unit}{space}*(?P<second>[+-]?){number}{space}*{unit}{space}*"
    text = raw.astype("string").astype("str")
    parts = text.str.extract(rf"^{written}$")
    whole = parts["whole"].str.replace(group, "", regex=True) if group else parts["whole"]
    plain = parts["sign"] + parts["second"] + whole + "." + parts["fraction"].fillna("") + parts["power"].fillna("")
    return plain.where(parts["whole"].notna(), "?").mask(raw.isna())


def _number(raw: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(raw.astype("str").str.strip() if raw.dtype == "str" else raw, errors="coerce")
    return numbers.astype("float64").replace([np.inf, -np.inf], np.nan)


def _boolean(raw: pd.Series) -> pd.Series:
    text = _text(raw).str.strip().str.lower()
    return text.isin(TRUE).astype("boolean").mask(~text.isin(TRUE | FALSE))


def _text(raw: pd.Series) -> pd.Series:
    if pd.api.types.is_float_dtype(raw.dtype):  # 9.0 for 9: a column of whole numbers with gaps
        whole = raw.dropna().mod(1).eq(0).all() and raw.abs().lt(2**53).where(raw.notna(), True).all()
        raw = raw.astype("Int64") if whole else raw
    text = raw.astype("string").astype("str")
    return text.mask(raw.isna() | text.str.contains("\0", regex=False, na=False))  # PostgreSQL's text cannot hold it


_MUST_BE: dict[Kind, str] = {
    "numeric": "a finite number",
    "boolean": "yes or no",
    "categorical": "text without zero bytes",
    "text": "text without zero bytes",
    "timestamp": "an ISO 8601 date or time",
    "identifier": "text without zero bytes",
}
