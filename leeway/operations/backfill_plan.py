"""The plan of a backfill, from the ledger."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Literal

from leeway.core.errors import NotFound, SourceError
from leeway.core.logs import logger
from leeway.definition import Classifier, catalog
from leeway.definition.partitions import Partition, between
from leeway.ingest import meaning, sources
from leeway.ingest.sources import arrivals
from leeway.lifecycle import registry
from leeway.store import ledger
from leeway.store.database import database
from leeway.store.ledger import STAGES, LedgerEntry, Stage

log = logger(__name__)

Which = Literal["missing", "stale", "all"]
LATELY = 30  # runs of a stage whose durations count


@dataclass(frozen=True)
class PlannedStage:
    """A stage that is due, and why."""

    partition: Partition
    stage: Stage
    why: str


@dataclass(frozen=True)
class Late:
    """A partition with rows that arrived late.

    `scored` says whether it was scored before.
    """

    partition: Partition
    scored: bool


def late(classifier: Classifier, night: Partition) -> list[Late]:
    """Return earlier partitions with late rows, oldest first.

    Late rows arrived, or changed at the source, after their partition was ingested. Where events are dated by their arrival,
    partitions that were never ingested count too: no night of their own comes for them.

    Raises:
        SourceError: the source cannot be read.
    """
    with database().transaction() as connection:
        done = {(entry.partition, entry.stage) for entry in ledger.entries(connection, classifier.name)}
    keys = sorted(sources.undelivered(classifier, night))
    return [
        Late(Partition.parse(key, classifier.partition), (key, "score") in done)
        for key in keys
        if key < night.key and (classifier.by_arrival or (key, "ingest") in done)
    ]


def span(classifier: Classifier, first: Partition | None, last: Partition | None) -> list[Partition]:
    """Return the partitions of a backfill, oldest first.

    The range may be open. It then holds the partitions that the source has rows of, up to the due one. The same holds for every
    range where events are dated by their arrival: no row is late there, so a period without rows is no fault.

    Raises:
        NotFound: the range is empty.
        SourceError: the range is open, and the source cannot list its partitions.
    """
    if first is not None and last is not None and last < first:
        raise NotFound(
            f"backfilling {classifier.name}",
            problem="the first partition is later than the last",
            found=f"{first} to {last}",
            hint="exchange --from and --to",
        )
    if first is not None and last is not None and not classifier.by_arrival:
        return list(between(first, last))
    occupied = sources.occupied(classifier)
    found = [item for item in occupied if (first is None or first <= item) and (last is None or item <= last)]
    if not found:
        raise NotFound(
            f"backfilling {classifier.name}",
            problem="the source has no rows of a partition that is over in this range",
            found=f"rows of {occupied[0]} to {occupied[-1]}" if occupied else None,
            hint="deliver rows, or name another range with --from and --to",
        )
    return found


def plan(
    classifier: Classifier, partitions: Sequence[Partition], stages: Collection[Stage], which: Which
) -> list[PlannedStage]:
    """Return the stages that are due.

    They are in the order of the partitions.

    Args:
        which: `missing`: stages that never ran, were rejected, or have rows that arrived or changed since. `stale`: also stages
            whose input has changed since. `all`: all stages.
    """
    if not partitions:
        return []
    again_due = _with_other_rows(classifier, partitions[-1]) if "ingest" in stages else set()
    with database().transaction() as connection:
        entries = {
            (entry.partition, entry.stage): entry
            for entry in ledger.entries(connection, classifier.name, first=partitions[0].key)
        }
        again_since = meaning.read_again_since(connection, classifier.name)
    champion = registry.champion(classifier.name) if "score" in stages else None
    version = champion.version if champion else None
    suite = catalog.audit_fingerprint(classifier.name)
    steps = []
    for partition in partitions:
        done = {stage: entries.get((partition.key, stage)) for stage in STAGES}
        again = False  # a stage that runs again makes the later ones due
        for stage in stages:
            why = _why(stage, done, which, suite, version) or ("follows an earlier stage" if again else None)
            if stage == "ingest" and why is None and which == "stale" and _is_before(done[stage], again_since):
                why = "the definition was adopted anew"
            if stage == "ingest" and why is None and partition.key in again_due:
                why = "rows have arrived since" if arrivals.are_taken_in(classifier) else "its rows have changed since"
            if why:
                steps.append(PlannedStage(partition, stage, why))
                again = True
    return steps


def estimate(name: str, steps: Iterable[PlannedStage]) -> float | None:
    """Estimate the seconds that the steps will take.

    The estimate is the sum of each stage's median duration of late. None where a stage has never run.
    """
    with database().transaction() as connection:
        entries = ledger.entries(connection, name)
    lately = {stage: [entry.seconds for entry in entries if entry.stage == stage and entry.seconds] for stage in STAGES}
    usual = {stage: median(took[-LATELY:]) for stage, took in lately.items() if took}
    wanted = [usual.get(step.stage) for step in steps]
    return None if any(seconds is None for seconds in wanted) else float(sum(filter(None, wanted)))


def missed(classifier: Classifier, due: Partition) -> list[Partition]:
    """Return the missed nights before `due`, oldest first.

    A missed night was not run or not finished. The schedule's `catch_up` bounds how far back they may be. Nights begin with the
    first partition that was scored: earlier partitions are history.
    """
    if classifier.by_arrival:  # late rows make their partition due
        return []
    first = Partition.containing(due.start - classifier.schedule.catch_up, classifier.partition)
    with database().transaction() as connection:
        entries = ledger.entries(connection, classifier.name, last=due.key)
    scored = [entry.partition for entry in entries if entry.stage == "score"]
    if not scored:
        return []
    finished = {entry.partition for entry in entries if entry.stage == STAGES[-1] and entry.status == "done"}
    candidates = between(first, due.shift(-1))
    return [partition for partition in candidates if partition.key > min(scored) and partition.key not in finished]


def _is_before(entry: LedgerEntry | None, moment: datetime | None) -> bool:
    return moment is not None and entry is not None and entry.finished_at is not None and entry.finished_at < moment


def _with_other_rows(classifier: Classifier, last: Partition) -> set[str]:
    try:
        return sources.undelivered(classifier, last)
    except SourceError as error:  # what the ledger says is due all the same
        log.warning("which partitions of %s have changed is not known: %s", classifier.name, error)
        return set()


def _why(
    stage: Stage, done: dict[Stage, LedgerEntry | None], which: Which, suite: str, version: int | None
) -> str | None:
    entry = done[stage]
    if entry is None:
        return "missing"
    if entry.status != "done":
        return entry.status
    if which == "all":
        return "asked for"
    if which == "missing":
        return None
    before = done[STAGES[STAGES.index(stage) - 1]] if stage != "ingest" else None
    if stage == "ingest":
        return "the suite has changed" if entry.input["suite"] != suite else None
    if before is not None and before.input["delivery"] != entry.input["delivery"]:
        return "the delivery has changed"
    if version is not None and entry.input["version"] != version:
        return f"version {version} is champion now"
    # The input of a stage contains the input of the stage before it.
    if before is not None and not before.input.items() <= entry.input.items():
        return f"{before.stage} was run again"
    return None
