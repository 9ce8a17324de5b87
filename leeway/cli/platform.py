"""The commands `leeway up` and `leeway down`."""

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from leeway.cli import output
from leeway.cli.options import Json
from leeway.core.errors import AlreadyRunning

if TYPE_CHECKING:
    from leeway.operations.platform.state import State

MARKS = {"up": "green", "gave up": "bold red", "restarting": "yellow", "starting": "cyan"}
LOOK_SECONDS = 10.0
SHOWN_DUE = 5


def up(json: Json = False) -> None:
    """Run the whole platform on this machine.

    Runs until Ctrl-C: database, Prefect, MLflow, dashboards, reports and the schedules of all classifiers.
    """
    from leeway.operations.platform import run

    if _is_up():
        return
    screen: _Table | _Lines = _Table() if sys.stdout.isatty() and not output.as_json else _Lines()
    try:
        with screen:
            run.run(screen.tell, screen.show)
    except AlreadyRunning:  # another platform started at the same moment
        if not _is_up():
            raise
        return
    screen.tell("the platform has stopped")


def down(json: Json = False) -> None:
    """Stop the platform of this data folder."""
    from leeway.operations.platform import run

    was_up = run.stop()
    output.emit({"stopped": was_up}, lambda: print("the platform has stopped" if was_up else "no platform runs here"))


COMMANDS = (up, down)


def _is_up() -> bool:
    """Return whether a platform runs here already.

    If one does, print its links once it is ready.
    """
    from leeway.operations.platform import run

    found = run.running()
    if found is None:
        return False
    output.emit(found, lambda: _say_links("the platform is up already", found))
    return True


class _Lines:
    """A log: one line for each event.

    The links follow once all services are up. With `--json` the state is printed instead of the links.
    """

    def __init__(self) -> None:
        self._ready = False

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def tell(self, text: str) -> None:
        print(text, file=sys.stderr if output.as_json else sys.stdout, flush=True)

    def show(self, state: "State") -> None:
        if state.ready and not self._ready:
            self._ready = True
            seconds = (datetime.now(UTC) - state.started_at).total_seconds()
            output.emit(state, lambda: _say_links(f"the platform is up after {seconds:.0f} s", state))
            sys.stdout.flush()


class _Table:
    """A live table for a terminal.

    Shows what runs and what is due next, with the latest events below.
    """

    def __init__(self) -> None:
        from rich.live import Live

        self._live = Live(auto_refresh=False, transient=False)
        self._told: list[str] = []
        self._state: State | None = None
        self._beside: list[Any] = []
        self._looked = 0.0

    def __enter__(self) -> "_Table":
        self._live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._live.__exit__(*error)

    def tell(self, text: str) -> None:
        self._told = [*self._told, f"{datetime.now():%H:%M:%S} {text}"][-5:]
        if not self._live.is_started:
            print(text)
        elif self._state is not None:
            self._draw(self._state)

    def show(self, state: "State") -> None:
        if time.monotonic() > self._looked + LOOK_SECONDS:
            self._looked, self._beside = time.monotonic(), _beside(state)
        self._state = state
        self._draw(state)

    def _draw(self, state: "State") -> None:
        from rich.console import Group
        from rich.markup import escape

        from leeway.operations.platform import secret

        login = f"To log in to Prefect's pages, paste what stands in {escape(str(secret.path()))}."
        parts = (_services(state), login, *self._beside, "Ctrl-C stops everything.", *self._told)
        self._live.update(Group(*parts), refresh=True)


def _services(state: "State") -> Any:
    from rich.markup import escape
    from rich.table import Table

    grid = Table(title=f"Leeway in {state.home}", title_justify="left", header_style="bold", box=None)
    for column in ("service", "state", "link", ""):
        grid.add_column(column, overflow="fold")
    for unit in state.units.values():
        colour = MARKS.get(unit.state, "dim")
        restarts = f"restarted {unit.restarts} times " if unit.restarts else ""
        grid.add_row(unit.name, f"[{colour}]{unit.state}[/]", unit.url or "", restarts + escape(unit.said))
    return grid


def _beside(state: "State") -> list[Any]:
    from rich.markup import escape
    from rich.table import Table

    from leeway.definition import catalog
    from leeway.operations.platform.due import at_work, due

    catalog.load.cache_clear()  # a definition may have changed since
    runs = ", ".join(at_work(state))
    grid = Table(header_style="bold", box=None)
    for column in ("due next", "at", ""):
        grid.add_column(column, overflow="fold")
    for item in due(datetime.now(UTC))[:SHOWN_DUE]:
        grid.add_row(item.classifier, f"{item.at.astimezone():%a %H:%M}" if item.at else "", escape(item.why))
    return ["", grid, "", f"running now: {escape(runs)}" if runs else "running now: nothing"]


def _say_links(heading: str, state: "State") -> None:
    from leeway.operations.platform import secret
    from leeway.operations.platform.state import PREFECT, folder

    print(heading)
    for unit in state.units.values():
        if unit.url and unit.state == "up":
            print(f"  {unit.title}: {unit.url}")
            if unit.name == PREFECT:
                print(f"    to log in there, paste what stands in {secret.path()}")
        elif unit.state != "up":
            print(f"  {unit.title}: {unit.state}: {unit.said}")
    print(f"  logs: {folder()}")
