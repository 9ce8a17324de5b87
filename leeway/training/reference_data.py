"""The data that a bundle keeps of unseen rows.

They are the monitor's reference, rows for estimates, and a sample.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from leeway.core.metrics import Bools, Floats
from leeway.dataset import label_arrivals
from leeway.definition import Classifier
from leeway.detection import build_reference
from leeway.detection.estimated import LabelledRows
from leeway.detection.reference import Reference
from leeway.model.window import TrainingWindow
from leeway.store import ledger
from leeway.store.database import database

SAMPLE_ROWS = 5_000


@dataclass(frozen=True)
class ScoredRows:
    """Rows scored by a model that never saw them."""

    rows: pd.DataFrame
    x: pd.DataFrame
    p: Floats


@dataclass(frozen=True)
class UnseenRows:
    """All rows that were scored unseen, in parts.

    Each part is in the order of time.

    Attributes:
        before: rows before the window; scored by the model itself.
        out_of_fold: rows that the search validated on.
        purged: rows in the gap before the holdout; scored by the model itself.
        holdout: scored by the model itself.
    """

    before: ScoredRows
    out_of_fold: ScoredRows
    purged: ScoredRows
    holdout: ScoredRows


@dataclass(frozen=True)
class ReferenceData:
    """The data of a bundle beside its model.

    Attributes:
        reference: the monitor's reference.
        estimates: rows in bins, to estimate performance by.
        sample: rows for reports, without sensitive columns.
    """

    reference: Reference
    estimates: LabelledRows
    sample: pd.DataFrame


def build_reference_data(
    classifier: Classifier,
    scored: UnseenRows,
    as_of: datetime,
    window: TrainingWindow | None,
    score: Callable[[pd.DataFrame], Floats],
    decide: Callable[[Floats], Bools],
) -> ReferenceData:
    """Build the reference data from unseen rows.

    Args:
        score, decide: the bundle's own calibrated scores of features, and its decisions by scores.
    """
    outputs, seed = classifier.label.outputs, classifier.training.seed
    unseen = _together(outputs.column, scored)
    volumes, since = _volumes(classifier.name), None if window is None else window.since
    known = build_reference.build(classifier, unseen.rows, unseen.x, unseen.p, as_of, score, volumes, since, decide)
    known = known.model_copy(update={"maturity": label_arrivals.learn(classifier, known.partitions, as_of)})
    judged = build_reference.seen_rows(classifier, known, unseen.rows, as_of)
    if since is not None:  # labels from before the change say nothing of what scores mean now
        judged &= (unseen.rows["event_time"] >= since).to_numpy()
    y = outputs.matrix(unseen.rows[outputs.column])[judged]
    estimates = LabelledRows.of(known, unseen.x[judged], y, unseen.p[judged], seed)
    return ReferenceData(known, estimates, _sample(classifier, unseen.x, unseen.p))


def _together(label: str, scored: UnseenRows) -> ScoredRows:
    """Join the parts in the order of time.

    Out-of-fold scores come from weaker models. They are left out where most rows lie before the window, which the model itself
    scores.
    """
    late = [scored.purged, scored.holdout]
    mostly_before = len(scored.before.p) > len(scored.out_of_fold.p)
    parts = [scored.before, *late] if mostly_before else [scored.before, scored.out_of_fold, *late]
    columns = ["event_time", label, "known_at"]
    return ScoredRows(
        pd.concat([part.rows[columns] for part in parts], ignore_index=True),
        pd.concat([part.x for part in parts], ignore_index=True),
        np.concatenate([part.p for part in parts]),
    )


def _volumes(name: str) -> dict[str, int]:
    """Count the events of each ingested partition."""
    with database().transaction() as connection:
        entries = ledger.entries(connection, name)
    return {
        entry.partition: int(entry.output["rows"])
        for entry in entries
        if (entry.stage, entry.status) == ("ingest", "done") and "rows" in entry.output
    }


def _sample(classifier: Classifier, x: pd.DataFrame, p: Floats) -> pd.DataFrame:
    shown = [name for name, kind in classifier.features.items() if kind != "text" and not classifier.is_sensitive(name)]
    scores = pd.DataFrame(p, columns=list(classifier.label.outputs.score_columns), index=x.index)
    sample = pd.concat([x[shown], scores], axis=1)
    return sample.sample(min(len(sample), SAMPLE_ROWS), random_state=classifier.training.seed)
