"""Ready functions for a source's `prepare`: what raw data needs most often, row by row."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MINUTES_OF_DAY = 1440


@dataclass(frozen=True)
class DateFromParts:
    """See `date_from_parts`."""

    into: str
    year: str
    month: str
    day: str
    hour: str | None = None

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows with the further column."""
        parts = {name: _number(rows[getattr(self, name)]) for name in ("year", "day")}
        names = rows[self.month].astype("str").str.strip().str.lower().str[:3]
        named = names.map({name: number for number, name in enumerate(MONTHS, start=1)})
        month = named.astype("float64").fillna(_number(rows[self.month]))
        hour = _number(rows[self.hour]) if self.hour else pd.Series(0, index=rows.index)
        times = pd.to_datetime(pd.DataFrame({**parts, "month": month, "hour": hour}), errors="coerce")
        return rows.assign(**{self.into: times})


@dataclass(frozen=True)
class Shifted:
    """See `shifted`."""

    into: str
    time: str
    days: str | float = 0.0
    back: bool = False

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows with the further column."""
        times = pd.to_datetime(rows[self.time], errors="coerce")
        count = _number(rows[self.days]) if isinstance(self.days, str) else pd.Series(self.days, index=rows.index)
        step = pd.to_timedelta(count, unit="D")
        return rows.assign(**{self.into: times - step if self.back else times + step})


@dataclass(frozen=True)
class TimeFromPosition:
    """See `time_from_position`."""

    into: str
    start: str
    step_minutes: float

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows with the further column."""
        passed = pd.to_timedelta(rows.index.to_series() * self.step_minutes, unit="min")
        return rows.assign(**{self.into: pd.Timestamp(self.start) + passed})


@dataclass(frozen=True)
class Renamed:
    """See `renamed`."""

    names: dict[str, str] = field(default_factory=dict)

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows with the new names; a name that is not there is an error."""
        if missing := [name for name in self.names if name not in rows]:
            raise KeyError(", ".join(missing))
        return rows.rename(columns=self.names)


def date_from_parts(into: str, *, year: str, month: str, day: str, hour: str | None = None) -> DateFromParts:
    """A time `into` a new column from columns with its parts; what is no date becomes missing.

    Args:
        month: a number, or an English name, or its first three letters.
    """
    return DateFromParts(into, year, month, day, hour)


def shifted(into: str, time: str, *, days: str | float, back: bool = False) -> Shifted:
    """A time `into` a new column: another one and a number of days later, or earlier.

    Args:
        days: a number, or the column that has it, such as how long before an arrival a booking was made.
    """
    return Shifted(into, time, days, back)


def time_from_position(into: str, start: str, *, step_minutes: float = MINUTES_OF_DAY) -> TimeFromPosition:
    """A time `into` a new column for rows that only come in their order: `start`, and a step more for each row of the file."""
    return TimeFromPosition(into, start, step_minutes)


def renamed(names: Mapping[str, str] | None = None, /, **more: str) -> Renamed:
    """Columns under other names: `renamed(old="new")`, or `renamed({"old name": "new"})`."""
    return Renamed({**(names or {}), **more})


def _number(values: "pd.Series[str]") -> "pd.Series[float]":
    return pd.to_numeric(values, errors="coerce").astype("float64")
