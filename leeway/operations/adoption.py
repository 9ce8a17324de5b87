"""A definition that says something else than when its stored rows were read: what changed, and a person's decision."""

from dataclasses import dataclass
from typing import Literal

from leeway.core.errors import DefinitionError
from leeway.definition import Classifier
from leeway.ingest import meaning
from leeway.ingest.meaning import Change
from leeway.lifecycle import registry
from leeway.store import ledger
from leeway.store.database import database

Decision = Literal["keep", "read again"]


@dataclass(frozen=True)
class AdoptionPlan:
    """The changes of a definition, and what they touch.

    Attributes:
        partitions: stored partitions, oldest first.
        champion: the version that learnt from another label or other columns, if there is one.
    """

    changes: list[Change]
    partitions: list[str]
    champion: int | None


def plan(classifier: Classifier) -> AdoptionPlan:
    """Return what has changed in a definition, and what that touches."""
    with database().transaction() as connection:
        changes = meaning.changes(connection, classifier)
        entries = ledger.entries(connection, classifier.name)
    stored = sorted({entry.partition for entry in entries if entry.stage == "ingest" and entry.status == "done"})
    champion = registry.champion(classifier.name) if any(_was_learnt(change) for change in changes) else None
    return AdoptionPlan(changes, stored, champion.version if champion else None)


def adopt(classifier: Classifier, decision: Decision, actor: str) -> AdoptionPlan:
    """Let a definition hold from now on.

    Args:
        decision: `keep`: the stored rows stay as they are, because the definition says the same in another way. `read again`:
            the stored partitions are stale, and a backfill reads them again.

    Raises:
        DefinitionError: the partitions' grain has changed: what is stored by day cannot become weeks.
    """
    found = plan(classifier)
    if any(change.part == meaning.PARTITION for change in found.changes):
        raise DefinitionError(
            f"adopting the definition of {classifier.name}",
            problem="the grain of its partitions has changed, and what is stored by one grain cannot become another's",
            found=" | ".join(str(change) for change in found.changes),
            hint="undo the change, or give the definition and its suite another name and backfill that one",
        )
    if found.changes:
        with database().transaction() as connection:
            meaning.adopt(connection, classifier, read_again=decision == "read again", actor=actor)
    return found


def _was_learnt(change: Change) -> bool:
    return change.part == "label" or change.part.startswith("column ")
