"""What every grain can do: the arithmetic of its periods, and what the platform takes for granted about them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

YEAR = timedelta(days=365.25)
MONTH_KEY = len("2026-03")


@dataclass(frozen=True, repr=False)
class Grain(ABC):
    """A kind of period by which events are cut into partitions. All instants are aware, and in UTC.

    A key begins with the date on which its period starts, as far as it goes, so that keys compare with ISO dates.

    Attributes:
        name: as a definition gives it and as it is stored.
        length: of a period; a typical one where they differ.
        season: after how many partitions a pattern returns, such as that of the days of a week.
        tested: what a challenger that answers a change is tested on, where the definition does not hold out less.
        least_reference: with how many partitions in the reference the monitor begins to act.
        cron: when a night is best run.
        row: how many periods a row of the calendar has, and `heads` what is written above them.
    """

    name: ClassVar[str]
    length: ClassVar[timedelta]
    season: ClassVar[int] = 1
    least_reference: ClassVar[int] = 12
    cron: ClassVar[str] = "0 2 * * *"
    row: ClassVar[int] = 13
    heads: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def start_of(self, moment: datetime) -> datetime:
        """The start of the period that contains an instant."""

    @abstractmethod
    def shift(self, start: datetime, steps: int) -> datetime:
        """The start of the period that is `steps` later, or earlier."""

    @abstractmethod
    def steps(self, first: datetime, last: datetime) -> int:
        """How many periods lie from one start to another."""

    @abstractmethod
    def key(self, start: datetime) -> str:
        """The name of the period with this start. Keys sort as their periods do."""

    def read(self, text: str) -> datetime:
        """The start of the period with this key, or of the one that an ISO date, time or month lies in.

        Raises:
            ValueError: it is neither.
        """
        return self.start_of(utc(datetime.fromisoformat(f"{text}-01" if len(text) == MONTH_KEY else text)))

    def short(self, key: str) -> str:
        """The key in a cell of the calendar."""
        return key

    @property
    def noun(self) -> str:
        """One period, for people."""
        return self.name

    def count(self, number: int) -> str:
        """So many periods, for people: `1 day`, `3 days`."""
        return f"{number} {self.noun}{'' if number == 1 else 's'}"

    @property
    def a_year(self) -> float:
        """How many periods a year has."""
        return YEAR / self.length

    @property
    def tested(self) -> timedelta:
        """What a challenger that answers a change is tested on."""
        return 4 * self.length

    @property
    def most_reference(self) -> int:
        """How many partitions a reference has at most."""
        return round(2 * self.a_year)

    def place(self, start: datetime) -> int:
        """Which place in the season a period has."""
        return 0

    def column(self, start: datetime) -> int:
        """Which column of the calendar's row a period has, where it is the first."""
        return 0

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return repr(self.name)  # as a definition gives it


class EvenGrain(Grain):
    """A grain whose periods all have the same length."""

    def shift(self, start: datetime, steps: int) -> datetime:
        """The start of the period that is `steps` later, or earlier."""
        return start + steps * self.length

    def steps(self, first: datetime, last: datetime) -> int:
        """How many periods lie from one start to another."""
        return (last - first) // self.length


def utc(moment: datetime) -> datetime:
    """An instant in UTC; a time without a zone is in it already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def midnight(moment: datetime) -> datetime:
    """The start of an instant's day."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def last_weekday(moment: datetime, weekday: int) -> datetime:
    """The last midnight at which this day of the week began (0 is Monday); no earlier than the calendar itself."""
    day = midnight(moment)
    return day - timedelta(days=min((day.weekday() - weekday) % 7, day.toordinal() - 1))
