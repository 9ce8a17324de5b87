"""Read instants from whatever a source holds, into UTC with microseconds."""

from typing import Any

import pandas as pd

from leeway.errors import SourceError

OFFSET = r"(?:[zZ]|[+-]\d{2}:?\d{2})$"


def read_times(raw: "pd.Series[Any]", timezone: str) -> "pd.Series[pd.Timestamp]":
    """Instants in UTC; NaT where a value is missing or is no ISO 8601 date or time.

    An offset is honoured. A time without one is in `timezone`; where that clock was put back, the earlier of the two
    instants is taken, and where it was put forward, the first instant after the gap.

    Raises:
        SourceError: some values carry an offset and some do not, so that the latter mean nobody knows what.
    """
    if isinstance(raw.dtype, pd.DatetimeTZDtype):
        aware: pd.Series[pd.Timestamp] = raw.dt.tz_convert("UTC").dt.as_unit("us")
        return aware
    if pd.api.types.is_datetime64_any_dtype(raw.dtype):
        return _localised(raw, timezone)
    if pd.api.types.is_numeric_dtype(raw.dtype) and raw.notna().any():
        return pd.Series(pd.NaT, index=raw.index, dtype="datetime64[us, UTC]")
    text = raw.astype("str").str.strip().mask(raw.isna())
    has_offset = text.str.contains(OFFSET, na=False) & text.str.contains("[T:]", na=False)
    if has_offset.any() and (~has_offset & text.notna()).any():
        example = text[~has_offset & text.notna()].iloc[0]
        raise SourceError(
            f"reading the times in {raw.name}",
            rule="either all carry an offset or none does",
            found=f"{int(has_offset.sum())} with, {int((~has_offset & text.notna()).sum())} without, such as {example}",
            way_out="deliver them in one form, or unify them in the source's prepare",
        )
    if has_offset.any():
        return pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True).dt.as_unit("us")
    return _localised(pd.to_datetime(text, format="ISO8601", errors="coerce"), timezone)


def _localised(naive: "pd.Series[pd.Timestamp]", timezone: str) -> "pd.Series[pd.Timestamp]":
    local = naive.dt.as_unit("us").dt.tz_localize(
        timezone, ambiguous=pd.Series(True, index=naive.index).to_numpy(), nonexistent="shift_forward"
    )
    return local.dt.tz_convert("UTC")
