"""A whole night of one classifier."""

from dataclasses import dataclass, field

from prefect import flow

from flows.ingest import ingest_steps, late_steps
from flows.policy import alone, parse_partition
from flows.retrain import retrain
from leeway import retraining
from leeway.errors import AlreadyRunning, LeewayError
from leeway.monitoring.night import Monitored
from leeway.partitions import Partition
from leeway.publishing import Published
from leeway.retraining import Request
from leeway.scoring import Scored
from tasks.monitor import monitor
from tasks.score import score


@dataclass(frozen=True)
class Night:
    """What a night did.

    Attributes:
        retrained: the retrain request that it carried out, if there was one.
        retrain_failed: why that did not end well.
        late: earlier partitions that rows have arrived for since, and what came of each.
    """

    partition: str
    ingested: Published
    scored: Scored
    monitored: Monitored
    retrained: Request | None = None
    retrain_failed: str | None = None
    late: dict[str, str] = field(default_factory=dict)


@flow(name="nightly", flow_run_name="{classifier} {partition}")
def nightly(classifier: str, partition: str) -> Night:
    """Ingest, score and monitor one partition, and carry out the retrain request that is open after it.

    Args:
        classifier: its name: the stem of its file in models/.
        partition: a date such as 2026-03-01, or an hour such as 2026-03-01T13.
    """
    period = parse_partition(classifier, partition)
    with alone(classifier, period):
        ingested, scored, monitored = night_steps(classifier, period)
    late = late_steps(classifier, period)
    retrained, failed = None, None
    # Not only this night's own request: one whose process died is found here too.
    if (key := retraining.startable(classifier)) is not None:
        try:
            retrained = retrain(classifier, key)
        except AlreadyRunning:
            pass
        except LeewayError as error:
            failed = str(error)
    return Night(period.key, ingested, scored, monitored, retrained, failed, late)


def night_steps(classifier: str, partition: Partition) -> tuple[Published, Scored, Monitored]:
    """The steps of a night for one partition."""
    return ingest_steps(classifier, partition), score(classifier, partition), monitor(classifier, partition)
