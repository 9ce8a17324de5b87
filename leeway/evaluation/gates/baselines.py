"""Gate: a first champion beats simple baselines."""

from leeway.core import intervals
from leeway.core.metrics import log_losses
from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "better than a rule"
SURE = 0.95


def check(evidence: Evidence) -> GateVerdict:
    """Compare a first champion with simple baselines.

    Its log loss on the holdout must be significantly below that of the class shares, and at most that of the best rule on one
    feature.
    """
    if evidence.champion is not None:
        return GateVerdict(NAME, "not applicable", "it is compared with the champion instead")
    trivial, *rules = evidence.probed.baselines.items()
    exclusive = evidence.outputs.exclusive
    own = log_losses(evidence.y, evidence.challenger, exclusive=exclusive)
    losses = {name: log_losses(evidence.y, p, exclusive=exclusive) for name, p in (trivial, *rules)}
    gain = intervals.mean(losses[trivial[0]] - own, evidence.nights, level=2 * SURE - 1)
    numbers = {"log_loss": float(own.mean()), "gain": gain._asdict()}
    numbers |= {name: float(loss.mean()) for name, loss in losses.items()}
    known = f"log loss {own.mean():.4f}; {', '.join(f'{name} {loss.mean():.4f}' for name, loss in losses.items())}"
    if gain.low <= 0:
        why = f"{known}: not significantly better than the share of the label (gain {gain})"
        return GateVerdict(NAME, "fail", why, numbers)
    if beaten := [name for name, _ in rules if losses[name].mean() < own.mean()]:
        return GateVerdict(NAME, "fail", f"{known}: {beaten[0]} is as good, and simpler", numbers)
    return GateVerdict(NAME, "pass", known, numbers)


gate = Gate(NAME, check, tries=True)
