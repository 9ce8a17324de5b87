"""A first champion knows more than the share of the label, and no less than one rule."""

from leeway.core import intervals
from leeway.core.metrics import log_losses
from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "better than a rule"
SURE = 0.95


def check(evidence: Evidence) -> GateVerdict:
    """Its log loss on the holdout is surely below that of the shares of the classes, and not above that of the best rule."""
    if evidence.champion is not None:
        return GateVerdict(NAME, "not applicable", "it is held against the champion")
    trivial, *rules = evidence.probed.baselines.items()
    exclusive = evidence.outputs.exclusive
    own = log_losses(evidence.y, evidence.challenger, exclusive=exclusive)
    losses = {name: log_losses(evidence.y, p, exclusive=exclusive) for name, p in (trivial, *rules)}
    gain = intervals.mean(losses[trivial[0]] - own, evidence.nights, level=2 * SURE - 1)
    numbers = {"log_loss": float(own.mean()), "gain": gain._asdict()}
    numbers |= {name: float(loss.mean()) for name, loss in losses.items()}
    known = f"log loss {own.mean():.4f}; {', '.join(f'{name} {loss.mean():.4f}' for name, loss in losses.items())}"
    if gain.low <= 0:
        why = f"{known}: not surely better than knowing only how frequent the label is (gain {gain})"
        return GateVerdict(NAME, "fail", why, numbers)
    if beaten := [name for name, _ in rules if losses[name].mean() < own.mean()]:
        return GateVerdict(NAME, "fail", f"{known}: {beaten[0]} is as good, and simpler", numbers)
    return GateVerdict(NAME, "pass", known, numbers)


gate = Gate(NAME, check, tries=True)
