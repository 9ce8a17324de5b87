"""What all parts of a definition share."""

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
    """`count` days."""
    return timedelta(days=count)


def hours(count: float) -> timedelta:
    """`count` hours."""
    return timedelta(hours=count)


def weeks(count: float) -> timedelta:
    """`count` weeks."""
    return timedelta(weeks=count)


class Value(BaseModel):
    """A frozen value that takes keywords only and refuses names that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
