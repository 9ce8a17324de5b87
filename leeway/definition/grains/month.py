"""Months."""

from datetime import datetime, timedelta

from leeway.definition.grains.grain import Grain, midnight

MONTHS = 12


class MonthGrain(Grain):
    """A month of the calendar; `2026-03`."""

    name = "month"
    length = timedelta(days=30)
    cron = "0 2 1 * *"
    row = MONTHS
    a_year = MONTHS
    tested = timedelta(days=92)
    most_reference = 60  # five years

    def start_of(self, moment: datetime) -> datetime:
        """The first of the month."""
        return midnight(moment).replace(day=1)

    def shift(self, start: datetime, steps: int) -> datetime:
        """The first of the month that is `steps` later, or earlier."""
        year, month = divmod(_number(start) + steps, MONTHS)
        return start.replace(year=year, month=month + 1)

    def steps(self, first: datetime, last: datetime) -> int:
        """How many months lie from one start to another."""
        return _number(last) - _number(first)

    def key(self, start: datetime) -> str:
        """Year and month."""
        return start.isoformat()[: len("2026-03")]

    def column(self, start: datetime) -> int:
        """The month of the year."""
        return start.month - 1


def _number(start: datetime) -> int:
    return start.year * MONTHS + start.month - 1
