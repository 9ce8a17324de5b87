"""Arguments and options that several commands share."""

from typing import TYPE_CHECKING, Annotated

import typer

from leeway.cli import output

if TYPE_CHECKING:
    from leeway.definition import Classifier
    from leeway.definition.partitions import Partition


class WrongValue(typer.BadParameter):
    """The value of an option or argument cannot be read: wrong usage, so the command exits with 2."""

    def __init__(self, name: str, value: str, *, wanted: str, example: str) -> None:
        super().__init__(f"{name}: {value} is no {wanted} (e.g. {example})")

    def format_message(self) -> str:
        """The message as it is; Typer would put the name before it again."""
        return self.message


def read_partition(classifier: "Classifier", text: str, option: str) -> "Partition":
    """Read the partition that an option or argument names.

    Raises:
        WrongValue: it is no date, or so late that its partition has no end.
    """
    from leeway.core.errors import NotFound
    from leeway.definition.partitions import Partition

    try:
        chosen = Partition.parse(text, classifier.partition)
        chosen.shift(1)
    except (NotFound, OverflowError):
        raise WrongValue(option, text, wanted="date", example="2026-04-01") from None
    return chosen


def _said(text: str | None) -> str | None:
    if text is not None and not text.strip():
        raise WrongValue("--reason", repr(text), wanted="reason", example="'the source was repaired'")
    return text


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
ReasonOption = Annotated[
    str, typer.Option("--reason", help="Why; it is kept in the history.", show_default=False, callback=_said)
]
