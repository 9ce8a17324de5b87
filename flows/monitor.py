"""Monitor a partition."""

import tasks.monitor
from flows.declared_flow import own_flow
from flows.locks import partition_lock
from flows.run_context import parse_partition, tag
from flows.verdict import handle_verdict
from leeway.monitoring.night import Monitored
from tasks.ask_for_retrain import is_offered


@own_flow("monitor", "{classifier} {partition} monitor")
def monitor(classifier: str, partition: str) -> Monitored:
    """Compare one scored partition with the reference.

    A breach files a retrain request.

    Args:
        classifier: its name: the stem of its file in models/.
        partition: a date such as 2026-03-01, or an hour such as 2026-03-01T13.
    """
    tag(classifier, "monitor")
    period = parse_partition(classifier, partition)
    with partition_lock(classifier, period):
        monitored = tasks.monitor.monitor(classifier, period)
    if is_offered():
        handle_verdict(classifier, period.key, monitored)
    return monitored
