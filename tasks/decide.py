"""Decide on a challenger."""

from dataclasses import dataclass
from datetime import timedelta

from prefect import task
from prefect.logging import get_run_logger

from leeway.definition import catalog
from leeway.evaluation import card_store, evaluate
from leeway.lifecycle import registry
from leeway.lifecycle.verdict import GateVerdict
from tasks.retries import policy


@dataclass(frozen=True)
class Decision:
    """The decision on a challenger.

    Attributes:
        promoted: whether it is the champion now.
        verdicts: the verdict of each gate.
    """

    version: int
    promoted: bool
    verdicts: list[GateVerdict]


@task(task_run_name="decide on version {version}", **policy(limit=timedelta(hours=1)))
def decide(classifier: str, bundle: str, version: int, reason: str, actor: str) -> Decision:
    """Let the gates decide, and record the decision.

    The challenger is promoted or refused, and its model card is kept.
    """
    definition, tell = catalog.load(classifier), get_run_logger().info
    verdicts, card = evaluate.examined(definition, bundle, version, tell)
    promoted = registry.decide(definition, bundle, version, verdicts, reason=reason, actor=actor)
    if card is not None:
        card_store.publish(card)
    return Decision(version, promoted, verdicts)
