"""Numbers and times in plain words."""

import math
from datetime import datetime, timedelta

from leeway.monitoring.outcomes import interval

NONE = "–"


def percent(share: float | None, digits: int = 0) -> str:
    """A share, such as 12 %."""
    return NONE if share is None else f"{share * 100:.{digits}f} %"


def share_of(count: int, of: int) -> str:
    """A share with its 95 % interval, such as 71 % (64 to 77)."""
    found = interval(count, of)
    if found is None:
        return NONE
    return f"{100 * count / of:.0f} % ({100 * found[0]:.0f} to {100 * found[1]:.0f})"


def points(change: float) -> str:
    """A change of a probability, such as +1.24 points."""
    return f"{round(100 * change, 2) + 0.0:+.2f} points"


def number(value: float) -> str:
    """A number as people write it: 1,234 or 0.12."""
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:,.2g}"


def figure(value: float, digits: int = 3) -> str:
    """A number to so many digits that matter, without an exponent: 1,280 or 0.0118."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    after = digits - 1 - math.floor(math.log10(abs(value)))
    shown = f"{round(value, after):,.{max(0, after)}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def span(length: timedelta) -> str:
    """A length of time in its largest unit: 3 days, 5 hours, 2 minutes."""
    seconds = abs(length.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "a moment"


def ago(then: datetime, now: datetime) -> str:
    """How long ago, or how long until."""
    return f"{span(now - then)} ago" if then <= now else f"in {span(then - now)}"


def moment(at: datetime) -> str:
    """A time, such as 2026-03-01 02:00 UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
