"""Maturity: which share of the labels is known at which age of a partition, learnt from the reference's own.

Labels of a partition are held against its scores at one age only (`Classifier.label_age`), the same for the reference and for
every night. Those that are known before that age are not used until then: labels that come early differ from those that come
late (a payment is disputed within days, and found in order only when the time for disputes is over), and to weigh the early
ones up one would have to know how they differ, class by class and for rows like these. What is not known at the age does not
count on either side. So no bias is corrected, none is let in: at the price of the delay.

What this needs is that as many labels are known at the age as there were in the reference. That is watched here. Where clearly
fewer are, at that age or before it, labels are late; the labels of a partition that has too few at the age do not count.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from pydantic import BaseModel, ConfigDict

from leeway.core.metrics import Floats
from leeway.definition import Classifier, Grain
from leeway.definition.partitions import Partition

MOST_AGES = 14  # that partitions are looked at before their labels count
FEWEST = 8  # partitions of the reference of that age
LEAST_SPREAD = 0.02  # of a share
COMPLETE = 0.9  # of a partition's labels: without the others, those that are known are a biased choice
SPREADS, POINTS = 4.0, 0.1  # by how much fewer labels are too few: both


class Maturity(BaseModel):
    """How soon the reference's labels were known.

    Attributes:
        ages: in partitions, from the end of the one that labels are of; all are below the age at which they count.
        known: the median share of labels known at each of them, and last at that where they count; NaN where no partition
            is old enough to say.
        spread: of that share, from partition to partition.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    ages: tuple[int, ...]
    known: tuple[float, ...]
    spread: tuple[float, ...]

    @classmethod
    def of(cls, ages: Sequence[int], share: Floats) -> "Maturity":
        """Learn it.

        Args:
            share: of each partition at each age, and last at that where labels count; NaN where it is younger.
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
        """Whether nearly all labels are known where they count; so it is taken where no partition is old enough to say."""
        return not self.known[-1] < COMPLETE

    def least(self, place: int = -1) -> float:
        """The share of labels below which they are clearly fewer than in the reference; by default where labels count."""
        if np.isnan(self.known[place]):
            return 0.0
        return self.known[place] - max(POINTS, SPREADS * self.spread[place])


@dataclass(frozen=True)
class Arrived:
    """How many of a partition's labels were known at the end of a night.

    Attributes:
        age: of the partition, in partitions; None at the age at which labels count.
        usual: the share that is ordinarily known at this age; None where the reference does not say.
        late: whether it is clearly less.
    """

    partition: str
    age: int | None
    events: int
    labels: int
    usual: float | None
    late: bool

    @property
    def share(self) -> float:
        """The share of its labels that were known."""
        return self.labels / self.events

    @property
    def is_complete(self) -> bool:
        """Whether nearly all were."""
        return self.share >= COMPLETE


def ages_of(classifier: Classifier) -> list[int]:
    """The ages, in partitions, at which it is looked how many labels are known: a few, all below that where they count."""
    some = Partition.containing(datetime(2024, 1, 1), classifier.partition)
    every = list(_below(some, some.end + classifier.label_age))
    return [every[place] for place in np.unique(np.linspace(0, len(every) - 1, MOST_AGES).astype(int))] if every else []


def tell(known: Sequence[Arrived], grain: Grain) -> str | None:
    """That labels are late, in words; None where they are not."""
    late = [item for item in known if item.late]
    if not late:
        return None
    worst = max(late, key=lambda item: (item.usual or 0.0) - item.share)
    when = "at the age at which they count" if worst.age is None else _after(worst.age, grain)
    uncounted = "; they do not count" if worst.age is None else ""
    ordinarily = f"{worst.usual:.0%} ordinarily{uncounted}"
    return f"labels are late: {worst.share:.0%} of those of {worst.partition} are known {when}, {ordinarily}"


def _after(age: int, grain: Grain) -> str:
    return f"at the end of its {grain.noun}" if age == 0 else f"{grain.count(age)} after"


def _below(some: Partition, until: datetime) -> Iterator[int]:
    age = 0
    while some.shift(age).end < until:
        yield age
        age += 1
