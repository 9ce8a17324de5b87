"""Values that somebody asks about, of one event or of a file, read by the contract of a delivery's rows."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from leeway.core.value_text import as_text
from leeway.definition import Classifier
from leeway.ingest import contract
from leeway.ingest.reading.frames import from_rows
from leeway.ingest.reading.unread import UNREAD, fault_of
from leeway.ingest.sources.prepared import without_blanks


@dataclass(frozen=True)
class ValueFault:
    """A value that cannot be read.

    Attributes:
        problem: the rule that it breaks, in words.
        found: the value; None where it may not be shown.
    """

    column: str
    problem: str
    found: object


def cast_values(classifier: Classifier, values: Mapping[str, object]) -> tuple[dict[str, Any], list[ValueFault]]:
    """Cast the values of one event as those of a delivery's rows are cast.

    Columns without a value are missing; None stands for them.

    Args:
        values: by the names of the definition's columns, and `event_time` by the name of its column.
    """
    named = [*classifier.columns, *([classifier.event_time] if classifier.event_time else [])]
    faults = [_unknown_column(name, named) for name in values if name not in named]
    nested = [name for name in named if isinstance(values.get(name), dict | list)]
    faults += [ValueFault(name, "must be a single value", type(values[name]).__name__) for name in nested]
    given = [None if name in nested else values.get(name) for name in named]
    raw = without_blanks(from_rows(named, [given]), classifier.source)
    cast: dict[str, pd.Series] = {}

    def fault(mask: pd.Series, rule: str) -> None:
        if mask.any():
            column = next(name for name in named if rule.startswith(f"{name}: "))
            problem = rule.removeprefix(f"{column}: ")
            declared = classifier.columns.get(column)
            hidden = declared is not None and declared.sensitive
            faults.append(ValueFault(column, problem, None if hidden else values.get(column)))

    contract.cast_columns(classifier, raw, cast, fault)
    if (time := classifier.event_time) is not None and values.get(time) is not None:
        cast[time] = contract.times_of(classifier.source, raw, time)
        contract.must_be_times(classifier.source, raw[time], cast[time], fault)
    return {name: _plain(column.iloc[0]) for name, column in cast.items()}, faults


def cast_rows(classifier: Classifier, raw: pd.DataFrame, now: datetime) -> tuple[pd.DataFrame, "pd.Series[str]"]:
    """Cast rows as those of a delivery are cast, without their labels.

    Rows without a time happen now; columns that are not there are missing.

    Returns:
        The columns of events with `event_id` and `event_time`, and for each row what is wrong with it; "" where nothing is.
    """
    unread = fault_of(raw)
    absent = [name for name in classifier.source_columns if name not in raw.columns]
    raw = raw.drop(columns=UNREAD, errors="ignore").assign(**dict.fromkeys(absent))
    problems = unread.fillna("").astype("str")

    def fault(mask: pd.Series, rule: str) -> None:
        nonlocal problems
        problems = problems.where(
            ~mask.fillna(False).astype(bool), problems.where(problems == "", problems + "; ") + rule
        )

    cast: dict[str, pd.Series] = {}
    contract.cast_columns(classifier, raw, cast, fault)
    times = pd.Series(pd.Timestamp(now).as_unit("us"), index=raw.index)
    if (name := classifier.event_time) is not None and name not in absent:
        times = contract.times_of(classifier.source, raw, name)
        contract.must_be_times(classifier.source, raw[name], times, fault)
        fault(times > now, f"{name}: must not lie in the future")
    ids = pd.Series([f"row {number + 1}" for number in range(len(raw))], index=raw.index, dtype="str")
    if (name := classifier.event_id) is not None and name not in absent:
        ids = as_text(raw[name])
        fault(ids.isna(), f"{name}: an event must have an id")
        fault(ids.duplicated(keep=False) & ids.notna(), f"{name}: two rows must not share an id")
    return pd.DataFrame({"event_id": ids, "event_time": times, **cast}), problems


def _unknown_column(name: str, known: Sequence[str]) -> ValueFault:
    close = difflib.get_close_matches(name, known, n=1)
    return ValueFault(name, "is no column of the definition" + (f"; did you mean {close[0]!r}?" if close else ""), None)


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if isinstance(value, np.generic) else value
