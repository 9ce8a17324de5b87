"""Business weeks from Sunday."""

from datetime import datetime, timedelta

from leeway.definition.grains.grain import EvenGrain, last_weekday

SUNDAY = 6
MARK = "-sun"


class SundayWeekGrain(EvenGrain):
    """A week that begins on Sunday; its key is the date of that day and a mark, `2026-03-29-sun`.

    Without the mark, the key would be that of a day.
    """

    name = "sunday_week"
    noun = "week"
    length = timedelta(weeks=1)
    cron = "0 2 * * 0"

    def start_of(self, moment: datetime) -> datetime:
        """The last Sunday."""
        return last_weekday(moment, SUNDAY)

    def key(self, start: datetime) -> str:
        """The date of its Sunday, marked."""
        return f"{start.date().isoformat()}{MARK}"

    def read(self, text: str) -> datetime:
        """The start of the week with this key, or of the one that an ISO date, time or month lies in."""
        return super().read(text.removesuffix(MARK))

    def short(self, key: str) -> str:
        """Month and day."""
        return key[len("2026-") :].removesuffix(MARK)
