"""Weeks from Monday."""

from datetime import datetime, timedelta

from leeway.definition.grains.grain import EvenGrain, last_weekday

MONDAY = 0


class WeekGrain(EvenGrain):
    """A week that begins on Monday; its key is the date of that day, `2026-03-02`."""

    name = "week"
    length = timedelta(weeks=1)
    cron = "0 2 * * 1"
    a_year = 52.18  # as stored limits were found with

    def start_of(self, moment: datetime) -> datetime:
        """The last Monday."""
        return last_weekday(moment, MONDAY)

    def key(self, start: datetime) -> str:
        """The date of its Monday."""
        return start.date().isoformat()

    def short(self, key: str) -> str:
        """Month and day."""
        return key[len("2026-") :]
