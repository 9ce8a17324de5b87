"""Arguments and options that several commands share."""

from typing import Annotated

import typer

from leeway.cli import output


def _set_json(value: bool) -> bool:
    output.as_json = value
    return value


NameArgument = Annotated[
    str, typer.Argument(help="The classifier: the stem of its file in models/.", show_default=False)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.", callback=_set_json)]
PartitionOption = Annotated[
    str | None,
    typer.Option(
        "--partition", help="A date such as 2026-03-01; by default the last partition that is over.", show_default=False
    ),
]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is kept in the history.", show_default=False)]
