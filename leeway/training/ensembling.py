"""Ensembles, chosen by out-of-fold scores.

An ensemble must be worth its longer scoring time.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import numpy as np
from sklearn.ensemble import VotingClassifier
from sklearn.pipeline import Pipeline

from leeway.core.metrics import Bools, Floats, Outcomes, log_losses
from leeway.definition import Kind
from leeway.training.learners import READING
from leeway.training.trials import Trial, encode, fit

ROUNDS = 25

Member = tuple[Trial, float]
"""A trial and its weight; weights sum to one."""


def chosen(y: Bools, scores: Sequence[Floats], microseconds: Sequence[float], worth: float, exclusive: bool) -> Floats:
    """Return the trials' weights, shape (trials,).

    Most are zero. Caruana et al., "Ensemble selection from libraries of models", ICML 2004: beginning with the best trial,
    each step adds the trial that lowers the log loss most; the same trial may be added again. Scoring time counts as a loss,
    too.

    Args:
        y, scores: labels and each trial's out-of-fold scores, shape (n, K).
        microseconds: each trial's scoring time for a row.
        worth: nats of log loss for each multiple of the cheapest trial's scoring time, reading the row included.
    """
    once = READING + min(microseconds)

    def extra(members: Counter[int]) -> float:
        return worth * ((READING + sum(microseconds[place] for place in members)) / once - 1)

    members, together = Counter[int](), np.zeros_like(scores[0])
    kept, least = members, np.inf
    for count in range(ROUNDS):
        costs = [
            float(log_losses(y, (together * count + p) / (count + 1), exclusive=exclusive).mean())
            + extra(members + Counter([place]))
            for place, p in enumerate(scores)
        ]
        place = int(np.argmin(costs))
        together = (together * count + scores[place]) / (count + 1)
        members[place] += 1
        if costs[place] < least:
            kept, least = Counter(members), costs[place]
    weights = np.array([kept[place] for place in range(len(scores))], dtype="float64")
    return np.asarray(weights / weights.sum())


def learn(members: Sequence[Member], features: dict[str, Kind], x: Any, y: Outcomes, seed: int) -> Any:
    """Fit one trial, or a soft vote of several.

    Trials that see columns alike share their encoder.

    Raises:
        TrainingError: no column varies.
    """
    ordered = sorted(members, key=lambda member: member[0].sees)
    pipelines: list[tuple[Any, float]] = []
    for sees, group in groupby(ordered, key=lambda member: member[0].sees):
        own = list(group)
        rows = encode(sees, features, x, y, seed)
        fitted = [fit(trial, rows, seed) for trial, _ in own]
        estimator = _vote(fitted, [weight for _, weight in own])
        pipelines.append((Pipeline([("columns", rows.columns), ("estimator", estimator)]), sum(w for _, w in own)))
    return _vote([pipeline for pipeline, _ in pipelines], [weight for _, weight in pipelines])


def described(members: Sequence[Member]) -> str:
    """Describe the members."""
    if len(members) == 1:
        return str(members[0][0])
    return " + ".join(f"{weight:.2f} {trial}" for trial, weight in members)


def weighed(trials: Sequence[Trial], weights: Floats) -> list[Member]:
    """List the trials with a weight, heaviest first."""
    found = [(replace(trial), float(weight)) for trial, weight in zip(trials, weights, strict=True) if weight > 0]
    return sorted(found, key=lambda member: -member[1])


def _vote(fitted: Sequence[Any], weights: Sequence[float]) -> Any:
    """Combine fitted estimators into scikit-learn's soft vote."""
    if len(fitted) == 1:
        return fitted[0]
    voting = VotingClassifier(
        [(f"{place}", one) for place, one in enumerate(fitted)], voting="soft", weights=list(weights)
    )
    voting.estimators_ = list(fitted)
    voting.classes_ = fitted[0].classes_
    return voting
