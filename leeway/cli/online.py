"""The commands that ask the champion about events that are not stored."""

import json as jsons
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leeway.cli import output
from leeway.cli.options import Json, NameArgument, WrongValue

if TYPE_CHECKING:
    from leeway.scoring.online.answering import OnlineAnswer


def ask(
    name: NameArgument,
    values: Annotated[
        str, typer.Option("--values", help="The event's columns as a JSON object; `-` reads it from standard input.")
    ],
    event_id: Annotated[
        str | None,
        typer.Option("--event-id", help="A stored event that these values replace.", show_default=False),
    ] = None,
    explain: Annotated[int, typer.Option("--explain", min=0, max=10, help="How many reasons to give.")] = 3,
    json: Json = False,
) -> None:
    """Ask the champion about one event.

    Its history is counted as of now. Nothing is stored.
    """
    given = _values(sys.stdin.read() if values == "-" else values)
    from leeway.definition import catalog
    from leeway.scoring.online.answering import answer

    classifier = catalog.load(name)
    with output.progress(f"asking {name}"):
        found = answer(classifier, given, event_id=event_id, explain=explain)
    output.emit(found, lambda: _say(found))


def score_file(
    name: NameArgument,
    data: Annotated[str, typer.Argument(help="A CSV or Parquet file, or a pattern.", show_default=False)],
    out: Annotated[Path, typer.Argument(help="The file to write: .parquet or .csv.", show_default=False)],
    json: Json = False,
) -> None:
    """Score any file with the champion, outside of nights.

    Its rows are read as those of a delivery and see one another as history. Nothing is stored.
    """
    from leeway.definition import catalog
    from leeway.scoring import file_scoring

    classifier = catalog.load(name)
    with output.progress(f"scoring {data}"):
        found = file_scoring.score_file(classifier, data, out)
    unread = f"; {found.unread:,} could not be read: see the column `problem`" if found.unread else ""
    output.emit(found, lambda: print(f"{found.rows:,} rows scored by version {found.version}, in {found.path}{unread}"))


def _values(text: str) -> dict[str, object]:
    try:
        found = jsons.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise WrongValue("--values", text[:60], wanted="JSON object", example="'{\"amount\": 12.5}'")
    return found


def _say(found: "OnlineAnswer") -> None:
    words = {True: "flagged", False: "not flagged"}
    decision = words[found.decision] if isinstance(found.decision, bool) else ", ".join(found.decision or ["none"])
    decision = found.decision if isinstance(found.decision, str) else decision
    print(f"{decision}{', for a person to decide' if found.review else ''}, by version {found.version}")
    rows = [(key, f"{p:.4f}", f"{found.thresholds[key]:.4f}") for key, p in found.probabilities.items()]
    output.table("", ("class", "probability", "threshold"), rows)
    if found.reasons:
        told = [(item.column, item.value, item.usual, f"{item.effect:+.3f}") for item in found.reasons]
        output.table("reasons", ("column", "value", "usual", "log odds"), told)
    if found.missing:
        print(f"without a value: {', '.join(found.missing)}")


COMMANDS = (ask, score_file)
