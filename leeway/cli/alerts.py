"""Commands about alerts."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from leeway.cli import output
from leeway.cli.options import Json, ReasonOption, WrongValue

Of = Annotated[str | None, typer.Argument(help="The classifier, unless --all is given.", show_default=False)]
All = Annotated[bool, typer.Option("--all", help="All classifiers.")]
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _length(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})([mhd])", text.strip())
    if found is None:
        raise WrongValue("--for", text, wanted="duration", example="30m, 2h or 3d")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


def mute(
    reason: ReasonOption,
    length: Annotated[str, typer.Option("--for", help="How long: 30m, 2h or 3d.", show_default=False)],
    name: Of = None,
    every: All = False,
    json: Json = False,
) -> None:
    """Mute a classifier's alerts for a while.

    What happens is still recorded.
    """
    from leeway.alerts import muting
    from leeway.cli.orchestrated import person

    name = _which(name, every)
    made = muting.mute(name, datetime.now(UTC), _length(length), reason=reason, actor=person())
    output.emit(
        made, lambda: print(f"alerts of {name or 'all classifiers'} are muted until {made.until:%Y-%m-%d %H:%M} UTC")
    )


def unmute(name: Of = None, every: All = False, json: Json = False) -> None:
    """Unmute a classifier's alerts."""
    from leeway.alerts import muting

    name = _which(name, every)
    ended = muting.unmute(name, datetime.now(UTC))
    output.emit({"ended": ended}, lambda: print(f"{ended} ended" if ended else "nothing was muted"))


def alerts(
    test: Annotated[bool, typer.Option("--test", help="Send a test message to every address.")] = False,
    json: Json = False,
) -> None:
    """Send the alerts that are due.

    With `--test`, check that every address can be reached.
    """
    from leeway import alerts as people

    if test:
        tried = people.try_all()
        output.emit(tried, lambda: print("\n".join(f"{place}: {said}" for place, said in tried.items()) or NOBODY))
        if not tried or any(said != "told" for said in tried.values()):
            raise typer.Exit(1)
        return
    titles, waiting = people.look(datetime.now(UTC)), people.waiting()
    later = (
        f"no alert to send now; {waiting} wait: quiet hours, or an address cannot be reached"
        if waiting
        else "no alert to send"
    )
    output.emit(titles, lambda: print("\n".join(titles) or later))


NOBODY = "no address is set: name some in LEEWAY_ALERT_URLS"


def _which(name: str | None, every: bool) -> str | None:
    if (name is None) is not every:
        raise typer.BadParameter("name a classifier, or give --all")
    if name is not None:
        from leeway.definition import catalog

        catalog.definition_path(name)  # a definition that does not load can be muted, too
    return name


COMMANDS = (alerts, mute, unmute)
