"""Gate: chance hardly changes the probabilities."""

import numpy as np

from leeway.core.metrics import log_losses
from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "stability"


def check(evidence: Evidence) -> GateVerdict:
    """Compare two refits with different seeds.

    They learn from different draws of the same rows. The definition limits their mean difference.
    """
    limit, seeds = evidence.classifier.gates.instability, evidence.probed.seeds
    if limit is None:
        return GateVerdict(NAME, "not applicable", "the definition sets no limit")
    one, other = seeds.p
    difference = float(np.abs(one - other).mean())
    losses = [float(log_losses(seeds.y, p, exclusive=evidence.outputs.exclusive).mean()) for p in seeds.p]
    numbers = {"apart": difference, "limit": limit, "log_losses": losses, "rows": seeds.rows}
    shown = (
        f"the probabilities of two seeds differ by {difference:.4f} on average (limit {limit:g}); their log losses are "
    )
    shown += f"{losses[0]:.4f} and {losses[1]:.4f}, each after learning from {seeds.rows:,} rows"
    return GateVerdict(NAME, "pass" if difference <= limit else "fail", shown, numbers)


gate = Gate(NAME, check, tries=True)
