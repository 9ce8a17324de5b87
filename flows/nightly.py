"""A whole night of one classifier."""

from datetime import UTC, datetime

from prefect import runtime

from flows.declared_flow import own_flow
from flows.first_champion import train_first_champion
from flows.ingest import ingest_steps, late_steps
from flows.locks import night_lock, partition_lock
from flows.run_context import is_watched, parse_partition, tag, timed
from flows.verdict import handle_verdict
from leeway import alerts
from leeway.core.errors import LeewayError
from leeway.core.logs import logger
from leeway.definition import catalog
from leeway.definition.partitions import Partition
from leeway.ingest import sources
from leeway.ingest.publication import Published
from leeway.lifecycle import registry
from leeway.monitoring.night import Monitored
from leeway.operations import backfill_plan
from leeway.scoring.batch_scoring import ScoredPartition
from leeway.views.run_summary import RunSummary
from tasks.monitor import monitor
from tasks.score import score
from tasks.send_alerts import tell_people
from tasks.show_in_prefect import tell
from tasks.tally import tally

log = logger(__name__)


def _run_name() -> str:
    given = runtime.flow_run.parameters
    return f"{given['classifier']} {given.get('partition') or due(given['classifier'])}"


@own_flow("nightly", _run_name)
def nightly(classifier: str, partition: str | None = None) -> RunSummary:
    """Ingest, score and monitor one partition; retrain if due.

    A classifier without a champion gets a first one, trained on the source's history. Where no partition is named, missed
    nights are caught up on.

    Args:
        classifier: its name: the stem of its file in models/.
        partition: a date such as 2026-03-01, or an hour such as 2026-03-01T13. By default the last one that was over
            when this night was due.
    """
    tag(classifier, "nightly")
    period = due(classifier) if partition is None else parse_partition(classifier, partition)
    with night_lock(classifier):
        caught_up = catch_up(classifier, period) if partition is None else {}
        # First, because labels that came since are judged by this night. Where events are dated by their arrival, all of the
        # history is late until there is a champion, which ingests it itself.
        first = not catalog.load(classifier).by_arrival or registry.champion(classifier) is not None
        late = late_steps(classifier, period) if first else {}
        with partition_lock(classifier, period):
            ingested, scored, monitored, waits_for = night_steps(classifier, period)
        late = late if first else late_steps(classifier, period)
        if monitored is not None:
            tally(classifier, period, return_state=True)  # what fails is counted another night
    retrained, failed = handle_verdict(classifier, period.key, monitored)
    night = RunSummary(period.key, ingested, scored, monitored, waits_for, caught_up, late, retrained, failed)
    if is_watched():
        tell(classifier, night, return_state=True)  # the night counts even where this fails
    if alerts.anyone():
        tell_people(return_state=True)
    return night


def due(classifier: str) -> Partition:
    """Return the partition that this run is for.

    It follows from the scheduled time, however late the run starts.
    """
    scheduled = runtime.flow_run.scheduled_start_time or datetime.now(UTC)
    return sources.due(catalog.load(classifier), scheduled)


def catch_up(classifier: str, period: Partition) -> dict[str, str]:
    """Run missed nights, oldest first.

    A failure does not stop the others.

    Returns:
        The result of each: `done`, or the error.
    """
    outcome = {}
    for missed in backfill_plan.missed(catalog.load(classifier), period):
        try:
            with partition_lock(classifier, missed):
                *_, waits_for = night_steps(classifier, missed)
            outcome[missed.key] = waits_for or "done"
        except LeewayError as error:
            log.warning("the missed night %s of %s failed: %s", missed, classifier, error)
            outcome[missed.key] = str(error)
    return outcome


def night_steps(
    classifier: str, period: Partition
) -> tuple[Published, ScoredPartition | None, Monitored | None, str | None]:
    """Run a night's steps for one partition.

    The last value says why there is no champion; None where there is one.
    """
    # First, so that a table of past events gets a champion too, though no new events come.
    waits_for = _first_champion(classifier, period) if registry.champion(classifier) is None else None
    with timed(classifier, period, "ingest"):
        ingested = ingest_steps(classifier, period)
    if waits_for is not None:
        return ingested, None, None, waits_for
    with timed(classifier, period, "score"):
        scored = score(classifier, period)
    with timed(classifier, period, "monitor"):
        monitored = monitor(classifier, period)
    return ingested, scored, monitored, None


def _first_champion(classifier: str, period: Partition) -> str | None:
    """Train the first champion.

    Returns why there still is none.
    """
    try:
        decision = train_first_champion(classifier, period)
    except LeewayError as error:
        log.warning("no first champion of %s: %s", classifier, error)
        return str(error)
    if decision.promoted:
        return None
    return "; ".join(f"{verdict.gate}: {verdict.why}" for verdict in decision.verdicts if verdict.outcome == "fail")
