"""Plan a backfill from the ledger: which stages of which partitions are missing or stale."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Literal

from leeway import catalog, registry
from leeway.definition import Classifier
from leeway.errors import NotFound
from leeway.partitions import Partition, between
from leeway.store import ledger
from leeway.store.database import database
from leeway.store.ledger import STAGES, Entry, Stage

Which = Literal["missing", "stale", "all"]
LATELY = 30  # of a stage's last times


@dataclass(frozen=True)
class Step:
    """One stage of one partition that is to be done, and why."""

    partition: Partition
    stage: Stage
    why: str


def plan(
    classifier: Classifier, first: Partition, last: Partition, stages: Iterable[Stage], which: Which
) -> list[Step]:
    """What is to be done, oldest partition first.

    Args:
        which: `missing`: what was never done or was rejected. `stale`: that, and what was done from another input than
            would be used now. `all`: everything.

    Raises:
        NotFound: the range is empty.
    """
    if last < first:
        raise NotFound(
            f"backfilling {classifier.name}",
            rule="the first partition must not lie after the last",
            found=f"{first} to {last}",
            way_out="exchange them",
        )
    with database().transaction() as connection:
        entries = {
            (entry.partition, entry.stage): entry
            for entry in ledger.entries(connection, classifier.name, first=first.key)
        }
    champion = registry.champion(classifier.name) if "score" in stages else None
    version = champion.version if champion else None
    suite = catalog.audit_fingerprint(classifier.name)
    steps = []
    for partition in between(first, last):
        done = {stage: entries.get((partition.key, stage)) for stage in STAGES}
        again = False  # a stage that is done again makes those after it due
        for stage in stages:
            why = _why(stage, done, which, suite, version) or ("follows an earlier stage" if again else None)
            if why:
                steps.append(Step(partition, stage, why))
                again = True
    return steps


def estimate(name: str, steps: Iterable[Step]) -> float | None:
    """How many seconds the steps will take, by the median of what each stage took lately; None where it never has."""
    with database().transaction() as connection:
        entries = ledger.entries(connection, name)
    lately = {stage: [entry.seconds for entry in entries if entry.stage == stage and entry.seconds] for stage in STAGES}
    usual = {stage: median(took[-LATELY:]) for stage, took in lately.items() if took}
    wanted = [usual.get(step.stage) for step in steps]
    return None if any(seconds is None for seconds in wanted) else float(sum(filter(None, wanted)))


def missed(classifier: Classifier, due: Partition) -> list[Partition]:
    """The nights before `due` that were not held or not finished, oldest first, within the schedule's `catch_up`.

    Nights begin with the first partition that was scored: what lies before it is history.
    """
    first = Partition.containing(due.start - classifier.schedule.catch_up, classifier.partition)
    with database().transaction() as connection:
        entries = ledger.entries(connection, classifier.name, last=due.key)
    scored = [entry.partition for entry in entries if entry.stage == "score"]
    if not scored:
        return []
    finished = {entry.partition for entry in entries if entry.stage == STAGES[-1] and entry.status == "done"}
    candidates = between(first, due.shift(-1))
    return [partition for partition in candidates if partition.key > min(scored) and partition.key not in finished]


def _why(stage: Stage, done: dict[Stage, Entry | None], which: Which, suite: str, version: int | None) -> str | None:
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
    # What a stage works from holds all that the stage before it worked from.
    if before is not None and not before.input.items() <= entry.input.items():
        return f"{before.stage} was done anew"
    return None
