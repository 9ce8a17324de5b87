"""Partitions: the periods of events by which every stage runs. All times are UTC."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self

from leeway.definition import Grain
from leeway.errors import NotFound

STEP = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}


@dataclass(frozen=True, order=True)
class Partition:
    """One period of events: start included, end excluded; a week starts on Monday.

    Attributes:
        start: an aware UTC instant on a boundary of the grain.
        grain: `hour`, `day` or `week`.
    """

    start: datetime
    grain: Grain

    @property
    def end(self) -> datetime:
        """The first instant after the partition."""
        return self.start + STEP[self.grain]

    @property
    def key(self) -> str:
        """The partition's name: `2026-03-01`, or `2026-03-01T13` for an hour. Keys sort as the partitions do."""
        return self.start.strftime("%Y-%m-%dT%H" if self.grain == "hour" else "%Y-%m-%d")

    def __str__(self) -> str:
        return self.key

    def shift(self, steps: int) -> Self:
        """The partition `steps` later, or earlier."""
        return type(self)(self.start + steps * STEP[self.grain], self.grain)

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
        return cls(start, grain)

    @classmethod
    def parse(cls, text: str, grain: Grain) -> Self:
        """Read a key, or any ISO date or time within the partition.

        Raises:
            NotFound: `text` is no date.
        """
        try:
            return cls.containing(datetime.fromisoformat(text), grain)
        except ValueError:
            raise NotFound(
                "reading a partition",
                rule="it must be a date such as 2026-03-01",
                found=text,
                way_out="give an ISO date",
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
