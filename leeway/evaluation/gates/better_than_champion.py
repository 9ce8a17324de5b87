"""Gate: the challenger beats the champion."""

from dataclasses import asdict, dataclass
from math import ceil

import numpy as np
from scipy import stats

from leeway.core import intervals
from leeway.core.metrics import Floats
from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "better than champion"
MIN_PARTITIONS = 3
FEW = 8  # partitions; with fewer, the t that is needed is several times that of three weeks' nights
WINS = 6 / 7  # of the partitions must be won; of many, the number that chance gives in at most 1 of 32 cases is enough
CHANCE = 1 / 32


@dataclass(frozen=True)
class Challenge:
    """The challenger's gain over the champion, by partition.

    Rows of one night share their sampling noise, so the test compares partitions, not rows.

    Attributes:
        gain: the fall of the mean log loss, averaged over the partitions.
        t: Student's, of the partitions' gains; `needed` is what it must reach.
        won: partitions on which the challenger is better.
        least: the smallest gain worth a promotion.
        low, high: the 95 % interval of the gain, by drawing partitions with replacement.
    """

    gain: float
    t: float
    needed: float
    won: int
    partitions: int
    least: float
    low: float
    high: float

    @property
    def is_better(self) -> bool:
        """Whether the gain is material, significant and widespread."""
        return (
            self.gain > 0
            and self.gain >= self.least
            and self.t >= self.needed
            and self.won >= wins_needed(self.partitions)
        )

    def __str__(self) -> str:
        if self.gain == self.low == self.high == 0:
            return (
                "the probabilities equal the champion's; only the decisions may differ, and this gate does not judge them; "
                "if you want the new decisions, promote it by hand"
            )
        return (
            f"log loss falls by {self.gain:.5f} ({self.low:.5f} to {self.high:.5f}; at least {self.least:g} needed), "
            f"t {self.t:.1f} of {self.needed:.1f} needed, better on {self.won} of {self.partitions} partitions"
        )


def wins_needed(partitions: int) -> int:
    """Return how many partitions the challenger must win."""
    by_chance = int(stats.binom.isf(CHANCE, partitions, 0.5)) + 1  # the fewest wins that are this unlikely by chance
    return min(ceil(WINS * partitions), by_chance) if partitions > 7 else ceil(WINS * partitions)


def challenge(gains: Floats, least: float, confidence: float) -> Challenge:
    """Test the gains of at least two partitions.

    Args:
        gains: the champion's mean log loss less the challenger's, on each partition, shape (T,).
        confidence: the required confidence that the mean gain of such partitions is above 0.
    """
    spread = float(gains.std(ddof=1)) / np.sqrt(len(gains))
    t = float(gains.mean()) / max(spread, 1e-12)
    needed = float(stats.t.ppf(confidence, len(gains) - 1))
    low, high = intervals.bounds(intervals.draws(len(gains)) @ gains / len(gains))
    return Challenge(float(gains.mean()), t, needed, int((gains > 0).sum()), len(gains), least, low, high)


def check(evidence: Evidence) -> GateVerdict:
    """Require a material, significant and widespread gain.

    The log loss must fall by the definition's least gain, with its confidence, and on six of seven partitions (16 of 21). A
    tie keeps the champion.
    """
    if evidence.champion is None:
        return GateVerdict(NAME, "not applicable", "there is no champion yet")
    rows, gates = evidence.fair, evidence.classifier.gates
    keys, place = np.unique(evidence.partitions[rows], return_inverse=True)
    if len(keys) < MIN_PARTITIONS:
        why = f"only {len(keys)} partitions of the holdout are new to the champion; {MIN_PARTITIONS} are needed"
        return GateVerdict(NAME, "fail", why, {"partitions": len(keys)})
    gains = -np.bincount(place, weights=evidence.worse[rows]) / np.bincount(place)
    found = challenge(gains, gates.least_gain, gates.confidence)
    few = "; few partitions are weak evidence: hold out more (training.holdout)" if len(keys) < FEW else ""
    numbers = {**asdict(found), "rows": int(rows.sum())}
    return (
        GateVerdict(NAME, "pass", str(found), numbers)
        if found.is_better
        else GateVerdict(NAME, "fail", f"{found}{few}", numbers)
    )


gate = Gate(NAME, check)
