"""The command that creates a classifier from a table."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from leeway.cli import output
from leeway.cli.options import Json, WrongValue

if TYPE_CHECKING:
    from datetime import timedelta

    from leeway.profiling.creation import Created
    from leeway.profiling.questions import Question


def new(
    name: Annotated[str, typer.Argument(help="The new classifier's name: lower-case letters, digits, underscores.")],
    data: Annotated[str, typer.Argument(help="A CSV or Parquet file, a pattern, a folder, or a SQLAlchemy URL.")],
    label: Annotated[
        list[str],
        typer.Option("--label", help="The column to predict; several 0/1 columns for several labels at once."),
    ],
    positive: Annotated[
        str | None, typer.Option("--positive", help="The class to find; by default the rarer one.", show_default=False)
    ] = None,
    id: Annotated[
        str | None, typer.Option("--id", help="The column that identifies a row.", show_default=False)
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", help="The column with the time of the event.", show_default=False)
    ] = None,
    entity: Annotated[
        str | None,
        typer.Option("--entity", help="The column that names the person or thing of a row.", show_default=False),
    ] = None,
    label_time: Annotated[
        str | None,
        typer.Option("--label-time", help="The column with the time when the label became known.", show_default=False),
    ] = None,
    label_delay: Annotated[
        str | None,
        typer.Option(
            "--label-delay", help="How long after the event the label becomes known, such as 30d.", show_default=False
        ),
    ] = None,
    keep: Annotated[list[str] | None, typer.Option("--keep", help="A column to learn from in any case.")] = None,
    query: Annotated[
        str, typer.Option("--query", help="With a URL: the SELECT that returns the rows.", show_default=False)
    ] = "",
    delimiter: Annotated[
        str | None, typer.Option("--delimiter", help="Delimiter of a CSV; detected by default.", show_default=False)
    ] = None,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="Encoding of a CSV; detected by default.", show_default=False)
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option("--header/--no-header", help="Whether a CSV's first line has names; detected by default."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace existing files.")] = False,
    json: Json = False,
) -> None:
    """Create a classifier from a table.

    Profiles the table, and writes models/NAME.py and expectations/NAME.py.
    """
    from leeway.profiling.creation import draft
    from leeway.profiling.options import Options

    options = Options(
        name=name,
        data=data,
        label=tuple(label),
        positive=positive,
        id=id,
        time=time,
        entity=entity,
        label_time=label_time,
        label_delay=None if label_delay is None else _duration(label_delay),
        keep=tuple(keep or ()),
        query=query,
        delimiter="\t" if delimiter == "\\t" else delimiter,
        encoding=encoding,
        header=header,
    )
    with output.progress(f"profiling {data}"):
        made = draft(options, force=force)
    if made.profile.questions and not json and _is_asked_at_a_terminal():
        made = made.answered(_ask(made.profile.questions))
    created = made.write()
    output.emit(_described(created), lambda: _say(created))


def _duration(text: str) -> "timedelta":
    from leeway.core.errors import SourceError
    from leeway.profiling.options import duration

    try:
        return duration(text)
    except SourceError:
        raise WrongValue("--label-delay", text, wanted="duration", example="30d") from None


def _is_asked_at_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _ask(questions: "Sequence[Question]") -> dict[str, bool]:
    """Ask a person about columns, one after the other.

    No answer leaves a question open.
    """
    print("Only you can know this. Answer y or n; Enter leaves a question open.\n")
    answers: dict[str, bool] = {}
    for question in questions:
        given = ""
        while given not in ("y", "n", "yes", "no", "later"):
            try:
                text = f"{_sentence(question)}{' It is set aside until you say so.' if question.aside else ''}"
                given = typer.prompt(f"{text} [y/n]", default="later", show_default=False).strip().lower()
            except typer.Abort:
                raise typer.Exit(1) from None
        if given != "later":
            answers |= dict.fromkeys(question.columns, given.startswith("y"))
    return answers


def _described(created: "Created") -> dict[str, object]:
    from leeway.profiling.guesses import guesses

    return {
        "definition": str(created.definition),
        "expectations": str(created.suite),
        "changed": created.changed,
        "rows": created.profile.sample.total,
        "guesses": {question: answer for question, answer, _ in guesses(created.profile)},
        "questions": [
            {"asks": item.asks, "columns": list(item.columns), "why": item.why, "set aside": item.aside}
            for item in created.profile.questions
        ],
        "columns": {
            column: {"found": used.column.in_words, "use": used.use, "why": used.reason or None}
            for column, used in created.profile.used.items()
        },
    }


def _say(created: "Created") -> None:
    from leeway.profiling.guesses import guesses

    name = created.profile.options.name
    output.table("", ("", "guess", "why, or how to change it"), list(guesses(created.profile)))
    rows = [
        (column, used.column.in_words, used.use, used.reason if used.use != "event time" else "")  # a guess says it
        for column, used in created.profile.used.items()
    ]
    output.table("", ("column", "found", "use", "why"), rows)
    aside = [
        column
        for column, used in created.profile.used.items()
        if used.use in ("set aside", "sensitive") and used.column.holds not in ("nested", "empty")
    ]
    if aside:
        print(f"Set aside: {', '.join(aside)}. To learn from one in any case: --keep COLUMN")
    _say_questions(created.profile.questions, name)
    print(f"Wrote {_short(created.definition)} and {_short(created.suite)}: read them, they are short.")
    print(f"Next: leeway check {name}; leeway train {name}; leeway up")


def _say_questions(questions: "Sequence[Question]", name: str) -> None:
    """Print what is left open."""
    asked = [item for item in questions if not item.aside]
    aside = [item for item in questions if item.aside]
    if questions:
        print("\nOnly you can know this:")
    for item in (*aside, *asked):
        print(f"  - {_sentence(item)}{' Set aside until you say that it was known.' if item.aside else ''}")
    if asked:
        print(f"Answer in models/{name}.py, in the column's line: known_at_event=True, or delete the line.")
    if questions:
        print()


def _sentence(question: "Question") -> str:
    text = str(question)
    return f"{text[0].upper()}{text[1:]}."


def _short(path: object) -> str:
    import os

    return os.path.relpath(str(path))


COMMANDS = (new,)
