"""Functions from a description, for one row at a time.

Sums are made in the order of scikit-learn's and rounded after each term, which `sum` is not from Python 3.12 on.
"""

import math
from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import assert_never

import numpy as np

from leeway.core.metrics import EPSILON
from leeway.model.compiled import four_bytes, text, trees
from leeway.model.compiled.description import (
    Boosted,
    Calibrator,
    Constant,
    Description,
    Estimator,
    Forest,
    GapSlot,
    Isotonic,
    Linear,
    Member,
    Number,
    NumberSlot,
    ScaledSlot,
    Several,
    Sigmoid,
    Slots,
    Temperature,
    TextSlots,
    ValueSlots,
    Vote,
    decoded,
)

Value = float | str | None
Row = Mapping[str, Value]
Probabilities = list[float]
Pairs = list[tuple[int, float]]
"""Places of slots with their numbers; all others are 0."""


class Compiled:
    """A bundle for one row at a time."""

    def __init__(self, description: Description) -> None:
        self._numbers = [name for name, kind in description.features.items() if kind not in ("categorical", "text")]
        self._binary = description.kind == "binary"
        self._exclusive = description.kind == "multiclass"
        self._count = len(description.classes)
        self._known = description.known
        self._members = [_member(member) for member in description.members]
        self._weights = description.weights
        self._total = math.fsum(description.weights)
        self._calibrators = [_calibrator(own) for own in description.calibrators]
        self._calibrated = any(own is not None for own in self._calibrators)

    def score(self, row: Row) -> Probabilities:
        """Return the calibrated probability of each class.

        Args:
            row: every feature: numbers and truth values as float, categories as text, missing ones None; a missing text is "".

        Raises:
            OverflowError: a forest is asked of a number that has no 4-byte float.
        """
        values = dict(row)
        for name in self._numbers:
            number = values[name]
            values[name] = number if number is not None and math.isfinite(number) else math.nan  # type: ignore[arg-type]
        if len(self._members) == 1:
            raw = self._members[0](values)
        else:
            raw = _mean([member(values) for member in self._members], self._weights, self._total)
        return self._apply(self._aligned(raw))

    def _aligned(self, raw: Probabilities) -> Probabilities:
        if self._binary:
            return raw[1:]
        if not self._exclusive:
            return raw
        scores = [0.0] * self._count
        for place, p in zip(self._known, raw, strict=True):
            scores[place] = p
        return scores

    def _apply(self, scores: Probabilities) -> Probabilities:
        if not self._calibrated:
            return scores
        pairs = zip(self._calibrators, scores, strict=True)
        p = [score if calibrator is None else calibrator(score) for calibrator, score in pairs]
        if not self._exclusive:
            return p
        total = reduce(add, p)
        return [own / total for own in p] if total > 0 else scores


def build(description: Description) -> Compiled:
    """Make a bundle's functions."""
    return Compiled(description)


def _member(member: Member) -> Callable[[Row], Probabilities]:
    estimator = _estimator(member.estimator)
    if _is_linear(member.estimator):
        pairs = _sparse(member.slots)
        return lambda values: estimator(pairs(values))
    dense = _dense(member.slots)
    return lambda values: estimator(dense(values))


def _is_linear(estimator: Estimator) -> bool:
    if isinstance(estimator, Several | Vote):
        return all(_is_linear(own) for own in estimator.estimators)
    return isinstance(estimator, Linear | Constant)


def _estimator(estimator: Estimator) -> Callable[..., Probabilities]:
    match estimator:
        case Boosted():
            return _boosted(estimator)
        case Forest():
            return trees.forest(estimator)
        case Linear():
            return _linear(estimator)
        case Constant(p=p):
            return lambda slots: p
        case Several(estimators=estimators):
            each = [_estimator(own) for own in estimators]
            return lambda slots: [own(slots)[1] for own in each]
        case Vote(estimators=estimators, weights=weights):
            voters, total = [_estimator(own) for own in estimators], math.fsum(weights)
            return lambda slots: _mean([own(slots) for own in voters], weights, total)
    assert_never(estimator)


def _mean(given: Sequence[Probabilities], weights: Sequence[float], total: float) -> Probabilities:
    """Weigh as NumPy does: a sum in order, divided by the sum of the weights."""
    sums = [weights[0] * p for p in given[0]]
    for weight, own in zip(weights[1:], given[1:], strict=True):
        sums = [before + weight * p for before, p in zip(sums, own, strict=True)]
    return [own / total for own in sums]


def _boosted(estimator: Boosted) -> Callable[[Sequence[float]], Probabilities]:
    sums, small = trees.boosted(estimator), estimator.in_four_bytes
    softmax, expit = (four_bytes.softmax, four_bytes.expit) if small else (_softmax, _expit)
    if len(estimator.start) > 1:
        return lambda slots: softmax(sums(slots))

    def of(slots: Sequence[float]) -> Probabilities:
        p = expit(sums(slots)[0])
        return [1 - p, p]

    return of


def _linear(estimator: Linear) -> Callable[[Pairs], Probabilities]:
    count = len(estimator.intercepts)
    rows = [array("d", own) for own in decoded(estimator.weights).reshape(count, -1)]
    both = list(zip(rows, estimator.intercepts, strict=True))

    def of(pairs: Pairs) -> Probabilities:
        sums = [
            reduce(add, [weights[place] * number for place, number in pairs], 0.0) + intercept
            for weights, intercept in both
        ]
        if count > 1:
            return _softmax(sums)
        p = _expit(sums[0])
        return [1 - p, p]

    return of


def _expit(x: float) -> float:
    try:
        return 1.0 / (1.0 + math.exp(-x))
    except OverflowError:
        return 0.0


def _softmax(sums: Sequence[float]) -> Probabilities:
    most = max(sums)
    powers = [math.exp(own - most) for own in sums]
    total = reduce(add, powers)
    return [own / total for own in powers]


def _dense(slots: Sequence[Slots]) -> Callable[[Row], list[float]]:
    makers = [_numbers(own) for own in slots]

    def of(values: Row) -> list[float]:
        made: list[float] = []
        for maker in makers:
            made += maker(values)
        return made

    return of


def _numbers(slots: Slots) -> Callable[[Row], Sequence[float]]:
    """Make the function from a row to the numbers of some slots."""
    name = slots.feature
    match slots:
        case NumberSlot():
            return lambda values: (values[name],)  # type: ignore[return-value]
        case ScaledSlot(fill=fill, mean=mean, scale=scale):

            def scaled(values: Row) -> Sequence[float]:
                number: float = values[name]  # type: ignore[assignment]
                return (((fill if number != number else number) - mean) / scale,)

            return scaled
        case GapSlot(mean=mean, scale=scale):
            there, gap = (0.0 - mean) / scale, (1.0 - mean) / scale
            return lambda values: (gap if values[name] != values[name] else there,)
        case ValueSlots():
            known = {value: _floats(own) for value, own in slots.known.items()}
            unseen, missing = _floats(slots.unseen), _floats(slots.missing)

            def of_value(values: Row) -> Sequence[float]:
                value = values[name]
                return missing if value is None else known.get(value, unseen)  # type: ignore[arg-type]

            return of_value
        case TextSlots():
            return _topics(slots)
    assert_never(slots)


def _floats(numbers: Sequence[Number]) -> tuple[float, ...]:
    return tuple(math.nan if number is None else number for number in numbers)


def _topics(slots: TextSlots) -> Callable[[Row], Sequence[float]]:
    weights, name = _weights(slots), slots.feature
    buckets = sum(len(decoded(part.idf)) for part in slots.parts)
    directions = decoded(slots.directions or "").reshape(buckets, -1)

    def of(values: Row) -> Sequence[float]:
        pairs = weights(str(values[name]))
        places = np.array([place for place, _ in pairs], dtype=np.intp)
        weighted = np.array([weight for _, weight in pairs])[:, None] * directions[places]
        found: list[float] = weighted.sum(
            axis=0
        ).tolist()  # row after row, as SciPy sums: a tree may ask for the last bit
        return found

    return of


def _weights(slots: TextSlots) -> Callable[[str], Pairs]:
    parts, offset = [], 0
    for part in slots.parts:
        parts.append((text.weights(part), offset))
        offset += len(decoded(part.idf))

    def of(given: str) -> Pairs:
        found: Pairs = []
        for weights, first in parts:
            places, own = weights(given)
            found += [(first + place, weight) for place, weight in zip(places, own, strict=True)]
        return found

    return of


def _sparse(slots: Sequence[Slots]) -> Callable[[Row], Pairs]:
    makers: list[Callable[[Row], Pairs]] = []
    first = 0
    for own in slots:
        maker, width = _pairs(own, first)
        makers.append(maker)
        first += width

    def of(values: Row) -> Pairs:
        made: Pairs = []
        for maker in makers:
            made += maker(values)
        return made

    return of


def _pairs(slots: Slots, first: int) -> tuple[Callable[[Row], Pairs], int]:
    """Make the function from a row to the numbers of some slots that are not 0, and say how many slots there are."""
    name = slots.feature
    match slots:
        case ValueSlots():
            known = {value: _not_zero(own, first) for value, own in slots.known.items()}
            unseen, missing = _not_zero(slots.unseen, first), _not_zero(slots.missing, first)

            def of_value(values: Row) -> Pairs:
                value = values[name]
                return missing if value is None else known.get(value, unseen)  # type: ignore[arg-type]

            return of_value, len(slots.unseen)
        case TextSlots(directions=None):
            weights = _weights(slots)
            width = sum(len(decoded(part.idf)) for part in slots.parts)
            return lambda values: [(first + place, own) for place, own in weights(str(values[name]))], width
        case _:
            numbers = _numbers(slots)
            return lambda values: [(first, numbers(values)[0])], 1


def _not_zero(numbers: Sequence[Number], first: int) -> Pairs:
    return [(first + place, number) for place, number in enumerate(_floats(numbers)) if number != 0]


def _calibrator(calibrator: Calibrator) -> Callable[[float], float] | None:
    match calibrator:
        case None:
            return None
        case Temperature(exponent=exponent):
            return lambda score: min(max(score, EPSILON), 1.0) ** exponent
        case Sigmoid(weight=weight, intercept=intercept):
            return lambda score: _expit(weight * _logit(score) + intercept)
        case Isotonic(x=x, y=y):
            return lambda score: _interpolated(x, y, score)
    assert_never(calibrator)


def _logit(p: float) -> float:
    held = min(max(p, EPSILON), 1 - EPSILON)
    return math.log(held / (1 - held))


def _interpolated(x: Sequence[float], y: Sequence[float], at: float) -> float:
    """Interpolate as `numpy.interp` does."""
    place = bisect_right(x, at) - 1
    if place < 0:
        return y[0]
    if place >= len(x) - 1:
        return y[-1]
    return (y[place + 1] - y[place]) / (x[place + 1] - x[place]) * (at - x[place]) + y[place]
