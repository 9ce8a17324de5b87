"""Whether a classifier whose challengers were all refused is worth another training: once it could learn from clearly more."""

from datetime import UTC

import sqlalchemy as sa

from leeway.core.errors import TrainingError
from leeway.definition import Classifier
from leeway.lifecycle import registry
from leeway.store.database import database
from leeway.store.tables import snapshot as table
from leeway.training import fit

GROWTH = 1.2  # as many rows as at the refusal, to be worth the hours that a training may take


def check(classifier: Classifier, snapshot: str) -> None:
    """Refuse to learn from a snapshot that has hardly more rows than the one that the last refused challenger learnt from.

    Whoever changes the definition, or has another version of a library, tries again at once.

    Raises:
        TrainingError: the same definition has been refused on hardly fewer rows.
    """
    refused = next(iter(registry.history(classifier.name)), None)
    if refused is None:
        return
    rows = _rows(classifier.name)
    before = _learnt_from(classifier.name, refused, rows)
    if before is None or rows[snapshot] >= GROWTH * rows[before]:
        return
    raise TrainingError(
        f"training a first champion of {classifier.name}",
        problem=f"after a refusal on {rows[before]:,} rows there must be {GROWTH * rows[before]:,.0f} to learn from",
        found=f"{rows[snapshot]:,}",
        hint=f"wait for them, change models/{classifier.name}.py, or train now with `leeway train {classifier.name}`",
    )


def _learnt_from(name: str, refused: registry.Promotion, snapshots: dict[str, int]) -> str | None:
    """The snapshot that a refused bundle was learnt from, if what is declared now would learn the same from it."""
    as_of = refused.as_of.astimezone(UTC)  # as those who train say it
    return next((key for key in snapshots if fit.key_of(name, key, as_of) == refused.bundle), None)


def _rows(name: str) -> dict[str, int]:
    query = sa.select(table.c.hash, table.c.rows).where(table.c.classifier == name)
    with database().transaction() as connection:
        return {row.hash: row.rows for row in connection.execute(query)}
