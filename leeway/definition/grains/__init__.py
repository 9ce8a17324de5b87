"""The periods by which events are cut into partitions. A new one is one module and one line in the list."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, InstanceOf, PlainSerializer

from leeway.definition.grains.day import DayGrain
from leeway.definition.grains.grain import Grain
from leeway.definition.grains.hour import HourGrain
from leeway.definition.grains.month import MonthGrain
from leeway.definition.grains.sunday_week import SundayWeekGrain
from leeway.definition.grains.week import WeekGrain

HOUR, DAY, WEEK, MONTH = HourGrain(), DayGrain(), WeekGrain(), MonthGrain()

GRAINS: tuple[Grain, ...] = (
    HOUR,
    DAY,
    WEEK,
    MONTH,
    SundayWeekGrain(),
)


def named(given: Any) -> Any:
    """The grain with a name; what is no text stays as it is.

    Raises:
        ValueError: there is none with that name.
    """
    if not isinstance(given, str):
        return given
    for grain in GRAINS:
        if grain.name == given:
            return grain
    raise ValueError(f"grain {given!r} is unknown; use one of {', '.join(repr(grain.name) for grain in GRAINS)}")


def start_of_key(key: str) -> datetime:
    """When the period with a key starts, of whichever grain it is.

    Raises:
        ValueError: it is no grain's.
    """
    for grain in GRAINS:
        try:
            start = grain.read(key)
        except ValueError:
            continue
        if grain.key(start) == key:
            return start
    raise ValueError(f"{key!r} is no partition's key")


#: A grain as a field of a declared or stored value: a name from outside, and back.
NamedGrain = Annotated[InstanceOf[Grain], BeforeValidator(named), PlainSerializer(str, return_type=str)]

__all__ = ["DAY", "GRAINS", "HOUR", "MONTH", "WEEK", "Grain", "NamedGrain", "named", "start_of_key"]
