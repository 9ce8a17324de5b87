"""A new definition tried on the rows that it was made from, before it is written."""

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from leeway.core.errors import DefinitionError
from leeway.definition import Classifier, catalog
from leeway.ingest import contract
from leeway.ingest.sources.prepared import prepared
from leeway.profiling.profile import Profile

MOST = 0.01  # of the values of a feature may be unreadable by night, or it is set aside


@dataclass(frozen=True)
class Unreadable:
    """Values that a night could not read.

    Attributes:
        column: of the source.
        rule: what they break.
    """

    column: str
    rule: str
    count: int
    example: str
    share: float


def unreadable(found: Profile, text: str, now: datetime) -> list[Unreadable]:
    """Read the profiled rows as a night would, most frequent fault first.

    Args:
        text: of the definition.

    Raises:
        DefinitionError: what it says does not fit together.
    """
    classifier = _classifier(text)
    rows = prepared(classifier.source, found.sample.rows, found.options.data)
    own_names = {new: name for name, new in found.renamed.items()}
    faults = [
        Unreadable(
            own_names.get(column, column),
            rule,
            len(positions),
            str(rows[column].iloc[positions[0]]) if column in rows else "",
            len(positions) / len(rows),
        )
        for rule, positions in contract.unreadable(classifier, rows, now=now).items()
        for column in [rule.partition(":")[0]]
    ]
    return sorted(faults, key=lambda fault: -fault.count)


def _classifier(text: str) -> Classifier:
    names: dict[str, object] = {}
    try:
        exec(compile(text, "a new definition", "exec"), names)  # noqa: S102 -- our own text
    except ValidationError as error:  # also where what it says does not fit together
        raise DefinitionError(
            "trying a new definition",
            problem="this table makes no classifier",
            found="; ".join(catalog.findings(error)),
            hint="read the columns that matter by a query, or from a file that has only these",
        ) from error
    found = names.get("classifier")
    if not isinstance(found, Classifier):
        raise DefinitionError("trying a new definition", problem="it has no classifier", hint="report this")
    return found
