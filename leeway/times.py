"""Read instants from whatever a source holds, into UTC with microseconds."""

from typing import Any

import pandas as pd

from leeway.errors import SourceError

OFFSET = r"[T:].*(?:[zZ]|[+-]\d{2}(?::?\d{2})?)$"
# What lies further out (a source's "never") is moved here: any zone's clock can still show it.
FIRST, LAST = pd.Timestamp("0001-01-02"), pd.Timestamp("9999-12-30")


def read_times(raw: "pd.Series[Any]", timezone: str) -> "pd.Series[pd.Timestamp]":
    """Instants in UTC; NaT where a value is missing or is no ISO 8601 date or time.

    An offset is honoured. A time without one is in `timezone`; where that clock was put back, the earlier of the two
    instants is taken, and where it was put forward, the first instant after the gap.

    Raises:
        SourceError: some values carry an offset and some do not, so that the latter mean nobody knows what.
    """
    if isinstance(raw.dtype, pd.DatetimeTZDtype):
        return _clipped(raw.dt.tz_convert(None)).dt.tz_localize("UTC")
    if pd.api.types.is_datetime64_any_dtype(raw.dtype):
        return _localised(raw, timezone)
    if pd.api.types.is_numeric_dtype(raw.dtype) and raw.notna().any():
        return pd.Series(pd.NaT, index=raw.index, dtype="datetime64[us, UTC]")
    text = raw.astype("str").str.strip().mask(raw.isna())
    text = text.where(text.str.match(r"\d{4}", na=False))  # pandas would read "now" and "today"
    instants = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    has_offset = text.str.contains(OFFSET, na=False)
    with_offset, without = instants.notna() & has_offset, instants.notna() & ~has_offset
    if with_offset.any() and without.any():
        rarer = text[without] if without.sum() <= with_offset.sum() else text[with_offset]
        raise SourceError(
            f"reading the times in {raw.name}",
            rule="either all carry an offset or none does",
            found=f"{with_offset.sum()} with, {without.sum()} without, the rarer ones such as {rarer.iloc[0]}",
            way_out="deliver them in one form, or unify them in the source's prepare",
        )
    clock = instants.dt.tz_convert(None)
    return _clipped(clock).dt.tz_localize("UTC") if with_offset.any() else _localised(clock, timezone)


def _localised(naive: "pd.Series[pd.Timestamp]", timezone: str) -> "pd.Series[pd.Timestamp]":
    local = _clipped(naive).dt.tz_localize(
        timezone, ambiguous=pd.Series(True, index=naive.index).to_numpy(), nonexistent="shift_forward"
    )
    return local.dt.tz_convert("UTC")


def _clipped(naive: "pd.Series[pd.Timestamp]") -> "pd.Series[pd.Timestamp]":
    instants: pd.Series[pd.Timestamp] = naive.dt.as_unit("us")
    return instants.mask(instants < FIRST, FIRST).mask(instants > LAST, LAST)
