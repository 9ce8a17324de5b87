"""Partitions: the periods of events by which every stage runs. All times are UTC."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self

import pandas as pd

from leeway.core.errors import NotFound
from leeway.definition import Grain

STEP: dict[Grain, timedelta] = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
MONTHS = 12
KEY_LENGTH: dict[Grain, int] = {"hour": 13, "day": 10, "week": 10, "month": 7}  # characters of an ISO date and time


@dataclass(frozen=True, order=True)
class Partition:
    """One period of events: start included, end excluded; a week starts on Monday.

    Attributes:
        start: an aware UTC instant on a boundary of the grain.
        grain: `hour`, `day`, `week` or `month`.
    """

    start: datetime
    grain: Grain

    @property
    def end(self) -> datetime:
        """The first instant after the partition."""
        return self.shift(1).start

    @property
    def key(self) -> str:
        """The partition's name: `2026-03-01`, `2026-03-01T13` for an hour, `2026-03` for a month. Keys sort as they do."""
        return self.start.isoformat()[: KEY_LENGTH[self.grain]]

    def __str__(self) -> str:
        return self.key

    def shift(self, steps: int) -> Self:
        """The partition `steps` later, or earlier."""
        if self.grain != "month":
            return type(self)(self.start + steps * STEP[self.grain], self.grain)
        year, month = divmod(self.start.year * MONTHS + self.start.month - 1 + steps, MONTHS)
        return type(self)(self.start.replace(year=year, month=month + 1), self.grain)

    @classmethod
    def containing(cls, moment: datetime | date, grain: Grain) -> Self:
        """The partition that `moment` lies in; a date or a naive time is UTC."""
        if not isinstance(moment, datetime):
            moment = datetime(moment.year, moment.month, moment.day)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        start = moment.replace(minute=0, second=0, microsecond=0)
        if grain != "hour":
            start = start.replace(hour=0)
        if grain == "week":
            start -= timedelta(days=start.weekday())
        if grain == "month":
            start = start.replace(day=1)
        return cls(start, grain)

    @classmethod
    def parse(cls, text: str, grain: Grain) -> Self:
        """Read a key, or any ISO date or time within the partition.

        Raises:
            NotFound: `text` is no date.
        """
        try:
            whole_month = len(text) == KEY_LENGTH["month"]
            return cls.containing(datetime.fromisoformat(f"{text}-01" if whole_month else text), grain)
        except ValueError:
            raise NotFound(
                "reading a partition",
                problem="it must be a date such as 2026-03-01",
                found=text,
                hint="give an ISO date",
            ) from None

    @classmethod
    def last_complete(cls, now: datetime, grain: Grain) -> Self:
        """The most recent partition that had ended at `now`."""
        return cls.containing(now, grain).shift(-1)


def between(first: Partition, last: Partition) -> Iterator[Partition]:
    """Every partition from `first` to `last`, both included, oldest first."""
    while first <= last:
        yield first
        first = first.shift(1)


def keys_of(times: "pd.Series[pd.Timestamp]", grain: Grain) -> "pd.Series[str]":
    """The key of the partition that each instant lies in; missing where the instant is."""
    codes, hours = pd.factorize(times.dt.tz_convert("UTC").dt.floor("h"))
    keys = [Partition.containing(hour.to_pydatetime(), grain).key for hour in hours]
    return pd.Series(pd.array([None, *keys], dtype="str").take(codes + 1), index=times.index, dtype="str")
