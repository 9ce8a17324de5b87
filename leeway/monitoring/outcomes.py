"""The stored outcomes of decisions.

They are counted once for each partition, when its labels are mature. Each partition has two rows: for the version that scored
it, and for the previous champion on the same events. Counts add up, so weeks and months are sums.
`leeway.monitoring.record_outcomes` counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any, Literal, Self

import numpy as np
import sqlalchemy as sa

from leeway.core import intervals
from leeway.core.metrics import Bools, Floats
from leeway.definition import Costs
from leeway.store.database import database
from leeway.store.tables import outcome as table

Role = Literal["champion", "before"]
#: Of probabilities; finer near 0, for rare classes.
EDGES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class ConfusionCounts:
    """The counts of one class or slice.

    Attributes:
        rows: the number of rows with a label.
        positives, predicted_positive, true_positives: how many of them are of the class, were flagged, and both.
        expected: the sum of the probabilities.
        bins: for each range of `EDGES`: rows, sum of the probabilities, positives.
    """

    rows: int = 0
    positives: int = 0
    predicted_positive: int = 0
    true_positives: int = 0
    expected: float = 0.0
    bins: tuple[tuple[float, float, float], ...] = ()

    @classmethod
    def of(cls, y: Bools, p: Floats, predicted_positive: Bools, *, binned: bool = False) -> Self:
        """Count rows; shapes (n,)."""
        place = np.searchsorted(np.asarray(EDGES), p, side="right")
        sums = [np.bincount(place, weights=weight, minlength=len(EDGES) + 1) for weight in (np.ones(len(p)), p, y)]
        bins = tuple(tuple(row) for row in np.column_stack(sums).tolist()) if binned else ()
        return cls(
            len(y),
            int(y.sum()),
            int(predicted_positive.sum()),
            int((predicted_positive & y).sum()),
            float(p.sum()),
            bins,
        )

    def __add__(self, other: "ConfusionCounts") -> "ConfusionCounts":
        """Add two counts."""
        pairs = zip(self.bins, other.bins, strict=True) if self.bins and other.bins else ()
        bins = tuple((a[0] + b[0], a[1] + b[1], a[2] + b[2]) for a, b in pairs) or self.bins or other.bins
        return ConfusionCounts(
            self.rows + other.rows,
            self.positives + other.positives,
            self.predicted_positive + other.predicted_positive,
            self.true_positives + other.true_positives,
            self.expected + other.expected,
            bins,
        )

    @property
    def precision(self) -> float | None:
        """The share of flagged events that are positive."""
        return self.true_positives / self.predicted_positive if self.predicted_positive else None

    @property
    def recall(self) -> float | None:
        """The share of positives that were flagged."""
        return self.true_positives / self.positives if self.positives else None

    @property
    def calibration_error(self) -> float | None:
        """The expected calibration error.

        It is the mean over rows of |share - mean probability| of their bin.
        """
        return sum(abs(holds - p) for _, p, holds in self.bins) / self.rows if self.rows and self.bins else None


@dataclass(frozen=True)
class Misjudged:
    """A wrongly decided row with a large loss.

    Attributes:
        score: the probability that the model gave to the label's class.
        reasons: the columns that moved the score away from the label most, with their value and effect, in log odds; values of
            sensitive columns are hidden.
    """

    event: str
    partition: str
    label: str
    decision: str
    score: float
    loss: float
    reasons: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """The outcomes of decisions on one or more partitions.

    Attributes:
        decided: how many events have a decision, with a label or without.
        log_loss: the sum over rows with a label.
        classes: counts by class; for a binary label only the positive one.
        slices: counts by column and value, over all classes.
        sent, answered, overruled: how many events were sent to a person, how many of them have a label, and how many labels
            contradict the decision.
    """

    partition: str
    version: int
    decided: int
    labelled: int
    log_loss: float
    classes: dict[str, ConfusionCounts]
    slices: dict[str, dict[str, ConfusionCounts]] = field(default_factory=dict)
    worst: list[Misjudged] = field(default_factory=list)
    sent: int = 0
    answered: int = 0
    overruled: int = 0

    def __add__(self, other: "Outcome") -> "Outcome":
        """Add two outcomes under the later one's name."""
        later = max(self, other, key=lambda item: item.partition)
        columns = self.slices.keys() | other.slices.keys()
        return Outcome(
            later.partition,
            later.version,
            self.decided + other.decided,
            self.labelled + other.labelled,
            self.log_loss + other.log_loss,
            _together(self.classes, other.classes),
            {name: _together(self.slices.get(name, {}), other.slices.get(name, {})) for name in sorted(columns)},
            sorted([*self.worst, *other.worst], key=lambda row: -row.loss),
            self.sent + other.sent,
            self.answered + other.answered,
            self.overruled + other.overruled,
        )

    @property
    def all(self) -> ConfusionCounts:
        """The counts of all classes together."""
        return reduce(add, self.classes.values(), ConfusionCounts())

    def cost(self, costs: Costs) -> float:
        """Return what these decisions cost."""
        counts = self.all
        return costs.of(
            positives=counts.positives,
            predicted_positive=counts.predicted_positive,
            true_positives=counts.true_positives,
        )


def nothing_flagged(outcome: Outcome, costs: Costs) -> float:
    """Return the same events' cost without a model.

    Without a model nothing is flagged.
    """
    return costs.of(positives=outcome.all.positives, predicted_positive=0, true_positives=0)


def total(outcomes: Iterable[Outcome]) -> Outcome | None:
    """Sum up outcomes; None where there are none."""
    found = list(outcomes)
    return reduce(add, found) if found else None


def interval(count: int, of: int) -> tuple[float, float] | None:
    """Return Wilson's 95 % interval of a share.

    None where `of` is 0.
    """
    if not of:
        return None
    found = intervals.share(count, of)
    return found.low, found.high


def of(
    name: str, *, first: str = "", last: str = "~", role: Role = "champion", detailed: bool = False
) -> list[Outcome]:
    """Return a classifier's outcomes by partition, oldest first.

    Args:
        detailed: with slices and the worst rows.
    """
    columns = ["partition", "version", "decided", "labelled", "log_loss", "classes", "sent", "answered", "overruled"]
    columns += ["slices", "worst"] if detailed else []
    mine = (table.c.classifier == name) & (table.c.role == role) & table.c.partition.between(first, last)
    query = sa.select(*(table.c[column] for column in columns)).where(mine).order_by(table.c.partition)
    with database().transaction() as connection:
        return [_read(dict(row._mapping)) for row in connection.execute(query)]


def newest(name: str) -> str | None:
    """Return the last partition that was counted."""
    query = sa.select(sa.func.max(table.c.partition)).where(table.c.classifier == name)
    with database().transaction() as connection:
        found: str | None = connection.scalar(query)
    return found


def _read(row: dict[str, Any]) -> Outcome:
    row["classes"] = {name: _counts(value) for name, value in row["classes"].items()}
    if "slices" in row:
        row["slices"] = {
            column: {value: _counts(counts) for value, counts in values.items()}
            for column, values in row["slices"].items()
        }
        row["worst"] = [Misjudged(**item) for item in row["worst"]]
    return Outcome(**row)


def _counts(value: dict[str, Any]) -> ConfusionCounts:
    return ConfusionCounts(**{**value, "bins": tuple(tuple(item) for item in value["bins"])})


def _together(one: Mapping[str, ConfusionCounts], two: Mapping[str, ConfusionCounts]) -> dict[str, ConfusionCounts]:
    return {
        name: one.get(name, ConfusionCounts()) + two.get(name, ConfusionCounts())
        for name in [*one, *(two.keys() - one.keys())]
    }
