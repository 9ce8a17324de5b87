"""The input of an estimator.

Every feature of the signature becomes a number or a text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from leeway.definition import Kind


def model_input(rows: pd.DataFrame, features: Mapping[str, Kind]) -> pd.DataFrame:
    """Convert rows to an estimator's input.

    The features are in their fixed order: numbers and booleans as float64, categories and texts as text. A missing value is
    NaN, of a text the empty one; an infinite number counts as missing.
    """
    return pd.DataFrame({name: _column(rows[name], kind) for name, kind in features.items()}, index=rows.index)


def plain_rows(rows: pd.DataFrame, features: Mapping[str, Kind]) -> list[dict[str, float | str | None]]:
    """Turn rows of `model_input` into what a compiled bundle takes, one by one."""
    columns: dict[str, Sequence[Any]] = {}
    for name, kind in features.items():
        values = rows[name].astype("object")
        columns[name] = [None if kind == "categorical" and not isinstance(value, str) else value for value in values]
    return [dict(zip(columns, own, strict=True)) for own in zip(*columns.values(), strict=True)]


def _column(raw: "pd.Series[Any]", kind: Kind) -> "pd.Series[Any]":
    if kind == "categorical" and raw.dtype == "str":
        return raw  # it has NaN for missing values, and encoders are faster with it than with objects
    if kind in ("categorical", "text"):
        return raw.astype("object").where(raw.notna(), "" if kind == "text" else np.nan)
    if not pd.api.types.is_numeric_dtype(raw.dtype):
        raw = pd.to_numeric(raw.astype("object"), errors="coerce")
    numbers = raw.astype("float64")
    return numbers.where(np.isfinite(numbers), np.nan)
