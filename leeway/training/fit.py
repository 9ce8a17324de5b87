"""From a snapshot to a bundle."""

import hashlib
import platform
from collections.abc import Callable
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
from leeway.monitoring import maturity, reference
from leeway.monitoring.estimated import Known
from leeway.parallel import is_spread
from leeway.store import ledger
from leeway.store.database import database
from leeway.training import calibration, decision
from leeway.training.candidates import learn, model_input, trials
from leeway.training.estimating import predict, targets
from leeway.training.material import Split, material
from leeway.training.search import Outcome, search
from leeway.training.spreading import spread_search

SAMPLE_ROWS = 5_000
LIBRARIES = ("leeway", "numpy", "pandas", "scikit-learn", "skops")


def fit(
    classifier: Classifier, snapshot: str, as_of: datetime, progress: Callable[[str], None] = lambda text: None
) -> str:
    """Learn a bundle from a snapshot.

    Returns:
        The bundle's key. The same snapshot, definition and code have the same key, and are learnt from once.

    Raises:
        TrainingError: there is not enough to learn from.
        StoreError: the disk refused the bundle.
    """
    name = key_of(classifier.name, snapshot, as_of)
    folder = folder_of(classifier.name, name)
    if storage.exists(folder):
        return name
    outputs, learnt = classifier.label.outputs, material(classifier, snapshot, as_of)
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

    holdout_x, holdout_y = (
        model_input(split.holdout, classifier.features),
        outputs.matrix(split.holdout[outputs.column]),
    )
    held_out = calibration.apply(calibrators, predict(pipeline, outputs, holdout_x), exclusive=outputs.exclusive)
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
    )
    unseen, unseen_x, unseen_p = _unseen(outputs.column, split, x, outcome, probabilities, holdout_x, held_out)

    def score(rows: pd.DataFrame) -> Floats:
        return calibration.apply(calibrators, predict(pipeline, outputs, rows), exclusive=outputs.exclusive)

    def decide(p: Floats) -> Bools:
        return decision.decide(outputs, thresholds, p)

    known = reference.build(classifier, unseen, unseen_x, unseen_p, as_of, score, _volumes(classifier.name), decide)
    known = known.model_copy(update={"maturity": maturity.learn(classifier, known.partitions, as_of)})
    judged = reference.seen_rows(classifier, known, unseen, as_of)
    kept = Known.of(
        known,
        unseen_x[judged],
        outputs.matrix(unseen[outputs.column])[judged],
        unseen_p[judged],
        classifier.training.seed,
    )
    with storage.keeping(folder, f"writing a bundle of {classifier.name}") as beside:
        sample = _sample(classifier, unseen_x, unseen_p)
        leeway.bundle.save(beside, card, pipeline, calibrators, known, sample, kept)
    return name


def key_of(name: str, snapshot: str, as_of: datetime) -> str:
    """The key of the bundle that the classifier, as it is declared now, learns from a snapshot."""
    made_from = f"{snapshot} {as_of.isoformat()} {catalog.fingerprint(name)} {_libraries()}"
    return hashlib.sha256(made_from.encode()).hexdigest()[:16]


def folder_of(name: str, key: str) -> Path:
    """Where a bundle is made."""
    return storage.place("bundles", name, key)


def holdout_scores(bundle: Bundle, split: Split) -> tuple[Bools, Floats]:
    """Labels and probabilities on the holdout, shape (n, K)."""
    return bundle.outputs.matrix(split.holdout[bundle.outputs.column]), bundle.score(split.holdout)


def _unseen(
    label: str,
    split: Split,
    x: pd.DataFrame,
    outcome: Outcome,
    out_of_fold: Floats,
    holdout_x: pd.DataFrame,
    held_out: Floats,
) -> tuple[pd.DataFrame, pd.DataFrame, Floats]:
    """All rows with scores by a model that had not seen them, in the order of time."""
    columns = ["event_time", label, "known_at"]
    rows = pd.concat([split.development.iloc[outcome.rows][columns], split.holdout[columns]], ignore_index=True)
    features = pd.concat([x.iloc[outcome.rows], holdout_x], ignore_index=True)
    return rows, features, np.concatenate([out_of_fold, held_out])


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
