"""Decide on a challenger."""

from dataclasses import dataclass
from datetime import timedelta

from prefect import task
from prefect.logging import get_run_logger

from leeway import catalog, judging, registry
from leeway.gates import Verdict
from tasks.policy import policy


@dataclass(frozen=True)
class Decision:
    """What became of a challenger.

    Attributes:
        promoted: whether it is the champion now.
        verdicts: what each gate said.
    """

    version: int
    promoted: bool
    verdicts: list[Verdict]


@task(task_run_name="decide on version {version}", **policy(limit=timedelta(hours=1)))
def decide(classifier: str, bundle: str, version: int, reason: str, actor: str) -> Decision:
    """Ask the gates, and promote the challenger or write down why not."""
    definition = catalog.load(classifier)
    verdicts = judging.judge(definition, bundle, progress=get_run_logger().info)
    promoted = registry.decide(definition, bundle, version, verdicts, reason=reason, actor=actor)
    return Decision(version, promoted, verdicts)
