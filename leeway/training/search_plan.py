"""What a search is to cost, and what it therefore looks at: successive halving within a budget.

Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016: all trials
learn from few rows, the better half from more, and only the last of them from all. How many rungs there are follows from the
budget by a model of costs, not by the clock, which would try more on one day than on another.

What a trial costs, its candidate says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from leeway.definition import Kind
from leeway.training.learners import Size
from leeway.training.trials import Trial

AT_ONCE = 1.6  # cores that two do the work of
SHRINK = 4  # how many times fewer rows a rung has than the next
MOST_RUNGS = 3
TOGETHER = 2  # trials that an ensemble mostly has
FINALISTS = 3  # trials that learn from all rows, if the budget can bear them: an ensemble needs some
LEAST_ROWS = 2_000  # of a rung: fewer say nothing


@dataclass(frozen=True)
class Rung:
    """Trials that learn from the same share of the rows.

    Attributes:
        share: of each fold's rows.
        trials: how many go on to it.
    """

    share: float
    trials: int


def columns_seen(features: dict[str, Kind]) -> int:
    """Of how many numbers a row consists, roughly."""
    return sum({"categorical": 2, "text": 40}.get(kind, 1) for kind in features.values())


def plan(trials: Sequence[Trial], size: Size, budget: float) -> list[Rung]:
    """The rungs of a search, the last of which learns from all rows: as few as the budget allows.

    Half of the budget at most is kept for the last fit. Where even the most rungs are too dear, fewer trials go on: first from
    the widest of the later rungs, for the last one is what an ensemble is made of; one always comes through. The first rung
    tries them all.

    Args:
        trials: in the order in which they are tried.
        budget: in seconds.
    """
    dearest = max(learning(trial, size, 1.0, last=True) for trial in trials)
    left = budget - min(budget / 2, dearest)
    for count in range(1, MOST_RUNGS + 1):
        rungs = _rungs(len(trials), count, size)
        # Fewer in the last rung are better than a rung of fewer rows, which tell little of what many rows would say.
        least = 1 if count == MOST_RUNGS else FINALISTS
        while _cost(trials, rungs, size) > left and len(rungs) > 1 and rungs[-1].trials > least:
            rungs = _with_one_fewer(rungs)
        if _cost(trials, rungs, size) <= left:
            break
    return rungs


def cheapest_first(trials: Sequence[Trial], size: Size, most: int | None) -> list[Trial]:
    """The trials by what they cost; of each candidate in turn, its cheapest first, where there may not be so many."""
    ordered = sorted(trials, key=lambda trial: learning(trial, size, 1.0))
    if most is None or most >= len(ordered):
        return ordered
    by_candidate = [list(own) for _, own in groupby(sorted(ordered, key=_candidate), key=_candidate)]
    rounds = [own[place] for place in range(max(map(len, by_candidate))) for own in by_candidate if place < len(own)]
    kept = {str(trial) for trial in rounds[:most]}
    return [trial for trial in ordered if str(trial) in kept]


def learning(trial: Trial, size: Size, share: float, *, last: bool = False) -> float:
    """Seconds that a trial takes on two cores, for all folds, or for the last fit to all rows."""
    rows = (size.all_rows,) if last else tuple(max(1, round(share * count)) for count in size.rows)
    return sum(trial.seconds(count, size) for count in rows) / AT_ONCE


def watched(trial: Trial, size: Size, share: float) -> float:
    """Seconds that a trial took on all folds whose best iterations are known by now: it went on for a while after them."""
    return learning(_with_iterations(trial, 1.0), size, share)


def going_on(trials: Sequence[Trial], before: Rung, size: Size, seconds: float) -> int:
    """How many of the trials can go on to all rows, in so many seconds.

    What a trial takes is known better once it has learnt from a part of the rows: of four times as many rows boosting takes
    about twice as many iterations. The last fit learns them, or an ensemble of them, anew.

    Args:
        trials: with the best iterations that they had on the rung before, the best trial first.
    """
    grown = [_with_iterations(trial, before.share**-0.5) for trial in trials]
    spent = np.cumsum([learning(trial, size, 1.0) for trial in grown])
    again = np.cumsum([learning(trial, size, 1.0, last=True) for trial in grown])
    fits = again[np.minimum(np.arange(len(grown)), TOGETHER - 1)]
    return int((spent + fits <= seconds).sum())


def _rungs(trials: int, count: int, size: Size) -> list[Rung]:
    """A rung of a quarter of the next one's rows, whose better half goes on; none with too few rows to say anything."""
    found = [Rung(1.0, trials)]
    for above in range(1, count):
        if max(size.rows) * SHRINK**-above >= LEAST_ROWS:
            found.insert(0, Rung(float(SHRINK) ** -above, trials))
    return [Rung(rung.share, max(1, -(-trials // 2**place))) for place, rung in enumerate(found)]


def _with_one_fewer(rungs: Sequence[Rung]) -> list[Rung]:
    most = max(rung.trials for rung in rungs[1:])
    widest = max(place for place, rung in enumerate(rungs) if place and rung.trials == most)
    return [Rung(rung.share, rung.trials - (place == widest)) for place, rung in enumerate(rungs)]


def _cost(trials: Sequence[Trial], rungs: Sequence[Rung], size: Size) -> float:
    """Seconds of all rungs, if those that go on cost what all do on average."""
    means = (float(np.mean([learning(trial, size, rung.share) for trial in trials])) * rung.trials for rung in rungs)
    return sum(means)


def _with_iterations(trial: Trial, times: float) -> Trial:
    return replace(trial, iterations=trial.learner.after(trial.candidate, trial.iterations, times))


def _candidate(trial: Trial) -> str:
    return f"{trial.candidate.kind} {trial.candidate!r}"
