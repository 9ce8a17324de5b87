"""Commands about whom is told of what."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from leeway.cli import output
from leeway.cli.options import Json, ReasonOption

Of = Annotated[str | None, typer.Argument(help="The classifier; all of them with --all.", show_default=False)]
All = Annotated[bool, typer.Option("--all", help="Of every classifier.")]
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _length(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})([mhd])", text.strip())
    if found is None:
        raise typer.BadParameter("write 30m, 2h or 3d")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


def mute(
    reason: ReasonOption,
    length: Annotated[str, typer.Option("--for", help="How long: 30m, 2h or 3d.", show_default=False)],
    name: Of = None,
    every: All = False,
    json: Json = False,
) -> None:
    """Tell nobody of what happens to a classifier for a while; it is noted all the same."""
    from leeway.alerts import muting
    from leeway.cli.orchestrated import person

    name = _which(name, every)
    made = muting.mute(name, datetime.now(UTC), _length(length), reason=reason, actor=person())
    output.emit(made, lambda: print(f"nobody is told of {name or 'anything'} until {made.until:%Y-%m-%d %H:%M} UTC"))


def unmute(name: Of = None, every: All = False, json: Json = False) -> None:
    """End the silence of a classifier."""
    from leeway.alerts import muting

    name = _which(name, every)
    ended = muting.unmute(name, datetime.now(UTC))
    output.emit({"ended": ended}, lambda: print(f"{ended} ended" if ended else "there was none"))


def alerts(
    test: Annotated[bool, typer.Option("--test", help="Send a message to every address that is set, now.")] = False,
    json: Json = False,
) -> None:
    """Find what people are to be told of, and tell it; with --test, see whether they can be reached."""
    from leeway import alerts as people

    if test:
        tried = people.try_all()
        output.emit(tried, lambda: print("\n".join(f"{place}: {said}" for place, said in tried.items()) or NOBODY))
        if not tried or any(said != "told" for said in tried.values()):
            raise typer.Exit(1)
        return
    titles, waiting = people.look(datetime.now(UTC)), people.waiting()
    later = (
        f"nothing to tell now; {waiting} to be told later: it is quiet, or a way is down"
        if waiting
        else "nothing to tell"
    )
    output.emit(titles, lambda: print("\n".join(titles) or later))


NOBODY = "there is nobody to tell: name addresses in LEEWAY_ALERT_URLS"


def _which(name: str | None, every: bool) -> str | None:
    if (name is None) is not every:
        raise typer.BadParameter("name a classifier, or give --all")
    if name is not None:
        from leeway.definition import catalog

        catalog.definition_path(name)  # of one that does not load, too: it is being mended
    return name


COMMANDS = (alerts, mute, unmute)
