"""Ready functions for a source's `prepare`, row by row."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MINUTES_OF_DAY = 1440


@dataclass(frozen=True)
class DateFromParts:
    """The function of `date_from_parts`."""

    into: str
    year: str
    month: str
    day: str
    hour: str | None = None

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with the new column."""
        parts = {name: _number(rows[getattr(self, name)]) for name in ("year", "day")}
        names = rows[self.month].astype("str").str.strip().str.lower().str[:3]
        named = names.map({name: number for number, name in enumerate(MONTHS, start=1)})
        month = named.astype("float64").fillna(_number(rows[self.month]))
        hour = _number(rows[self.hour]) if self.hour else pd.Series(0, index=rows.index)
        times = pd.to_datetime(pd.DataFrame({**parts, "month": month, "hour": hour}), errors="coerce")
        return rows.assign(**{self.into: times})


@dataclass(frozen=True)
class Shifted:
    """The function of `shifted`."""

    into: str
    time: str
    days: str | float = 0.0
    back: bool = False

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with the new column."""
        times = pd.to_datetime(rows[self.time], errors="coerce")
        count = _number(rows[self.days]) if isinstance(self.days, str) else pd.Series(self.days, index=rows.index)
        step = pd.to_timedelta(count, unit="D")
        return rows.assign(**{self.into: times - step if self.back else times + step})


@dataclass(frozen=True)
class TimeFromPosition:
    """The function of `time_from_position`."""

    into: str
    start: str
    step_minutes: float

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with the new column."""
        passed = pd.to_timedelta(rows.index.to_series() * self.step_minutes, unit="min")
        return rows.assign(**{self.into: pd.Timestamp(self.start) + passed})


@dataclass(frozen=True)
class Renamed:
    """The function of `renamed`."""

    names: dict[str, str] = field(default_factory=dict)

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows with new names; fail on a missing one."""
        if missing := [name for name in self.names if name not in rows]:
            raise KeyError(", ".join(missing))
        return rows.rename(columns=self.names)


def date_from_parts(into: str, *, year: str, month: str, day: str, hour: str | None = None) -> DateFromParts:
    """Make a time from columns with its parts.

    An impossible date becomes missing.

    Args:
        into: the new column.
        month: a number, or an English name, or its first three letters.
    """
    return DateFromParts(into, year, month, day, hour)


def shifted(into: str, time: str, *, days: str | float, back: bool = False) -> Shifted:
    """Make a time that lies days after, or before, another one.

    Args:
        into: the new column.
        days: a number, or the column that has it, such as how long before an arrival a booking was made.
    """
    return Shifted(into, time, days, back)


def time_from_position(into: str, start: str, *, step_minutes: float = MINUTES_OF_DAY) -> TimeFromPosition:
    """Make a time from a row's position in the file.

    Args:
        into: the new column.
        start: the time of the first row.
        step_minutes: from each row to the next.
    """
    return TimeFromPosition(into, start, step_minutes)


def renamed(names: Mapping[str, str] | None = None, /, **more: str) -> Renamed:
    """Rename columns.

    It takes `renamed(old="new")`, or `renamed({"old name": "new"})`.
    """
    return Renamed({**(names or {}), **more})


def _number(values: "pd.Series[str]") -> "pd.Series[float]":
    return pd.to_numeric(values, errors="coerce").astype("float64")
