"""The training of a bundle from a snapshot."""

import hashlib
import platform
import re
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

import leeway.model.bundle
from leeway.core.errors import BundleError
from leeway.core.metrics import Bools, Floats
from leeway.definition import Classifier, catalog
from leeway.definition.candidates import CANDIDATES
from leeway.model.bundle import Bundle
from leeway.model.inputs import model_input
from leeway.model.window import TrainingWindow
from leeway.store import storage
from leeway.training import bundle_card, learning, reference_data
from leeway.training.learning import Learnt
from leeway.training.reference_data import ScoredRows, UnseenRows
from leeway.training.search import Progress
from leeway.training.training_data import Material, Split, material

LIBRARIES = ("leeway", "numpy", "pandas", "scikit-learn", "skops")


def fit(
    classifier: Classifier,
    snapshot: str,
    as_of: datetime,
    progress: Progress = lambda text, share: None,
    window: TrainingWindow | None = None,
) -> str:
    """Learn a bundle from a snapshot.

    Args:
        progress: called before each step with its text and the finished share of the work.
        window: the part of the snapshot to learn from; by default all of it.

    Returns:
        The bundle's key. The same snapshot, definition and library versions give the same key, and are learnt from once.

    Raises:
        TrainingError: there is not enough to learn from.
        StoreError: the disk refused the bundle.
    """
    name = key_of(classifier.name, snapshot, as_of, window)
    folder = folder_of(classifier.name, name)
    if storage.exists(folder):
        return name
    given = material(classifier, snapshot, as_of, window)
    learnt = learning.learn(classifier, given, progress)
    scored = _scored(classifier, given, learnt)
    card = bundle_card.card(classifier, name, given, learnt, scored.holdout.p, _libraries())
    progress("the monitor's reference", 0.98)
    known = reference_data.build_reference_data(classifier, scored, as_of, window, learnt.score, learnt.decide)
    with storage.keeping(folder, f"writing a bundle of {classifier.name}") as beside:
        leeway.model.bundle.save(
            beside, card, learnt.pipeline, learnt.calibrators, known.reference, known.sample, known.estimates
        )
    return name


def key_of(name: str, snapshot: str, as_of: datetime, window: TrainingWindow | None = None) -> str:
    """Return the key of the bundle from a snapshot.

    It depends on the classifier as it is declared now.
    """
    made_from = f"{snapshot} {as_of.isoformat()} {catalog.fingerprint(name)} {_libraries()}"
    if window is not None:
        made_from += f" {window} {window.holdout}"
    return hashlib.sha256(made_from.encode()).hexdigest()[:16]


def folder_of(name: str, key: str) -> Path:
    """Return the folder of a bundle.

    Raises:
        BundleError: the key is none that `key_of` makes; a version that somebody else registered may name any path.
    """
    if re.fullmatch(r"[0-9a-f]{16}", key) is None:
        raise BundleError(
            f"looking for a bundle of {name}",
            problem="its key is none of Leeway's",
            found=key[:80],
            hint="the version was not registered by `leeway train`: see in MLflow who made it, and delete it there",
        )
    return storage.place("bundles", name, key)


def holdout_scores(bundle: Bundle, split: Split) -> tuple[Bools, Floats]:
    """Return the holdout's labels and probabilities, shape (n, K)."""
    return bundle.outputs.matrix(split.holdout[bundle.outputs.column]), bundle.score(split.holdout)


def _scored(classifier: Classifier, given: Material, learnt: Learnt) -> UnseenRows:
    """Score the rows that the model had not seen."""

    def of(rows: pd.DataFrame) -> ScoredRows:
        x = model_input(rows, classifier.features)
        return ScoredRows(rows, x, learnt.score(x) if len(rows) else learnt.probabilities[:0])

    split, rows = given.split, learnt.outcome.rows
    out_of_fold = ScoredRows(split.development.iloc[rows], given.x.iloc[rows], learnt.probabilities)
    return UnseenRows(of(split.before), out_of_fold, of(split.purged), of(split.holdout))


def _libraries() -> dict[str, str]:
    own = [_installed(name) for candidate in CANDIDATES for name in candidate.libraries]
    found = {name: version(name) for name in LIBRARIES} | {name: found for name, found in own if found is not None}
    return {"python": platform.python_version(), **found}


def _installed(name: str) -> tuple[str, str | None]:
    try:
        return name, version(name)
    except PackageNotFoundError:
        return name, None
