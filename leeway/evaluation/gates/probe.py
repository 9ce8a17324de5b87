"""The interface of probes.

A probe refits, reloads or times a challenger; `leeway.evaluation.probes` implements it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from leeway.core.intervals import Interval
from leeway.core.metrics import Bools, Floats
from leeway.profiling.telling import Suspicion


@dataclass(frozen=True)
class SingleFeature:
    """The predictive power of one feature by itself.

    Attributes:
        auc: ROC AUC on rows that it was not learnt from, the mean of the classes', at least 0.5.
        error: its standard error.
    """

    auc: float
    error: float


@dataclass(frozen=True)
class Seeds:
    """Two refits with different seeds, on different draws.

    The draws are of the same rows.

    Attributes:
        y: labels of rows that neither has learnt from, shape (n, K).
        p: their probabilities, shape (n, K) each.
        rows: how many each has learnt from.
    """

    y: Bools
    p: tuple[Floats, Floats]
    rows: int


@dataclass(frozen=True)
class CompiledProof:
    """A compiled bundle held against the bundle.

    Attributes:
        rows: held-out ones, and such with values that nobody has seen.
        apart: the largest difference of a probability.
        other_decisions: rows that are decided otherwise.
        microseconds: of a processor, for one row.
    """

    rows: int
    apart: float
    other_decisions: int
    microseconds: float


class Probe(Protocol):
    """Measurements of a challenger, each made once on demand."""

    @property
    def baselines(self) -> Mapping[str, Floats]:
        """The holdout's probabilities by simple baselines.

        One baseline knows the class shares, the other one rule.
        """

    @property
    def label_permutation(self) -> SingleFeature:
        """The predictive power of a refit on shuffled labels."""

    @property
    def single_feature_auc(self) -> Mapping[str, SingleFeature]:
        """The predictive power of each feature by itself."""

    @property
    def suspicions(self) -> Sequence[Suspicion]:
        """Features that tell suspiciously much, alone or together.

        Those of which a person has said that they are known when the event happens are left out.
        """

    @property
    def importance(self) -> Mapping[str, Interval]:
        """The permutation importance of each feature.

        It is the rise of the holdout's log loss when the feature's values are shuffled.
        """

    @property
    def temporal_shift(self) -> tuple[float, float] | None:
        """The log loss on later and on random rows.

        None where events have no time.
        """

    @property
    def seeds(self) -> Seeds:
        """Two refits with different seeds."""

    @property
    def reloaded_scores(self) -> tuple[Floats, Floats]:
        """Scores from this process and from a new one.

        The new process has loaded the saved bundle.
        """

    @property
    def compiled(self) -> CompiledProof | None:
        """The compiled bundle held against the bundle; None where there is none."""

    @property
    def speed(self) -> tuple[float, float]:
        """Milliseconds for one row, and rows per second."""

    @property
    def megabytes(self) -> float:
        """The size of the saved bundle."""
