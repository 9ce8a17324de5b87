"""Run missing or stale stages over many partitions."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from flows.declared_flow import own_flow
from flows.distributed_backfill import Begun, Pool, ahead, outcome, worthwhile
from flows.ingest import ingest_steps
from flows.locks import partition_lock
from flows.run_context import is_deployed, is_watched, parse_partition, tag, timed
from leeway.core import progress
from leeway.core.errors import Incomplete, LeewayError
from leeway.core.logs import logger
from leeway.definition import catalog
from leeway.definition.partitions import Partition
from leeway.ingest.sources import arrivals
from leeway.operations.backfill_plan import PlannedStage, Which, estimate, plan, span
from leeway.store.ledger import STAGES, Stage
from tasks.extract import take
from tasks.labels import labels
from tasks.monitor import monitor
from tasks.progress import begin_progress, show_plan, update_progress
from tasks.score import score

log = logger(__name__)


@dataclass(frozen=True)
class Backfilled:
    """The result of a backfill, or its plan.

    Attributes:
        planned: every stage that is due, with the reason.
        done: how many of them were done.
        failed: the partitions that failed, each with its error.
        seconds: the estimated duration, by how long the stages took lately; None where they never ran.
    """

    planned: list[dict[str, str]]
    done: int
    failed: dict[str, str]
    dry_run: bool
    seconds: float | None = None


@own_flow("backfill", "{classifier} backfill")
def backfill(
    classifier: str,
    first: str | None = None,
    last: str | None = None,
    stage: Stage | None = None,
    which: Which = "missing",
    dry_run: bool = True,
    concurrency: Annotated[int, Field(ge=1)] | None = None,
) -> Backfilled:
    """Run the stages that are due, oldest partition first.

    One stage is run for all partitions, then the next. Finished stages are skipped, so a backfill can be resumed.

    Args:
        classifier: its name: the stem of its file in models/.
        first: the first partition, such as 2026-03-01; by default the first that the source has rows of.
        last: the last partition, included; by default the due one.
        stage: only this stage; by default all.
        which: missing: stages that never ran or were rejected. stale: also stages whose input has changed. all: all stages.
        dry_run: only list what would be done.
        concurrency: how many processes of this machine share the partitions; by default several where there are many. On a
            cluster its workers share them.

    Raises:
        Incomplete: partitions failed, on the platform, where nobody reads the result.
    """
    tag(classifier, "backfill")
    definition = catalog.load(classifier)
    bounds = [None if key is None else parse_partition(classifier, key) for key in (first, last)]
    partitions = span(definition, *bounds)
    if arrivals.are_taken_in(definition):
        take(classifier)
    steps = plan(definition, partitions, (stage,) if stage else STAGES, which)
    if not dry_run and definition.label.source is not None and stage in (None, "ingest"):
        labels(classifier)
    seconds = estimate(classifier, steps)
    title = f"{partitions[0]} to {partitions[-1]}"
    if is_watched() and steps:
        show_plan(classifier, title, [_described(step) for step in steps], seconds)
    failed: dict[str, str] = {}
    done = 0
    artifact = begin_progress(classifier, title) if is_watched() and not dry_run else None
    position = 0
    with Pool() as pool:
        for step_stage in STAGES if not dry_run else ():
            wave = [step.partition for step in steps if step.stage == step_stage]
            # After a failed stage, the later ones of that partition have no input.
            left = [item for item in wave if item.key not in failed]
            if step_stage == "ingest" and left and arrivals.are_taken_in(definition):
                in_turn = arrivals.with_moved_events(definition)
                left = [item for item in left if item.key not in in_turn]
            with ahead(classifier, step_stage, left, concurrency or worthwhile(len(left)), pool) as begun:
                for partition in wave:
                    progress.tell(position, len(steps), f"{step_stage} {partition}")
                    update_progress(artifact, position, len(steps))
                    position += 1
                    if partition.key in failed:
                        continue
                    try:
                        _do(classifier, partition, step_stage, begun.get(partition))
                        done += 1
                    except LeewayError as error:
                        log.warning("%s of %s %s failed: %s", step_stage, classifier, partition, error)
                        failed[partition.key] = str(error)
    update_progress(artifact, len(steps), len(steps))
    if failed and is_deployed():
        raise _incomplete(classifier, failed, len({step.partition for step in steps}))
    return Backfilled([_described(step) for step in steps], done, failed, dry_run, seconds)


def _do(classifier: str, partition: Partition, stage: Stage, begun: Begun | None) -> None:
    """Run a stage, or finish what a worker began."""
    with timed(classifier, partition, stage):
        there = None if begun is None else outcome(begun)
        if there is not None and stage == "score":
            return
        with partition_lock(classifier, partition):
            match stage:
                case "ingest":  # newly arrived rows were taken in before planning
                    ingest_steps(classifier, partition, take=False, prepared=there)
                case "score":
                    score(classifier, partition)
                case "monitor":
                    monitor(classifier, partition)


def _incomplete(classifier: str, failed: dict[str, str], partitions: int) -> Incomplete:
    key, why = next(iter(failed.items()))
    return Incomplete(
        f"backfilling {classifier}",
        problem=f"{len(failed)} of {partitions} partitions failed",
        found=f"{key}: {why}",
        hint="correct the errors that the log lists, and run it again: finished work is skipped",
    )


def _described(step: PlannedStage) -> dict[str, str]:
    return {"partition": step.partition.key, "stage": step.stage, "why": step.why}
