"""The options of `leeway new`."""

import re
from dataclasses import dataclass
from datetime import timedelta

from leeway.core.errors import SourceError
from leeway.core.logs import logger

log = logger(__name__)

UNITS = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Options:
    """A person's choices; everything else is guessed.

    Attributes:
        label: one column, or several 0/1 columns.
        id, time, entity, label_time: columns.
        keep: columns that stay features in any case.
    """

    name: str
    data: str
    label: tuple[str, ...]
    positive: str | None = None
    id: str | None = None
    time: str | None = None
    entity: str | None = None
    label_time: str | None = None
    label_delay: timedelta | None = None
    keep: tuple[str, ...] = ()
    query: str = ""
    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None

    @property
    def named(self) -> dict[str, list[str]]:
        """The named columns, by option."""
        one = {"--id": self.id, "--time": self.time, "--entity": self.entity, "--label-time": self.label_time}
        given = {option: [name] for option, name in one.items() if name}
        return {"--label": list(self.label), **given, "--keep": list(self.keep)}


def one_role_each(options: Options) -> None:
    """Refuse a column with two roles.

    Raises:
        SourceError: a column has two roles.
    """
    roles_of: dict[str, str] = {}
    for option, names in options.named.items():
        for name in names if option != "--keep" else ():
            if name in roles_of:
                raise SourceError(
                    "reading the options",
                    problem="a column has two roles" if roles_of[name] != option else "a column is named twice",
                    found=f"{name} as {roles_of[name]} and {option}" if roles_of[name] != option else f"{name} twice",
                    hint="name another column, or leave one out",
                )
            roles_of[name] = option


def duration(text: str) -> timedelta:
    """Read a duration such as `30d`, `12h`, `2w` or `45min`.

    Raises:
        SourceError: the text is no duration.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(min|h|d|w)", text.strip())
    try:
        if match is not None:
            return timedelta(**{UNITS[match[2]]: float(match[1])})
    except OverflowError:
        log.debug("%s is longer than a duration can be", text)
    raise SourceError(
        "reading --label-delay",
        problem="the value is no duration",
        found=text,
        hint="give a number with min, h, d or w, such as 30d",
    )
