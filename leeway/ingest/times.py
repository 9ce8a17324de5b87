"""Instants from any source, in UTC with microseconds."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

EPOCH_UNITS = {"epoch s": 1_000_000, "epoch ms": 1_000}  # in microseconds
OFFSET = r"[T:].*(?:[zZ]|[+-]\d{2}(?::?\d{2})?)$"
# A time beyond these (a source's "never") is moved here: any zone's clock can still show it.
FIRST, LAST = pd.Timestamp("0001-01-02"), pd.Timestamp("9999-12-30")


def read_times(raw: "pd.Series[Any]", timezone: str, formats: Sequence[str] = ()) -> "pd.Series[pd.Timestamp]":
    """Read instants in UTC; NaT where a value is no instant.

    An offset is honoured. A time without one is in `timezone`. Where that clock was put back, the earlier of the two instants
    is taken; where it was put forward, the first instant after the gap.

    Args:
        formats: how text is written, tried in order for each value: formats of `strptime`, "ISO 8601", "epoch s" or
            "epoch ms". By default ISO 8601.
    """
    if isinstance(raw.dtype, pd.DatetimeTZDtype):
        return _clipped(raw.dt.tz_convert(None)).dt.tz_localize("UTC")
    if pd.api.types.is_datetime64_any_dtype(raw.dtype):
        return _localised(raw, timezone)
    if not formats:
        return _iso(raw, timezone)
    found = pd.Series(pd.NaT, index=raw.index, dtype="datetime64[us, UTC]")
    for form in formats:
        found = found.fillna(_by_format(raw, form, timezone))
    return found


def _by_format(raw: "pd.Series[Any]", form: str, timezone: str) -> "pd.Series[pd.Timestamp]":
    if form == "ISO 8601":
        return _iso(raw, timezone)
    return _epoch(raw, form) if form in EPOCH_UNITS else _strptime(raw, form, timezone)


def _iso(raw: "pd.Series[Any]", timezone: str) -> "pd.Series[pd.Timestamp]":
    if pd.api.types.is_numeric_dtype(raw.dtype) and raw.notna().any():
        return pd.Series(pd.NaT, index=raw.index, dtype="datetime64[us, UTC]")
    text = _text(raw)
    text = text.where(text.str.match(r"\d{4}", na=False))  # pandas would read "now" and "today"
    instants = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    has_offset = text.str.contains(OFFSET, na=False)
    clock = instants.dt.tz_convert(None)
    if not has_offset.any():
        return _localised(clock, timezone)
    with_offset = _clipped(clock).dt.tz_localize("UTC")
    return with_offset if has_offset.all() else with_offset.where(has_offset, _localised(clock, timezone))


def _epoch(raw: "pd.Series[Any]", form: str) -> "pd.Series[pd.Timestamp]":
    seconds = pd.to_numeric(raw if pd.api.types.is_numeric_dtype(raw.dtype) else _text(raw), errors="coerce")
    micros = (seconds.astype("float64") * EPOCH_UNITS[form]).round()
    micros = micros.clip(FIRST.timestamp() * 1e6, LAST.timestamp() * 1e6)
    instants = pd.Series(micros.fillna(0).to_numpy("int64").view("datetime64[us]"), index=raw.index)
    return instants.mask(micros.isna()).dt.tz_localize("UTC")


def _strptime(raw: "pd.Series[Any]", form: str, timezone: str) -> "pd.Series[pd.Timestamp]":
    text = _text(raw)
    if "%z" in form or "%Z" in form:
        instants = pd.to_datetime(text, format=form, errors="coerce", utc=True)
        return _clipped(instants.dt.tz_convert(None)).dt.tz_localize("UTC")
    return _localised(pd.to_datetime(text, format=form, errors="coerce"), timezone)


def _text(raw: "pd.Series[Any]") -> "pd.Series[str]":
    text = raw.astype("str").str.strip().mask(raw.isna())
    return text.str.removesuffix(".0") if pd.api.types.is_float_dtype(raw.dtype) else text  # 20260301.0, for gaps


def _localised(naive: "pd.Series[pd.Timestamp]", timezone: str) -> "pd.Series[pd.Timestamp]":
    local = _clipped(naive).dt.tz_localize(
        timezone, ambiguous=pd.Series(True, index=naive.index).to_numpy(), nonexistent="shift_forward"
    )
    return local.dt.tz_convert("UTC")


def _clipped(naive: "pd.Series[pd.Timestamp]") -> "pd.Series[pd.Timestamp]":
    instants: pd.Series[pd.Timestamp] = naive.dt.as_unit("us")
    return instants.mask(instants < FIRST, FIRST).mask(instants > LAST, LAST)
