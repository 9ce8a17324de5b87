"""Chance has little say in what an event's probability is."""

import numpy as np

from leeway.core.metrics import log_losses
from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "stability"


def check(evidence: Evidence) -> GateVerdict:
    """Two fits with other seeds, on other draws of the same rows, differ on average by no more than the definition allows."""
    limit, seeds = evidence.classifier.gates.instability, evidence.probed.seeds
    if limit is None:
        return GateVerdict(NAME, "not applicable", "the definition sets no limit")
    one, other = seeds.p
    apart = float(np.abs(one - other).mean())
    losses = [float(log_losses(seeds.y, p, exclusive=evidence.outputs.exclusive).mean()) for p in seeds.p]
    numbers = {"apart": apart, "limit": limit, "log_losses": losses, "rows": seeds.rows}
    shown = f"two seeds differ by {apart:.4f} in probability on average (limit {limit:g}), and have log loss "
    shown += f"{losses[0]:.4f} and {losses[1]:.4f}, each learnt from {seeds.rows:,} rows"
    return GateVerdict(NAME, "pass" if apart <= limit else "fail", shown, numbers)


gate = Gate(NAME, check, tries=True)
