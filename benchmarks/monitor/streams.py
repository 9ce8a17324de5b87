"""Made-up streams of nights whose truth is known: what drifts in them, when, and whether it does harm.

Twenty numeric columns in blocks that hang together, six of them with a say in the label. Every column has a season over the
week and shocks from night to night that die away (AR(1)); a night's rows vary around its means. All is drawn from seeds.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Drawn = tuple[Floats, Bools]  # what is seen of a night, shape (rows, COLUMNS), and its labels

COLUMNS, BLOCK, WITHIN = 20, 4, 0.6  # columns to a block, and how they hang together in it
WEEK = 7
COEFFICIENTS = {0: 0.8, 4: -0.6, 8: 0.5, 12: 0.4, 1: 0.3, 16: -0.3}
IMPORTANT, UNUSED = 0, 19
INTERCEPT = -1.6


@dataclass(frozen=True)
class Stream:
    """How nights come about.

    Attributes:
        rows: of a night.
        season, shock: standard deviations over the week and from night to night, of columns whose rows have 1.
        memory: how much of a shock is left the next night.
        coefficients: of the columns, for the label.
        offset: added to columns, of those given.
        moved: the same, but the world itself has changed, and the label follows.
    """

    rows: int = 2_000
    season: float = 0.1
    shock: float = 0.05
    memory: float = 0.5
    coefficients: tuple[tuple[int, float], ...] = tuple(COEFFICIENTS.items())
    offset: tuple[tuple[int, float], ...] = ()
    moved: tuple[tuple[int, float], ...] = ()

    @property
    def slopes(self) -> Floats:
        """The coefficient of every column."""
        slopes = np.zeros(COLUMNS)
        for column, slope in self.coefficients:
            slopes[column] = slope
        return slopes

    def halved(self, column: int = IMPORTANT) -> "Stream":
        """The concept changes: a column has half of its say."""
        given = dict(self.coefficients)
        return replace(self, coefficients=tuple({**given, column: given[column] / 2}.items()))

    def shifted(self, column: int, by: float) -> "Stream":
        """A column is offset, and the label does not follow: its measurement has changed."""
        return replace(self, offset=((column, by),))


class World:
    """One draw of a stream: its season and the shocks as they go on from night to night."""

    def __init__(self, stream: Stream, seed: int) -> None:
        self.stream, self.rng, self.night = stream, np.random.default_rng(seed), 0
        blocks = np.kron(np.eye(COLUMNS // BLOCK), np.full((BLOCK, BLOCK), WITHIN)) + (1 - WITHIN) * np.eye(COLUMNS)
        self._root = np.linalg.cholesky(blocks)
        season = self.rng.standard_normal((WEEK, COLUMNS))
        self._season = season - season.mean(axis=0)
        self._shock = self._root @ self.rng.standard_normal(COLUMNS)

    def draw(self, change: Stream | None = None) -> Drawn:
        """The next night: what is seen of it, shape (rows, COLUMNS), and its labels.

        Args:
            change: how this night comes about, where not as the others.
        """
        seen, p = self.chances(change)
        return seen, self.rng.random(len(p)) < p

    def chances(self, change: Stream | None = None) -> tuple[Floats, Floats]:
        """The next night as it is seen, and the true probabilities of its labels."""
        stream, rng = change or self.stream, self.rng
        fresh = np.sqrt(1 - stream.memory**2) * (self._root @ rng.standard_normal(COLUMNS))
        self._shock = stream.memory * self._shock + fresh
        mean = stream.season * self._season[self.night % WEEK] + stream.shock * self._shock
        true = mean + rng.standard_normal((stream.rows, COLUMNS)) @ self._root.T
        for column, by in stream.moved:
            true[:, column] += by
        self.night += 1
        p = 1 / (1 + np.exp(-INTERCEPT - true @ stream.slopes))
        seen = true.copy()
        for column, by in stream.offset:
            seen[:, column] += by
        return seen, p


def _zeros(share: float) -> Callable[[Drawn, Drawn], Drawn]:
    def fill(night: Drawn, before: Drawn) -> Drawn:
        x = night[0].copy()
        x[: int(share * len(x)), IMPORTANT] = 0.0
        return x, night[1]

    return fill


def _cents(night: Drawn, before: Drawn) -> Drawn:
    return night[0] * np.where(np.arange(COLUMNS) == IMPORTANT, 100, 1), night[1]


def _swapped(night: Drawn, before: Drawn) -> Drawn:
    order = np.arange(COLUMNS)
    order[[IMPORTANT, UNUSED]] = UNUSED, IMPORTANT
    return night[0][:, order], night[1]


#: What a pipeline does to a night, given it and the night before.
FAULTS: dict[str, Callable[[Drawn, Drawn], Drawn]] = {
    "zeros in 5 %": _zeros(0.05),
    "zeros in 40 %": _zeros(0.40),
    "a unit changed": _cents,
    "columns swapped": _swapped,
    "every row twice": lambda night, before: (np.repeat(night[0], 2, axis=0), np.repeat(night[1], 2)),
    "the night before again": lambda night, before: before,
}
