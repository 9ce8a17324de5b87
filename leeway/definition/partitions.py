"""Partitions: the periods of events by which every stage runs. All times are UTC."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

import pandas as pd

from leeway.core.errors import NotFound
from leeway.definition.grains import Grain
from leeway.definition.grains.grain import utc


@dataclass(frozen=True, order=True)
class Partition:
    """One period of events: start included, end excluded.

    Attributes:
        start: an aware UTC instant on a boundary of the grain.
        grain: which kind of period it is.
    """

    start: datetime
    grain: Grain

    @property
    def end(self) -> datetime:
        """The first instant after the partition."""
        return self.shift(1).start

    @property
    def key(self) -> str:
        """The partition's name, such as `2026-03-01`. Keys sort as partitions do."""
        return self.grain.key(self.start)

    def __str__(self) -> str:
        return self.key

    def shift(self, steps: int) -> Self:
        """The partition `steps` later, or earlier."""
        return type(self)(self.grain.shift(self.start, steps), self.grain)

    @classmethod
    def containing(cls, moment: datetime | date, grain: Grain) -> Self:
        """The partition that `moment` lies in; a date or a naive time is UTC."""
        if not isinstance(moment, datetime):
            moment = datetime(moment.year, moment.month, moment.day)
        return cls(grain.start_of(utc(moment)), grain)

    @classmethod
    def parse(cls, text: str, grain: Grain) -> Self:
        """Read a key, or any ISO date or time within the partition.

        Raises:
            NotFound: `text` is neither.
        """
        try:
            return cls(grain.read(text), grain)
        except (ValueError, OverflowError):  # a time before the calendar begins
            raise NotFound(
                "reading a partition",
                problem="it is not a date such as 2026-03-01",
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
