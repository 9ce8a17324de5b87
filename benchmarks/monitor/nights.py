"""The stream of nights that policies of retraining are compared on, and what a policy did on it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from sklearn.linear_model import LogisticRegression
from streams import IMPORTANT, UNUSED, Bools, Floats, Stream, World

HISTORY, NIGHTS, ROWS = 126, 300, 1_000
LATE = 7  # nights until a label is known
BENIGN, BUG, CONCEPT, MOVED, FLIPPED = 30, range(70, 75), 110, 190, range(240, 243)
BAD = frozenset([*BUG, *FLIPPED])
TURNED = {IMPORTANT: 0.0, 4: -0.3}  # the coefficients after the change of concept
RECOVERED = 0.2  # of the harm of the concept's change may be left, over a week
WEEK = 7

Model = LogisticRegression


@dataclass(frozen=True)
class Night:
    """A night: what is seen of it, the labels that are recorded, and the true chances, shape (rows,)."""

    x: Floats
    y: Bools
    p: Floats


@dataclass
class Served:
    """What a policy did.

    Attributes:
        excess: each night's mean log loss beyond that of the true probabilities, in expectation over the labels. 0 on the
            nights of the bug, on which no model sees what it was made for.
        learnt: the nights that the model was trained on that served each night.
        promoted: the nights after which another model served.
    """

    excess: list[float] = field(default_factory=list)
    learnt: list[frozenset[int]] = field(default_factory=list)
    promoted: list[int] = field(default_factory=list)

    def serve(self, number: int, night: Night, model: Model, learnt: frozenset[int]) -> None:
        """A night is scored by a model."""
        q = np.clip(model.predict_proba(night.x)[:, 1], 1e-9, 1 - 1e-9)
        loss = night.p * np.log(night.p / q) + (1 - night.p) * np.log((1 - night.p) / (1 - q))
        self.excess.append(0.0 if number in BUG else float(loss.mean()))
        self.learnt.append(learnt)

    def figures(self, harm: float) -> dict[str, float]:
        """A line of the table.

        Args:
            harm: the excess of a night after the concept's change by the model from before it.
        """
        week = np.convolve(self.excess[CONCEPT:], np.ones(WEEK) / WEEK, mode="valid")
        back = np.flatnonzero(week <= RECOVERED * harm)
        true = {next((night for night in self.promoted if night >= CONCEPT + LATE), None)} - {None}
        return {
            "excess": sum(self.excess),
            "promotions": len(self.promoted),
            "false": len(self.promoted) - len(true),
            "bad nights": sum(bool(nights & BAD) for nights in self.learnt),
            "recovered": float(back[0]) if len(back) else np.inf,
        }


def stream(seed: int) -> dict[int, Night]:
    """The nights by number; those of the history have negative ones."""
    ordinary = Stream(rows=ROWS)
    world = World(ordinary, seed)
    return {number: _night(world, ordinary, number) for number in range(-HISTORY, NIGHTS)}


def _night(world: World, ordinary: Stream, number: int) -> Night:
    change = ordinary
    if number >= BENIGN:
        change = replace(change, moved=((UNUSED, 0.5),))
    if number >= CONCEPT:
        change = replace(change, coefficients=tuple({**dict(change.coefficients), **TURNED}.items()))
    if number >= MOVED:
        change = replace(change, moved=(*change.moved, (IMPORTANT, 0.7)))
    x, p = world.chances(change)
    y = world.rng.random(len(p)) < p
    if number in BUG:
        x[:, IMPORTANT] = 0.0
    return Night(x, ~y if number in FLIPPED else y, p)


class Learner:
    """Trains on nights; on the same ones only once."""

    def __init__(self, nights: dict[int, Night]) -> None:
        self.nights, self._known = nights, dict[frozenset[int], Model]()
        self._last: Model | None = None

    def fit(self, numbers: Sequence[int]) -> tuple[Model, frozenset[int]]:
        """A model of these nights, and which they are."""
        key = frozenset(numbers)
        if key not in self._known:
            x = np.concatenate([self.nights[number].x for number in numbers])
            y = np.concatenate([self.nights[number].y for number in numbers])
            model = LogisticRegression(solver="newton-cholesky", warm_start=True)
            if self._last is not None:  # a good place to begin, where it ends all the same
                model.coef_, model.intercept_ = self._last.coef_.copy(), self._last.intercept_.copy()
            self._known[key] = self._last = model.fit(x, y)
        return self._known[key], key


def known(number: int, window: int) -> range:
    """The last nights whose labels are known once a night is over."""
    return range(number - LATE - window + 1, number - LATE + 1)


def simple(learner: Learner, window: int, wants: Callable[[int, Model, frozenset[int]], bool]) -> Served:
    """A policy that promotes whatever it trains on the last so many nights with labels.

    Args:
        wants: whether to retrain after a night, given the model and the nights that it was trained on.
    """
    served = Served()
    model, learnt = learner.fit(known(-1, window))
    for number in range(NIGHTS):
        served.serve(number, learner.nights[number], model, learnt)
        if wants(number, model, learnt):
            model, learnt = learner.fit(known(number, window))
            served.promoted.append(number)
    return served
