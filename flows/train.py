"""Train a challenger as of a time, and let the gates decide on it."""

from datetime import UTC, datetime

from prefect import flow

from flows.policy import alone_in_training, tag
from tasks.decide import Decision, decide
from tasks.fit import fit
from tasks.register import register
from tasks.snapshot import snapshot


@flow(name="train", flow_run_name="{classifier} train")
def train(classifier: str, as_of: datetime | None = None, reason: str = "asked for", actor: str = "train") -> Decision:
    """Train a challenger and promote it if every gate admits it.

    Args:
        classifier: its name: the stem of its file in models/.
        as_of: nothing that became known later is used; now, where it is not given.
        reason: why; it stands in the history of promotions.
        actor: who asks.
    """
    tag(classifier, "train")
    with alone_in_training(classifier):
        return train_steps(classifier, as_of or datetime.now(UTC), reason, actor)


def train_steps(classifier: str, as_of: datetime, reason: str, actor: str) -> Decision:
    """The steps of `train`, for the flows that do more."""
    taken = snapshot(classifier, as_of)
    bundle = fit(classifier, taken, as_of)
    version = register(classifier, bundle)
    return decide(classifier, bundle, version, reason, actor)
