"""The challenger is better than the champion on the same rows, beyond doubt."""

import numpy as np

from leeway.gates.gate import Evidence, Gate, Verdict
from leeway.metrics import log_losses

NAME = "better than champion"
DRAWS = 2_000
MIN_PARTITIONS = 3


def check(evidence: Evidence) -> Verdict:
    """The mean log loss falls, with the definition's confidence, by a paired bootstrap over whole partitions.

    Partitions are drawn, not rows: the rows of one night share its luck. A tie keeps the champion.
    """
    if evidence.champion is None:
        return Verdict(NAME, "not applicable", "there is no champion yet")
    rows = evidence.fair
    keys, place = np.unique(evidence.partitions[rows], return_inverse=True)
    if len(keys) < MIN_PARTITIONS:
        why = f"only {len(keys)} partitions of the holdout are new to the champion too; {MIN_PARTITIONS} are needed"
        return Verdict(NAME, "fail", why, {"partitions": len(keys)})
    losses = [
        log_losses(evidence.y[rows], p[rows], exclusive=evidence.outputs.exclusive)
        for p in (evidence.champion, evidence.challenger)
    ]
    gain = losses[0] - losses[1]
    sums, sizes = np.bincount(place, weights=gain), np.bincount(place)
    draws = np.random.default_rng(evidence.classifier.training.seed).integers(0, len(keys), (DRAWS, len(keys)))
    means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    confidence = evidence.classifier.gates.confidence
    least = float(np.quantile(means, 1 - confidence))
    numbers = {"gain": float(gain.mean()), "least": least, "partitions": len(keys), "rows": int(rows.sum())}
    why = (
        f"log loss falls by {gain.mean():.5f}, at least {least:.5f} with {confidence:.0%} confidence, "
        f"over {len(keys)} partitions and {int(rows.sum())} rows"
    )
    return Verdict(NAME, "pass" if least > 0 else "fail", why, numbers)


gate = Gate(NAME, check)
