"""Days."""

from datetime import datetime, timedelta

from leeway.definition.grains.grain import EvenGrain, midnight


class DayGrain(EvenGrain):
    """A day; `2026-03-01`."""

    name = "day"
    length = timedelta(days=1)
    season = 7
    least_reference = 56
    row = 7
    heads = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    tested = timedelta(days=7)
    most_reference = 182  # half a year

    def start_of(self, moment: datetime) -> datetime:
        """The midnight before an instant."""
        return midnight(moment)

    def key(self, start: datetime) -> str:
        """The date."""
        return start.date().isoformat()

    def short(self, key: str) -> str:
        """Month and day."""
        return key[len("2026-") :]

    def place(self, start: datetime) -> int:
        """The day of the week."""
        return start.weekday()

    def column(self, start: datetime) -> int:
        """The day of the week."""
        return start.weekday()
