"""What gates may know of a challenger only by doing something with it; `leeway.evaluation.probes` does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from leeway.core.intervals import Interval
from leeway.core.metrics import Bools, Floats


@dataclass(frozen=True)
class SingleFeature:
    """How well one feature tells the label by itself.

    Attributes:
        auc: ROC AUC on rows that it was not learnt from, the mean of the classes', at least 0.5.
        error: its standard error.
        why: why that is beyond belief; None where it is not.
    """

    auc: float
    error: float
    why: str | None = None


@dataclass(frozen=True)
class Seeds:
    """Two fits of the same way of learning, with another seed, on other draws of the same rows.

    Attributes:
        y: labels of rows that neither has learnt from, shape (n, K).
        p: their probabilities, shape (n, K) each.
        rows: how many each has learnt from.
    """

    y: Bools
    p: tuple[Floats, Floats]
    rows: int


class Probe(Protocol):
    """What is found out by doing, each when it is first asked for, and once."""

    @property
    def baselines(self) -> Mapping[str, Floats]:
        """What anyone would say who knows the shares of the classes, or one rule; probabilities of the holdout's rows."""

    @property
    def label_permutation(self) -> SingleFeature:
        """How well the same way of learning tells labels that were dealt out at random."""

    @property
    def single_feature_auc(self) -> Mapping[str, SingleFeature]:
        """How well each feature tells the label by itself."""

    @property
    def importance(self) -> Mapping[str, Interval]:
        """By how much the holdout's log loss rises when a feature's values are dealt out among its rows."""

    @property
    def temporal_shift(self) -> tuple[float, float] | None:
        """Log loss on later rows than were learnt from, and on random ones; None where events have no time."""

    @property
    def seeds(self) -> Seeds:
        """The same way of learning, twice."""

    @property
    def reloaded_scores(self) -> tuple[Floats, Floats]:
        """Probabilities of some rows, here and by a new process that has loaded the saved bundle."""

    @property
    def speed(self) -> tuple[float, float]:
        """Milliseconds for one row, and rows in a second."""

    @property
    def megabytes(self) -> float:
        """The saved bundle's size."""
