"""The values of one event that somebody asks about, read by the contract of a delivery's rows."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leeway.definition import Classifier
from leeway.ingest import contract
from leeway.ingest.reading.frames import from_rows
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


def _unknown_column(name: str, known: Sequence[str]) -> ValueFault:
    close = difflib.get_close_matches(name, known, n=1)
    return ValueFault(name, "is no column of the definition" + (f"; did you mean {close[0]!r}?" if close else ""), None)


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value.item() if isinstance(value, np.generic) else value
