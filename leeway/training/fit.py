"""From a snapshot to a bundle."""

import hashlib
import platform
from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import pandas as pd

import leeway.bundle
from leeway import catalog, storage
from leeway.bundle import Bundle, Card
from leeway.definition import Classifier
from leeway.metrics import Bools, Floats, summary
from leeway.parallel import is_spread
from leeway.training import calibration, decision, remembering
from leeway.training.candidates import learn, model_input, trials
from leeway.training.estimating import predict, targets
from leeway.training.material import Split, material
from leeway.training.remembering import Scored
from leeway.training.remembering import is_sensitive as is_sensitive
from leeway.training.search import search
from leeway.training.spreading import spread_search
from leeway.training.window import Window

LIBRARIES = ("leeway", "numpy", "pandas", "scikit-learn", "skops")


def fit(
    classifier: Classifier,
    snapshot: str,
    as_of: datetime,
    progress: Callable[[str], None] = lambda text: None,
    window: Window | None = None,
) -> str:
    """Learn a bundle from a snapshot.

    Args:
        window: which part of it is learnt from; by default all of it.

    Returns:
        The bundle's key. The same snapshot, definition and code have the same key, and are learnt from once.

    Raises:
        TrainingError: there is not enough to learn from.
        StoreError: the disk refused the bundle.
    """
    name = key_of(classifier.name, snapshot, as_of, window)
    folder = folder_of(classifier.name, name)
    if storage.exists(folder):
        return name
    outputs, learnt = classifier.label.outputs, material(classifier, snapshot, as_of, window)
    split, x, y = learnt.split, learnt.x, learnt.y
    tried = list(trials(classifier.candidates))
    if len(tried) > 1 and is_spread(len(tried) * sum(len(train) for train, _ in learnt.folds)):
        outcome = spread_search(classifier, learnt, tried, progress)
    else:
        outcome = search(classifier, x, y, learnt.folds, progress)
    progress("calibration and thresholds")
    seen = y[outcome.rows]
    methods, losses = calibration.choose(seen, outcome.scores, exclusive=outputs.exclusive)
    calibrators = calibration.fit(methods, seen, outcome.scores)
    probabilities = calibration.apply(calibrators, outcome.scores, exclusive=outputs.exclusive)
    thresholds = decision.thresholds(classifier.objective, outputs, seen, probabilities)
    iterations = f", {outcome.trial.iterations} iterations," if outcome.trial.iterations else ""
    progress(f"fitting {outcome.trial}{iterations} to all of the development rows")
    pipeline = learn(outcome.trial, classifier.features, x, targets(outputs, y), classifier.training.seed)

    def score(rows: pd.DataFrame) -> Floats:
        return calibration.apply(calibrators, predict(pipeline, outputs, rows), exclusive=outputs.exclusive)

    def decide(p: Floats) -> Bools:
        return decision.decide(outputs, thresholds, p)

    inputs = [model_input(rows, classifier.features) for rows in (split.holdout, split.before)]
    held_out, before = (score(rows) if len(rows) else probabilities[:0] for rows in inputs)
    holdout_y = outputs.matrix(split.holdout[outputs.column])
    card = Card(
        classifier=classifier.name,
        key=name,
        snapshot=snapshot,
        as_of=as_of.isoformat(),
        features=classifier.features,
        kind=outputs.kind,
        classes=list(outputs.names),
        thresholds=thresholds.tolist(),
        trial=str(outcome.trial),
        calibration=list(methods),
        seed=classifier.training.seed,
        trained_until=split.development["event_time"].iloc[-1].isoformat(),
        holdout_from=split.holdout["event_time"].iloc[0].isoformat(),
        holdout_until=split.holdout["event_time"].iloc[-1].isoformat(),
        rows=len(y),
        positives=outputs.count(y),
        metrics=summary(outputs, holdout_y, held_out, decide(held_out)),
        search=outcome.results,
        calibration_losses=losses,
        libraries=_libraries(),
        learnt_since=window.since.isoformat() if window and window.since else None,
        holdout_seconds=window.holdout.total_seconds() if window else None,
    )
    parts = (
        Scored(split.development.iloc[outcome.rows], x.iloc[outcome.rows], probabilities),
        Scored(split.before, inputs[1], before),
        Scored(split.holdout, inputs[0], held_out),
    )
    known = remembering.remember(classifier, *parts, as_of, window, score, decide)
    with storage.keeping(folder, f"writing a bundle of {classifier.name}") as beside:
        leeway.bundle.save(beside, card, pipeline, calibrators, known.reference, known.sample, known.estimates)
    return name


def key_of(name: str, snapshot: str, as_of: datetime, window: Window | None = None) -> str:
    """The key of the bundle that the classifier, as it is declared now, learns from a snapshot."""
    made_from = f"{snapshot} {as_of.isoformat()} {catalog.fingerprint(name)} {_libraries()}"
    if window is not None:
        made_from += f" {window} {window.holdout}"
    return hashlib.sha256(made_from.encode()).hexdigest()[:16]


def folder_of(name: str, key: str) -> Path:
    """Where a bundle is made."""
    return storage.place("bundles", name, key)


def holdout_scores(bundle: Bundle, split: Split) -> tuple[Bools, Floats]:
    """Labels and probabilities on the holdout, shape (n, K)."""
    return bundle.outputs.matrix(split.holdout[bundle.outputs.column]), bundle.score(split.holdout)


def _libraries() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
