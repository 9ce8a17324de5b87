"""Score a partition."""

import tasks.score
from flows.declared_flow import own_flow
from flows.locks import partition_lock
from flows.run_context import parse_partition, tag
from leeway.scoring.batch_scoring import ScoredPartition


@own_flow("score", "{classifier} {partition} score")
def score(classifier: str, partition: str) -> ScoredPartition:
    """Score one partition's events with the champion.

    Args:
        classifier: its name: the stem of its file in models/.
        partition: a date such as 2026-03-01, or an hour such as 2026-03-01T13.
    """
    tag(classifier, "score")
    period = parse_partition(classifier, partition)
    with partition_lock(classifier, period):
        return tasks.score.score(classifier, period)
