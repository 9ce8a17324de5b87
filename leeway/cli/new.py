"""The command that creates a classifier from a table."""

from typing import TYPE_CHECKING, Annotated

import typer

from leeway.cli import output
from leeway.cli.options import Json, WrongValue

if TYPE_CHECKING:
    from datetime import timedelta

    from leeway.profiling.creation import Created


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
    from leeway.profiling.creation import create
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
        created = create(options, force=force)
    output.emit(_described(created), lambda: _say(created))


def _duration(text: str) -> "timedelta":
    from leeway.core.errors import SourceError
    from leeway.profiling.options import duration

    try:
        return duration(text)
    except SourceError:
        raise WrongValue("--label-delay", text, wanted="duration", example="30d") from None


def _described(created: "Created") -> dict[str, object]:
    from leeway.profiling.guesses import guesses

    return {
        "definition": str(created.definition),
        "expectations": str(created.suite),
        "changed": created.changed,
        "rows": created.profile.sample.total,
        "guesses": {question: answer for question, answer, _ in guesses(created.profile)},
        "columns": {
            column: {"found": used.column.in_words, "use": used.use, "why": used.why or used.column.doubt}
            for column, used in created.profile.used.items()
        },
    }


def _say(created: "Created") -> None:
    from leeway.profiling.guesses import guesses

    name = created.profile.options.name
    output.table("", ("", "guess", "why, or how to change it"), list(guesses(created.profile)))
    rows = [
        (column, used.column.in_words, used.use, used.why or used.column.doubt or "")
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
    print(f"Wrote {_short(created.definition)} and {_short(created.suite)}: read them, they are short.")
    print(f"Next: leeway check {name}; leeway train {name}; leeway up")


def _short(path: object) -> str:
    import os

    return os.path.relpath(str(path))


COMMANDS = (new,)
