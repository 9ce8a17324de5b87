"""From a snapshot to a bundle."""

import hashlib
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

import leeway.bundle
from leeway import catalog, storage
from leeway.bundle import Bundle, Card
from leeway.definition import Classifier
from leeway.metrics import Bools, Floats, summary
from leeway.monitoring import building, maturity
from leeway.monitoring.estimated import Known
from leeway.parallel import is_spread
from leeway.store import ledger
from leeway.store.database import database
from leeway.training import calibration, decision
from leeway.training.candidates import learn, model_input, trials
from leeway.training.estimating import predict, targets
from leeway.training.material import Split, material
from leeway.training.search import search
from leeway.training.spreading import spread_search
from leeway.training.window import Window

SAMPLE_ROWS = 5_000
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
        metrics=summary(outputs, holdout_y, held_out, decision.decide(outputs, thresholds, held_out)),
        search=outcome.results,
        calibration_losses=losses,
        libraries=_libraries(),
        learnt_since=window.since.isoformat() if window and window.since else None,
        holdout_seconds=window.holdout.total_seconds() if window else None,
    )
    unseen = _unseen(
        outputs.column,
        _Scored(split.development.iloc[outcome.rows], x.iloc[outcome.rows], probabilities),
        _Scored(split.before, inputs[1], before),
        _Scored(split.holdout, inputs[0], held_out),
    )

    def decide(p: Floats) -> Bools:
        return decision.decide(outputs, thresholds, p)

    volumes, since = _volumes(classifier.name), None if window is None else window.since
    known = building.build(classifier, unseen.rows, unseen.x, unseen.p, as_of, score, volumes, since, decide)
    known = known.model_copy(update={"maturity": maturity.learn(classifier, known.partitions, as_of)})
    judged = building.seen_rows(classifier, known, unseen.rows, as_of)
    if since is not None:  # labels from before the change say nothing of what scores mean now
        judged &= (unseen.rows["event_time"] >= since).to_numpy()
    kept = Known.of(
        known,
        unseen.x[judged],
        outputs.matrix(unseen.rows[outputs.column])[judged],
        unseen.p[judged],
        classifier.training.seed,
    )
    with storage.keeping(folder, f"writing a bundle of {classifier.name}") as beside:
        sample = _sample(classifier, unseen.x, unseen.p)
        leeway.bundle.save(beside, card, pipeline, calibrators, known, sample, kept)
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


@dataclass(frozen=True)
class _Scored:
    """Rows with their features, and scores by a model that had not seen them."""

    rows: pd.DataFrame
    x: pd.DataFrame
    p: Floats


def _unseen(label: str, out_of_fold: _Scored, before: _Scored, held_out: _Scored) -> _Scored:
    """All rows with scores by a model that had not seen them, in the order of time.

    Where most of the past lies before the window, the model itself scores it, and out-of-fold scores of the few rows that were
    learnt from, by weaker ones, would only tell of these.
    """
    parts = [before, held_out] if len(before.p) > len(out_of_fold.p) else [before, out_of_fold, held_out]
    columns = ["event_time", label, "known_at"]
    return _Scored(
        pd.concat([part.rows[columns] for part in parts], ignore_index=True),
        pd.concat([part.x for part in parts], ignore_index=True),
        np.concatenate([part.p for part in parts]),
    )


def _volumes(name: str) -> dict[str, int]:
    """How many events each partition that was ingested has."""
    with database().transaction() as connection:
        entries = ledger.entries(connection, name)
    return {
        entry.partition: int(entry.output["rows"])
        for entry in entries
        if (entry.stage, entry.status) == ("ingest", "done") and "rows" in entry.output
    }


def _sample(classifier: Classifier, x: pd.DataFrame, p: Floats) -> pd.DataFrame:
    shown = [
        name for name, kind in classifier.features.items() if kind != "text" and not is_sensitive(classifier, name)
    ]
    scores = pd.DataFrame(p, columns=list(classifier.label.outputs.score_columns), index=x.index)
    sample = pd.concat([x[shown], scores], axis=1)
    return sample.sample(min(len(sample), SAMPLE_ROWS), random_state=classifier.training.seed)


def is_sensitive(classifier: Classifier, feature: str) -> bool:
    """Whether a feature must not be shown: a sensitive column, or what is made of one's values."""
    return any(classifier.columns[name].sensitive for name in classifier.origins(feature))


def _libraries() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
