"""The way from development rows to a model.

It searches, calibrates, sets thresholds and fits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from leeway.core.metrics import Bools, Floats
from leeway.core.outputs import Outputs
from leeway.core.parallel import is_spread
from leeway.definition import Classifier
from leeway.model import calibration, decision
from leeway.model.calibration import Method
from leeway.model.class_probabilities import predict, targets
from leeway.training import ensembling, threshold_intervals
from leeway.training.distributed_search import spread_search
from leeway.training.folds import Fold
from leeway.training.search import Progress, SearchResult, search
from leeway.training.training_data import Material
from leeway.training.trials import trials


@dataclass(frozen=True)
class Learnt:
    """A trained model.

    Attributes:
        outcome: the result of the search.
        probabilities: calibrated out-of-fold scores of the rows that the search validated on, shape (n, K).
        days: the time over which these rows are spread.
        methods, losses: the calibration method of each class, and the log loss of every method.
        review: the probabilities between which a person decides; None where nobody does.
        costs: of decisions between classes, shape (K, K), where the objective has a matrix; thresholds are unused then.
    """

    outputs: Outputs
    outcome: SearchResult
    pipeline: Any
    methods: list[Method]
    losses: dict[str, float]
    calibrators: list[Any]
    thresholds: Floats
    probabilities: Floats
    days: float
    review: tuple[float, float] | None
    costs: Floats | None = None

    def score(self, x: pd.DataFrame) -> Floats:
        """Return calibrated probabilities of features, shape (n, K).

        `model_input` makes the features.
        """
        raw = predict(self.pipeline, self.outputs, x)
        return calibration.apply(self.calibrators, raw, exclusive=self.outputs.exclusive)

    def decide(self, p: Floats) -> Bools:
        """Return decisions by probabilities, shape (n, K)."""
        return decision.decide(self.outputs, self.thresholds, p, self.costs)


def learn(classifier: Classifier, material: Material, progress: Progress = lambda text, share: None) -> Learnt:
    """Learn from a snapshot's development rows.

    The search is spread over workers where that pays.

    Raises:
        TrainingError: there is not enough to learn from.
    """
    tried, folds = len(list(trials(classifier.candidates))), material.folds
    if tried > 1 and is_spread(tried * sum(len(train) for train, _ in folds)):
        outcome = spread_search(classifier, material, progress)
    else:
        outcome = search(classifier, material.x, material.y, folds, progress)
    times = material.split.development["event_time"].iloc[outcome.rows]
    days = (times.max() - times.min()) / pd.Timedelta(days=1)
    return finish(classifier, material.x, material.y, outcome, progress, days)


def learn_rows(
    classifier: Classifier,
    x: pd.DataFrame,
    y: Bools,
    folds: Sequence[Fold],
    progress: Progress = lambda text, share: None,
) -> Learnt:
    """Learn from given rows, in this process.

    Args:
        x, y: as `model_input` makes them; labels of shape (n, K).
    """
    return finish(classifier, x, y, search(classifier, x, y, folds, progress), progress)


def finish(
    classifier: Classifier, x: pd.DataFrame, y: Bools, outcome: SearchResult, progress: Progress, days: float = 0.0
) -> Learnt:
    """Calibrate and fit the result of a search.

    Args:
        days: the time over which the validated rows are spread.
    """
    outputs, seen = classifier.label.outputs, y[outcome.rows]
    progress("calibration and thresholds", 0.95)
    ordered, exclusive = not classifier.by_arrival, outputs.exclusive
    methods, losses = calibration.choose(seen, outcome.scores, exclusive=exclusive, ordered=ordered)
    calibrators = calibration.fit(methods, seen, outcome.scores)
    probabilities = calibration.apply(calibrators, outcome.scores, exclusive=exclusive)
    thresholds = decision.thresholds(classifier.objective, outputs, seen, probabilities, days)
    asked = classifier.review
    review = None if asked is None else threshold_intervals.band(float(thresholds[0]), probabilities[:, 0], asked.share)
    progress(f"fitting {ensembling.described(outcome.members)} to all of the development rows", 0.97)
    pipeline = ensembling.learn(outcome.members, classifier.features, x, targets(outputs, y), classifier.training.seed)
    return Learnt(
        outputs,
        outcome,
        pipeline,
        methods,
        losses,
        calibrators,
        thresholds,
        probabilities,
        days,
        review,
        decision.costs_of(classifier.objective, outputs),
    )
