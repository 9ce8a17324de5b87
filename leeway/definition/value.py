"""The base of all parts of a definition."""

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Duration = Annotated[timedelta, Field(gt=timedelta(0), strict=True)]


def _zone(name: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"timezone {name!r} is unknown; use a name such as 'Europe/Berlin'") from error
    return name


Timezone = Annotated[str, AfterValidator(_zone)]


def days(count: float) -> timedelta:
    """Return a duration of `count` days."""
    return timedelta(days=count)


def hours(count: float) -> timedelta:
    """Return a duration of `count` hours."""
    return timedelta(hours=count)


def weeks(count: float) -> timedelta:
    """Return a duration of `count` weeks."""
    return timedelta(weeks=count)


class Value(BaseModel):
    """A frozen value that refuses unknown names.

    It takes keywords only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
