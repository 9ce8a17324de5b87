"""The challenger is better than the champion on the same rows, beyond doubt."""

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
FEW = 8  # partitions, of which a gain must be several times as sure as of three weeks' nights
WINS = 6 / 7  # of the partitions must be the challenger's, or of many as few as luck alone gives hardly ever
LUCK = 1 / 32


@dataclass(frozen=True)
class Challenge:
    """How a challenger did against the champion, partition by partition: the rows of one night share its luck.

    Attributes:
        gain: by how much the mean log loss falls, the mean of the partitions'.
        t: Student's, of the partitions' gains; `needed` is what it must reach.
        won: partitions on which the challenger is better.
        least: the smallest gain worth a promotion.
        low, high: where the gain lies with 95 %, by drawing partitions with replacement.
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
        """Whether the gain is material, sure, and that of nearly every partition."""
        return (
            self.gain > 0
            and self.gain >= self.least
            and self.t >= self.needed
            and self.won >= wins_needed(self.partitions)
        )

    def __str__(self) -> str:
        if self.gain == self.low == self.high == 0:
            return (
                "the probabilities are the champion's, and only what is decided by them may differ, which this gate does not "
                "judge; if that is wanted, promote it by hand"
            )
        return (
            f"log loss falls by {self.gain:.5f} ({self.low:.5f} to {self.high:.5f}; at least {self.least:g} is worth it), "
            f"t {self.t:.1f} of {self.needed:.1f} needed, better on {self.won} of {self.partitions} partitions"
        )


def wins_needed(partitions: int) -> int:
    """On how many partitions the challenger must be better."""
    by_luck = int(stats.binom.isf(LUCK, partitions, 0.5)) + 1  # the fewest that luck gives with no more than its chance
    return min(ceil(WINS * partitions), by_luck) if partitions > 7 else ceil(WINS * partitions)


def challenge(gains: Floats, least: float, confidence: float) -> Challenge:
    """Test the gains of some partitions, at least two.

    Args:
        gains: the champion's mean log loss less the challenger's, on each partition, shape (T,).
        confidence: how sure it must be that the mean gain of such partitions is above 0.
    """
    spread = float(gains.std(ddof=1)) / np.sqrt(len(gains))
    t = float(gains.mean()) / max(spread, 1e-12)
    needed = float(stats.t.ppf(confidence, len(gains) - 1))
    low, high = intervals.bounds(intervals.draws(len(gains)) @ gains / len(gains))
    return Challenge(float(gains.mean()), t, needed, int((gains > 0).sum()), len(gains), least, low, high)


def check(evidence: Evidence) -> GateVerdict:
    """The log loss falls, materially, with the definition's confidence, and on six of seven partitions, or 16 of 21.

    A tie keeps the champion.
    """
    if evidence.champion is None:
        return GateVerdict(NAME, "not applicable", "there is no champion yet")
    rows, gates = evidence.fair, evidence.classifier.gates
    keys, place = np.unique(evidence.partitions[rows], return_inverse=True)
    if len(keys) < MIN_PARTITIONS:
        why = f"only {len(keys)} partitions of the holdout are new to the champion too; {MIN_PARTITIONS} are needed"
        return GateVerdict(NAME, "fail", why, {"partitions": len(keys)})
    gains = -np.bincount(place, weights=evidence.worse[rows]) / np.bincount(place)
    found = challenge(gains, gates.least_gain, gates.confidence)
    few = "; so few partitions tell little: hold out more (training.holdout)" if len(keys) < FEW else ""
    numbers = {**asdict(found), "rows": int(rows.sum())}
    return (
        GateVerdict(NAME, "pass", str(found), numbers)
        if found.is_better
        else GateVerdict(NAME, "fail", f"{found}{few}", numbers)
    )


gate = Gate(NAME, check)
