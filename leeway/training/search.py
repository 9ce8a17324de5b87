"""The cross-validated search over the candidates.

Successive halving comes first, then an ensemble where it pays.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from leeway.core import parallel
from leeway.core.errors import TrainingError
from leeway.core.logs import logger
from leeway.core.metrics import Bools, Floats, Outcomes, Rows, averaged, log_losses
from leeway.core.outputs import Outputs
from leeway.definition import Classifier
from leeway.model.class_probabilities import aligned, targets
from leeway.training import ensembling, search_plan, subprocess_timeout
from leeway.training.ensembling import Member
from leeway.training.folds import Fold
from leeway.training.learners import Sees, Size, must_be_there
from leeway.training.search_plan import Rung
from leeway.training.trials import Encoded, Trial, best_iterations, encode, fit, probabilities, trials

log = logger(__name__)

LATE = 4.0  # times its budget, after which the clock ends a search

Progress = Callable[[str, float], None]
"""Called with the next step's text, and the finished share of the training."""


@dataclass(frozen=True)
class TrialResult:
    """The result of a trial.

    Attributes:
        metric: the higher, the better.
        trial: with the iterations that were best for it.
        scores: out-of-fold, shape (n, K).
    """

    metric: float
    trial: Trial
    scores: Floats


@dataclass(frozen=True)
class FailedTrial:
    """A trial that failed."""

    trial: Trial
    why: str


RunTrials = Callable[[Sequence[Trial], Rung], Iterable[TrialResult | FailedTrial]]
"""Tries trials on a rung, in their order; it may stop before the last one when time is up."""


@dataclass(frozen=True)
class SearchResult:
    """The result of a search.

    Attributes:
        members: the trials to fit with their weights, the heaviest first; one has all of the weight without an ensemble.
        rows: positions of the development rows that have an out-of-fold score, in the order of the folds.
        scores: the members' out-of-fold scores of these rows, shape (n, K).
        results: every trial's metric by name, on the last rung that it reached.
        shares: the share of the rows that each trial learnt from on that rung.
        failures: why trials failed, by name.
        cut_short: trials that were not tried because time was up; None where all planned ones were tried.
    """

    members: list[Member]
    rows: Rows
    scores: Floats
    results: dict[str, float]
    shares: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    cut_short: str | None = None

    @property
    def trial(self) -> Trial:
        """The heaviest member."""
        return self.members[0][0]


def search(
    classifier: Classifier,
    x: pd.DataFrame,
    y: Bools,
    folds: Sequence[Fold],
    progress: Progress = lambda text, share: None,
) -> SearchResult:
    """Search the candidates for the best trial or ensemble.

    Each member keeps the iterations that were best for it.

    Args:
        x, y: the development rows; labels of shape (n, K).
        folds: learnt and validated positions, from `leeway.training.folds`.
        progress: called with each trial before it starts.

    Raises:
        TrainingError: every trial failed.
    """
    encoded: dict[Sees, list[EncodedFold]] = {}
    end = time.monotonic() + LATE * classifier.training.budget.total_seconds()
    report = _ProgressReport(progress, classifier, size_of(classifier, y, folds))

    def run(left: Sequence[Trial], rung: Rung) -> Iterator[TrialResult | FailedTrial]:
        any_done = False
        for trial in left:
            if any_done and time.monotonic() > end:
                return
            report(trial, rung)
            if trial.sees not in encoded:
                encoded[trial.sees] = encode_folds(classifier, trial.sees, x, y, folds)
            done = attempt(classifier, trial, y, folds, encoded[trial.sees], rung.share)
            any_done = any_done or isinstance(done, TrialResult)
            yield done

    return halve(classifier, y, folds, run)


def size_of(classifier: Classifier, y: Bools, folds: Sequence[Fold]) -> Size:
    """Return the size of a search over these folds."""
    rows, outputs = tuple(len(train) for train, _ in folds), classifier.label.outputs
    return Size(rows, len(y), search_plan.columns_seen(classifier.features), len(outputs.names))


def planned(classifier: Classifier, size: Size) -> tuple[list[Trial], list[Rung]]:
    """Plan the trials and rungs of a search.

    The plan is the same wherever it is made.
    """
    training = classifier.training
    left = search_plan.cheapest_first(list(trials(classifier.candidates)), size, training.trials)
    return left, search_plan.plan(left, size, training.budget.total_seconds())


def halve(classifier: Classifier, y: Bools, folds: Sequence[Fold], run: RunTrials) -> SearchResult:
    """Run successive halving over a search's rungs.

    Args:
        run: tries the trials of a rung.

    Raises:
        TrainingError: every trial failed.
    """
    must_be_there(classifier.candidates)
    size = size_of(classifier, y, folds)
    left, rungs = planned(classifier, size)
    results: dict[str, float] = {}
    shares: dict[str, float] = {}
    failures: dict[str, str] = {}
    missed: list[str] = []
    kept: list[TrialResult] = []
    seconds = classifier.training.budget.total_seconds()  # what is left of the budget, by the model of costs
    for before, rung in zip([None, *rungs], rungs, strict=False):
        if before is not None:
            ranked = _ranked(kept)
            more = (
                search_plan.going_on([item.trial for item in ranked], before, size, seconds) if rung is rungs[-1] else 0
            )
            left = _in_order(ranked[: max(rung.trials, more)], left)
        done = list(run(left, rung))
        failures |= {str(item.trial): item.why for item in done if isinstance(item, FailedTrial)}
        missed += [str(trial) for trial in left[len(done) :]]
        kept = [item for item in done if isinstance(item, TrialResult)]
        seconds -= sum(search_plan.watched(item.trial, size, rung.share) for item in kept)
        results |= {str(item.trial): abs(item.metric) for item in kept}
        shares |= {str(item.trial): rung.share for item in kept}
        if not kept:
            raise _nothing(classifier, failures)
    cut = f"time was up before {len(missed)} trials: {', '.join(missed)}" if missed else None
    members, scores = _together(classifier, y[scored_rows(folds)], kept, size)
    return SearchResult(members, scored_rows(folds), scores, results, shares, failures, cut)


def _ranked(kept: Sequence[TrialResult]) -> list[TrialResult]:
    """Rank the results, the best first.

    The best of each candidate comes before all others, because candidates err differently.
    """
    ranked = sorted(kept, key=lambda item: -item.metric)
    first = {repr(item.trial.candidate): item for item in reversed(ranked)}
    leading = {id(item) for item in first.values()}
    return sorted(ranked, key=lambda item: id(item) not in leading)


def _in_order(chosen: Sequence[TrialResult], left: Sequence[Trial]) -> list[Trial]:
    names = {str(item.trial) for item in chosen}
    return [trial for trial in left if str(trial) in names]


def _together(classifier: Classifier, y: Bools, kept: Sequence[TrialResult], size: Size) -> tuple[list[Member], Floats]:
    """Choose the best trial or ensemble, with its scores.

    Of equal trials the first wins. An ensemble must be worth its scoring time.
    """
    training, best = classifier.training, max(kept, key=lambda item: item.metric)
    several = (
        classifier.label.kind == "multilabel"
    )  # scikit-learn's vote cannot learn these anew, as the gates ask it to
    if training.latency_worth is None or training.select_by != "log_loss" or len(kept) == 1 or several:
        return [(best.trial, 1.0)], best.scores
    weights = ensembling.chosen(
        y,
        [item.scores for item in kept],
        [item.trial.microseconds(size) for item in kept],
        training.latency_worth,
        classifier.label.outputs.exclusive,
    )
    scores = sum(weight * item.scores for weight, item in zip(weights, kept, strict=True))
    return ensembling.weighed([item.trial for item in kept], weights), np.asarray(scores)


def scored_rows(folds: Sequence[Fold]) -> Rows:
    """Return the positions of validated rows, in fold order."""
    return np.concatenate([validate for _, validate in folds])


@dataclass(frozen=True)
class EncodedFold:
    """A fold's rows as a candidate sees them."""

    rows: Encoded
    x: Any
    y: Outcomes

    def thinned(self, share: float, *, recent: bool) -> "EncodedFold":
        """Keep a share of the learnt rows.

        They are the most recent rows, or every n-th row.
        """
        if share >= 1:
            return self
        count, step = max(1, round(share * len(self.rows.y))), max(1, round(1 / share))
        part = slice(-count, None) if recent else slice(None, None, step)
        y, weights = self.rows.y[part], self.rows.weights
        if (y == y[0]).all():
            return self  # a single class would teach nothing
        rows = replace(self.rows, x=self.rows.x[part], y=y, weights=None if weights is None else weights[part])
        return replace(self, rows=rows)


def encode_folds(
    classifier: Classifier, sees: Sees, x: pd.DataFrame, y: Bools, folds: Sequence[Fold]
) -> list[EncodedFold]:
    """Encode the folds as candidates see them.

    Trials that see columns alike share the result.
    """
    with parallel.one_order_of_sums():
        return [_encoded(classifier, sees, x, targets(classifier.label.outputs, y), fold) for fold in folds]


def attempt(
    classifier: Classifier,
    trial: Trial,
    y: Bools,
    folds: Sequence[Fold],
    encoded: Sequence[EncodedFold],
    share: float = 1.0,
) -> TrialResult | FailedTrial:
    """Try one trial on all folds.

    An exception fails this trial only.

    Args:
        share: the share of each fold's rows to learn from.
    """
    outputs, training = classifier.label.outputs, classifier.training
    parts = [fold.thinned(share, recent=not classifier.by_arrival) for fold in encoded]
    given = (trial, outputs, parts, training.seed)
    try:
        if not trial.learner.is_bounded:  # a person's own class may never end
            seconds = training.budget.total_seconds() / len(classifier.candidates)
            tuned, scores = subprocess_timeout.within(seconds, out_of_fold, *given)
        else:
            tuned, scores = out_of_fold(*given)
    except subprocess_timeout.Ended as error:
        return FailedTrial(trial, str(error))
    except Exception as error:  # of any library, on any data
        log.warning("the trial %s failed", trial, exc_info=True)
        return FailedTrial(trial, subprocess_timeout.described(error))
    if not np.isfinite(scores).all():
        return FailedTrial(trial, "some of its probabilities are not numbers")
    return TrialResult(_METRICS[training.select_by](outputs, y[scored_rows(folds)], scores), tuned, scores)


def out_of_fold(trial: Trial, outputs: Outputs, folds: Sequence[EncodedFold], seed: int) -> tuple[Trial, Floats]:
    """Return a tuned trial and its out-of-fold scores.

    Scores have shape (n, K). One number of iterations serves all folds, as it will serve the final fit: it is chosen like
    every other parameter.
    """
    # A thread for each fold: boosting's own threads wait for one another after every split, and gain nothing.
    with (
        parallel.one_order_of_sums(),
        ThreadPoolExecutor(parallel.threads() if folds[0].y.ndim == 1 else 1) as pool,
    ):
        fitted = list(pool.map(lambda fold: _fitted(trial, fold, seed), folds))
        iterations = best_iterations(trial, fitted, [len(fold.y) for fold in folds])
        scores = [
            aligned(outputs, one.classes_, probabilities(trial, one, fold.x, iterations))
            for one, fold in zip(fitted, folds, strict=True)
        ]
    return replace(trial, iterations=iterations), np.concatenate(scores)


def _encoded(classifier: Classifier, sees: Sees, x: pd.DataFrame, y: Outcomes, fold: Fold) -> EncodedFold:
    train, validate = fold
    rows = encode(sees, classifier.features, x.iloc[train], y[train], classifier.training.seed)
    return EncodedFold(rows, rows.columns.transform(x.iloc[validate]), y[validate])


def _fitted(trial: Trial, fold: EncodedFold, seed: int) -> Any:
    with parallel.one_thread():
        return fit(trial, fold.rows, seed, watch=(fold.x, fold.y))


class _ProgressReport:
    """A reporter of the search's progress.

    Each trial counts by its planned cost.
    """

    def __init__(self, progress: Progress, classifier: Classifier, size: Size) -> None:
        self._progress, self._size, self._done = progress, size, 0.0
        left, rungs = planned(classifier, size)
        costs = [search_plan.learning(trial, size, 1.0) for trial in left]
        last = max(search_plan.learning(trial, size, 1.0, last=True) for trial in left)
        self._all = last + sum(float(np.mean(costs)) * rung.share * rung.trials for rung in rungs)

    def __call__(self, trial: Trial, rung: Rung) -> None:
        share = "" if rung.share == 1 else f" on {rung.share:.0%} of the rows"
        self._progress(f"{trial}{share}", min(0.95, self._done / max(self._all, 1e-9)))
        self._done += search_plan.learning(trial, self._size, 1.0) * rung.share


def _nothing(classifier: Classifier, failures: dict[str, str]) -> TrainingError:
    return TrainingError(
        f"searching for {classifier.name}",
        problem="every candidate failed",
        found="; ".join(f"{name}: {why}" for name, why in failures.items()),
        hint="correct the candidates, drop them to use the defaults, or raise training.budget",
    )


_METRICS: dict[str, Callable[[Outputs, Bools, Floats], float]] = {
    "log_loss": lambda outputs, y, p: -float(log_losses(y, p, exclusive=outputs.exclusive).mean()),
    "roc_auc": lambda _, y, p: averaged(roc_auc_score, y, p),
    "average_precision": lambda _, y, p: averaged(average_precision_score, y, p),
}
