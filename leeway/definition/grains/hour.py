"""Hours."""

from datetime import datetime, timedelta

from leeway.definition.grains.grain import EvenGrain


class HourGrain(EvenGrain):
    """An hour; `2026-03-01T13`."""

    name = "hour"
    length = timedelta(hours=1)
    season = 24
    least_reference = 336
    cron = "10 * * * *"
    row = 24
    tested = timedelta(hours=48)
    most_reference = 672  # four weeks

    def start_of(self, moment: datetime) -> datetime:
        """The full hour before an instant."""
        return moment.replace(minute=0, second=0, microsecond=0)

    def key(self, start: datetime) -> str:
        """The date and the hour."""
        return start.isoformat()[: len("2026-03-01T13")]

    def short(self, key: str) -> str:
        """The hour."""
        return key[len("2026-03-01T") :] + "h"

    def place(self, start: datetime) -> int:
        """The hour of the day."""
        return start.hour

    def column(self, start: datetime) -> int:
        """The hour of the day."""
        return start.hour
