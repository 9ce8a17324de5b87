"""Train a challenger and let the gates decide."""

from collections.abc import Sequence
from datetime import UTC, datetime

from flows.declared_flow import own_flow
from flows.locks import training_lock
from flows.run_context import tag
from leeway.core.errors import TrainingError
from leeway.core.logs import logger
from leeway.evaluation.selection import Choice
from leeway.model.window import TrainingWindow
from tasks.choose import choose
from tasks.decide import Decision, decide
from tasks.fit import fit
from tasks.register import register
from tasks.snapshot import snapshot

log = logger(__name__)


@own_flow("train", "{classifier} train")
def train(classifier: str, as_of: datetime | None = None, reason: str = "asked for", actor: str = "train") -> Decision:
    """Train a challenger; promote it if gates admit it.

    Args:
        classifier: its name: the stem of its file in models/.
        as_of: nothing that became known later is used; by default now.
        reason: kept in the history of promotions.
        actor: who requests it.
    """
    tag(classifier, "train")
    with training_lock(classifier):
        return train_steps(classifier, as_of or datetime.now(UTC), reason, actor)


def train_steps(classifier: str, as_of: datetime, reason: str, actor: str) -> Decision:
    """Run the steps of `train` within another flow."""
    bundle = fit(classifier, snapshot(classifier, as_of), as_of)
    version = register(classifier, bundle)
    return decide(classifier, bundle, version, reason, actor)


def best_of(classifier: str, as_of: datetime, windows: Sequence[TrainingWindow | None]) -> Choice:
    """Train a challenger on each window; choose the better.

    A window with too little to learn from is left out.

    Raises:
        TrainingError: no window has enough to learn from.
    """
    taken = snapshot(classifier, as_of)
    bundles, refused = [], []
    for window in windows:
        try:
            bundles.append(fit(classifier, taken, as_of, window))
        except TrainingError as error:
            log.warning("a window of %s gives no challenger: %s", classifier, error)
            refused.append(error)
    if not bundles:
        raise refused[0]
    return choose(classifier, bundles)
