"""Numbers and times in plain words."""

import math
from datetime import datetime, timedelta

from leeway.monitoring.outcomes import interval

NONE = "–"


def percent(share: float | None, digits: int = 0) -> str:
    """Format a share, such as 12 %."""
    return NONE if share is None else f"{share * 100:.{digits}f} %"


def share_of(count: int, of: int) -> str:
    """Format a share and its 95 % interval.

    Example: 71 % (64 to 77).
    """
    found = interval(count, of)
    if found is None:
        return NONE
    return f"{100 * count / of:.0f} % ({100 * found[0]:.0f} to {100 * found[1]:.0f})"


def points(change: float) -> str:
    """Format a change of a probability, as +1.24 points."""
    return f"{round(100 * change, 2) + 0.0:+.2f} points"


def number(value: float) -> str:
    """Format a number, such as 1,234 or 0.12."""
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:,.2g}"


def figure(value: float, digits: int = 3) -> str:
    """Format a number to some significant digits.

    There is no exponent: 1,280 or 0.0118.
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    after = digits - 1 - math.floor(math.log10(abs(value)))
    shown = f"{round(value, after):,.{max(0, after)}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def span(length: timedelta) -> str:
    """Format a length of time in its largest unit.

    Examples: 3 days, 5 hours, 2 minutes.
    """
    seconds = abs(length.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "a moment"


def ago(then: datetime, now: datetime) -> str:
    """Format how long ago or how soon."""
    return f"{span(now - then)} ago" if then <= now else f"in {span(then - now)}"


def moment(at: datetime) -> str:
    """Format a time, such as 2026-03-01 02:00 UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
