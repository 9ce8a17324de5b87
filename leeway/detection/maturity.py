"""Label maturity: the share of known labels by a partition's age.

Labels are compared with scores at one age only (`Classifier.label_age`), the same for the reference and for every night. Labels
that are known earlier wait until then. Early labels differ from late ones: a fraudulent payment is disputed within days, an
honest one is confirmed only when the time for disputes is over. To weight them, one would have to know this difference, for
each class and for rows like these. A label that is unknown at the age does not count on either side. So there is no bias to
correct, at the price of the delay.

This needs as many known labels at the age as in the reference. That is monitored here. Where clearly fewer are known, at that
age or before it, labels are late. The labels of a partition with too few at the age do not count.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from pydantic import BaseModel, ConfigDict

from leeway.core.metrics import Floats
from leeway.definition import Classifier, Grain
from leeway.definition.partitions import Partition

MOST_AGES = 14  # at which a partition is looked at before its labels count
FEWEST = 8  # partitions of the reference of that age
LEAST_SPREAD = 0.02  # of a share
COMPLETE = 0.9  # of a partition's labels: with fewer, the known ones are a biased sample
SPREADS, POINTS = 4.0, 0.1  # labels are late when fewer by both of these: standard deviations, and a share


class Maturity(BaseModel):
    """The share of the reference's labels known at each age.

    Attributes:
        ages: in partitions, from the end of the labels' own; all are below the age at which labels count.
        known: the median share of labels known at each age, and last at the age at which they count; NaN where no partition is
            old enough.
        spread: the spread of that share over partitions.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    ages: tuple[int, ...]
    known: tuple[float, ...]
    spread: tuple[float, ...]

    @classmethod
    def of(cls, ages: Sequence[int], share: Floats) -> "Maturity":
        """Learn the maturity from the reference's partitions.

        Args:
            share: of each partition at each age, and last at the age at which labels count; NaN where it is younger.
        """
        enough = (~np.isnan(share)).sum(axis=0) >= FEWEST
        lower, median, upper = (
            np.array(
                [
                    np.quantile(column[~np.isnan(column)], quantile) if ok else np.nan
                    for column, ok in zip(share.T, enough, strict=True)
                ]
            )
            for quantile in (0.25, 0.5, 0.75)
        )
        spread = np.maximum((upper - lower) / 1.349, LEAST_SPREAD)
        return cls(ages=tuple(ages), known=tuple(median.tolist()), spread=tuple(spread.tolist()))

    @property
    def is_complete(self) -> bool:
        """Whether nearly all labels are known when they count.

        It is assumed where no partition is old enough.
        """
        return not self.known[-1] < COMPLETE

    def least(self, place: int = -1) -> float:
        """Return the share of labels below which they are late.

        Args:
            place: of the age; by default the age at which labels count.
        """
        if np.isnan(self.known[place]):
            return 0.0
        return self.known[place] - max(POINTS, SPREADS * self.spread[place])


@dataclass(frozen=True)
class Arrived:
    """The labels of a partition known at the end of a night.

    Attributes:
        age: of the partition, in partitions; None at the age at which labels count.
        usual: the share that is usually known at this age; None where the reference has too few partitions.
        late: whether clearly fewer are known.
    """

    partition: str
    age: int | None
    events: int
    labels: int
    usual: float | None
    late: bool

    @property
    def share(self) -> float:
        """The share of known labels."""
        return self.labels / self.events

    @property
    def is_complete(self) -> bool:
        """Whether nearly all labels were known."""
        return self.share >= COMPLETE


def ages_of(classifier: Classifier) -> list[int]:
    """Return the ages, in partitions, at which labels are counted.

    They are a few, all below the age at which labels count.
    """
    some = Partition.containing(datetime(2024, 1, 1), classifier.partition)
    every = list(_below(some, some.end + classifier.label_age))
    return [every[place] for place in np.unique(np.linspace(0, len(every) - 1, MOST_AGES).astype(int))] if every else []


def tell(known: Sequence[Arrived], grain: Grain) -> str | None:
    """Say that labels are late, or None where they are not."""
    late = [item for item in known if item.late]
    if not late:
        return None
    worst = max(late, key=lambda item: (item.usual or 0.0) - item.share)
    when = "at the age at which they count" if worst.age is None else _after(worst.age, grain)
    uncounted = "; they do not count" if worst.age is None else ""
    usually = f"usually {worst.usual:.0%}{uncounted}"
    return f"labels are late: {worst.share:.0%} of those of {worst.partition} are known {when}, {usually}"


def _after(age: int, grain: Grain) -> str:
    return f"at the end of its {grain.noun}" if age == 0 else f"{grain.count(age)} after"


def _below(some: Partition, until: datetime) -> Iterator[int]:
    age = 0
    while some.shift(age).end < until:
        yield age
        age += 1
