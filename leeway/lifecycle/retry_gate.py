"""The check before a refused training is repeated.

It passes once there are clearly more rows to learn from.
"""

from datetime import UTC

import sqlalchemy as sa

from leeway.core.errors import TrainingError
from leeway.definition import Classifier
from leeway.lifecycle import registry
from leeway.store.database import database
from leeway.store.tables import snapshot as table
from leeway.training import fit

GROWTH = 1.2  # times the rows of the refusal, to be worth the hours that a training may take


def check(classifier: Classifier, snapshot: str) -> None:
    """Refuse a training on hardly more rows.

    They are compared with those of the last refused challenger. A changed definition or library version passes at once.

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
        problem=f"a challenger was refused on {rows[before]:,} rows, and there are hardly more now",
        found=f"{rows[snapshot]:,} of {GROWTH * rows[before]:,.0f} rows needed",
        hint=f"wait for more rows, change models/{classifier.name}.py, or train now with `leeway train {classifier.name}`",
    )


def _learnt_from(name: str, refused: registry.Promotion, snapshots: dict[str, int]) -> str | None:
    """Return the snapshot of a refused bundle.

    None if the present definition would learn something else from it.
    """
    as_of = refused.as_of.astimezone(UTC)  # keys are made of times in UTC
    return next((key for key in snapshots if fit.key_of(name, key, as_of) == refused.bundle), None)


def _rows(name: str) -> dict[str, int]:
    query = sa.select(table.c.hash, table.c.rows).where(table.c.classifier == name)
    with database().transaction() as connection:
        return {row.hash: row.rows for row in connection.execute(query)}
