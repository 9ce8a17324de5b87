"""Instants from any source, in UTC with microseconds."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

EPOCH_UNITS = {"epoch s": 1e6, "epoch ms": 1e3, "epoch us": 1.0, "epoch ns": 1e-3}  # in microseconds
DAYS = {"days since 1960": pd.Timestamp("1960-01-01")}  # as SAS and Stata count them
ZONES_BEGIN = pd.Timestamp("1900-01-01")  # before, a zone's clock is that of its town
LIKELY = pd.Timestamp("1980-01-01").timestamp() * 1e6, pd.Timestamp("2100-01-01").timestamp() * 1e6
UNTIL = re.compile(r"(.*%y.*) until (\d{4})")  # a format with the last year that its two digits may mean
DAY_ALONE = r"\d{4}-?\d{2}-?\d{2}"
OFFSET = r"[T:].*(?:[zZ]|[+-]\d{2}(?::?\d{2})?)$"
# A time beyond these (a source's "never") is moved here: any zone's clock can still show it.
FIRST, LAST = pd.Timestamp("0001-01-02"), pd.Timestamp("9999-12-30")


def read_times(raw: "pd.Series[Any]", timezone: str, formats: Sequence[str] = ()) -> "pd.Series[pd.Timestamp]":
    """Read instants in UTC; NaT where a value is no instant.

    An offset is honoured. A time without one is in `timezone`. Where that clock was put back, the earlier of the two instants
    is taken; a time that was left out when it was put forward is no instant.

    Args:
        formats: how text is written, tried in order for each value: formats of `strptime`, "ISO 8601", or one of
            `EPOCH_UNITS`. By default ISO 8601. A number that is a likely time in another unit only is no instant.
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


def are_days(raw: "pd.Series[Any]", formats: Sequence[str] = ()) -> "pd.Series[bool]":
    """Say which values are days without a clock."""
    if raw.dtype == object:
        return raw.map(lambda value: isinstance(value, date) and not isinstance(value, datetime)).astype(bool)
    if pd.api.types.is_datetime64_any_dtype(raw.dtype):
        return pd.Series(False, index=raw.index)
    if not formats:
        return _text(raw).str.fullmatch(DAY_ALONE).fillna(False).astype(bool)
    found = pd.Series(False, index=raw.index)
    left = raw.notna()
    for form in formats:
        read = read_times(raw[left], "UTC", (form,)).notna().reindex(raw.index, fill_value=False)
        alone = are_days(raw) if form == "ISO 8601" else pd.Series(_has_no_clock(form), index=raw.index)
        found, left = found | (read & alone), left & ~read
    return found


def _has_no_clock(form: str) -> bool:
    return form not in EPOCH_UNITS and not re.search(r"%[HIMSfcXTspr]", form)


def without_zone(raw: "pd.Series[Any]", formats: Sequence[str] = ()) -> "pd.Series[bool]":
    """Say which values are read on the source's clock, because they have no offset from UTC."""
    is_counted = any(form in EPOCH_UNITS or form in DAYS or "%z" in form or "%Z" in form for form in formats)
    if isinstance(raw.dtype, pd.DatetimeTZDtype) or is_counted:
        return pd.Series(False, index=raw.index)
    return raw.notna() & ~_text(raw).str.contains(OFFSET, na=False)


def occur_twice(raw: "pd.Series[Any]", timezone: str, formats: Sequence[str] = ()) -> "pd.Series[bool]":
    """Say which values are times that a clock showed twice, when it was put back."""
    if timezone == "UTC" or isinstance(raw.dtype, pd.DatetimeTZDtype) or any(form in EPOCH_UNITS for form in formats):
        return pd.Series(False, index=raw.index)
    instants = read_times(raw, timezone, formats)
    clock, later = (
        moments.dt.tz_convert(timezone).dt.tz_localize(None) for moments in (instants, instants + pd.Timedelta(hours=1))
    )
    return (clock == later) & without_zone(raw, formats)


def unlikely_unit(raw: "pd.Series[Any]", form: str) -> str | None:
    """Name the unit in which numbers are likely times, if it is not the declared one."""
    numbers = _epoch_numbers(raw).dropna()
    for other, micros in EPOCH_UNITS.items():
        if other != form and len(numbers) and (numbers * micros).between(*LIKELY).all():
            return other
    return None


def _by_format(raw: "pd.Series[Any]", form: str, timezone: str) -> "pd.Series[pd.Timestamp]":
    if form == "ISO 8601":
        return _iso(raw, timezone)
    if form in DAYS:
        return _localised(_counted_days(raw, DAYS[form]), timezone)
    return _epoch(raw, form) if form in EPOCH_UNITS else _strptime(raw, form, timezone)


def _iso(raw: "pd.Series[Any]", timezone: str) -> "pd.Series[pd.Timestamp]":
    if pd.api.types.is_numeric_dtype(raw.dtype) and raw.notna().any():
        return pd.Series(pd.NaT, index=raw.index, dtype="datetime64[us, UTC]")
    if (clock := _cast(raw, pa.timestamp("us"))) is not None:
        return _localised(clock, timezone)
    if (instants := _cast(raw, pa.timestamp("us", "UTC"))) is not None:
        return _clipped(instants.dt.tz_convert(None)).dt.tz_localize("UTC")
    text = _text(raw)
    text = text.where(text.str.match(r"\d{4}", na=False))  # pandas would read "now" and "today"
    text = text.str.replace(
        r"(\.\d{6})\d+", r"\1", regex=True
    )  # finer than a microsecond: it would change the others' unit
    instants = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=True)
    has_offset = text.str.contains(OFFSET, na=False)
    clock = instants.dt.tz_convert(None)
    if not has_offset.any():
        return _localised(clock, timezone)
    with_offset = _clipped(clock).dt.tz_localize("UTC")
    return with_offset if has_offset.all() else with_offset.where(has_offset, _localised(clock, timezone))


def _cast(raw: "pd.Series[Any]", kind: pa.DataType) -> "pd.Series[pd.Timestamp] | None":
    """Read text that is ISO 8601 in every row, with an offset or without one, by Arrow, which is far faster."""
    if raw.dtype != "str":
        return None
    text = pa.array(raw, pa.large_string())
    try:
        clock = pc.cast(pc.utf8_trim_whitespace(text), kind)
    except pa.ArrowInvalid:
        return None
    return pd.Series(clock.to_pandas().array, index=raw.index)


def _epoch(raw: "pd.Series[Any]", form: str) -> "pd.Series[pd.Timestamp]":
    numbers = _epoch_numbers(raw)
    micros = (numbers * EPOCH_UNITS[form]).round()
    in_another_unit = pd.Series(False, index=raw.index)
    for other, unit in EPOCH_UNITS.items():
        if other != form:
            in_another_unit |= (numbers * unit).between(*LIKELY)
    micros = micros.mask(in_another_unit & ~micros.between(*LIKELY))
    micros = micros.clip(FIRST.timestamp() * 1e6, LAST.timestamp() * 1e6)
    instants = pd.Series(micros.fillna(0).to_numpy("int64").view("datetime64[us]"), index=raw.index)
    return instants.mask(micros.isna()).dt.tz_localize("UTC")


def _counted_days(raw: "pd.Series[Any]", first: pd.Timestamp) -> "pd.Series[pd.Timestamp]":
    numbers = _epoch_numbers(raw)
    numbers = numbers.where((numbers % 1 == 0) & numbers.between((FIRST - first).days, (LAST - first).days))
    return (first + pd.to_timedelta(numbers, unit="D")).dt.as_unit("us")


def _epoch_numbers(raw: "pd.Series[Any]") -> "pd.Series[float]":
    numbers = pd.to_numeric(raw if pd.api.types.is_numeric_dtype(raw.dtype) else _text(raw), errors="coerce")
    return numbers.astype("float64")


def _strptime(raw: "pd.Series[Any]", form: str, timezone: str) -> "pd.Series[pd.Timestamp]":
    text = _text(raw)
    if (limited := UNTIL.fullmatch(form)) is not None:
        read = _strptime(raw, limited[1], timezone)
        return read.mask(read.dt.year > int(limited[2]), read - pd.DateOffset(years=100))
    if "%z" in form or "%Z" in form:
        instants = pd.to_datetime(text, format=form, errors="coerce", utc=True)
        return _clipped(instants.dt.tz_convert(None)).dt.tz_localize("UTC")
    return _localised(pd.to_datetime(text, format=form, errors="coerce"), timezone)


def _text(raw: "pd.Series[Any]") -> "pd.Series[str]":
    text = raw.astype("str").str.strip().mask(raw.isna()).astype("str")
    return text.str.removesuffix(".0") if pd.api.types.is_float_dtype(raw.dtype) else text  # 20260301.0, for gaps


def _localised(naive: "pd.Series[pd.Timestamp]", timezone: str) -> "pd.Series[pd.Timestamp]":
    given = _clipped(naive)
    earlier = pd.Series(True, index=naive.index).to_numpy()
    local = given.dt.tz_localize(timezone, ambiguous=earlier, nonexistent="shift_forward")
    skipped = (local.dt.tz_localize(None) != given) & (given >= ZONES_BEGIN)
    return local.dt.tz_convert("UTC").mask(skipped)


def _clipped(naive: "pd.Series[pd.Timestamp]") -> "pd.Series[pd.Timestamp]":
    instants: pd.Series[pd.Timestamp] = naive.dt.as_unit("us")
    return instants.mask(instants < FIRST, FIRST).mask(instants > LAST, LAST)
