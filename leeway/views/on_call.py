"""The on-call view: the ledger's calendar and one night."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from leeway.core.outputs import describe
from leeway.definition import Classifier
from leeway.definition.partitions import Partition, between
from leeway.ingest import deliveries
from leeway.lifecycle import hold_log
from leeway.monitoring import outcomes
from leeway.operations.platform.due import next_night
from leeway.scoring import lineage
from leeway.scoring.lineage import LineageStep
from leeway.store import ledger, storage
from leeway.store.database import database
from leeway.store.ledger import STAGES, LedgerEntry
from leeway.store.tables import tables_of
from leeway.views.verdicts import NightVerdict
from leeway.views.verdicts import of as verdicts_of

DayState = Literal["done", "alarm", "late", "failed", "quarantined", "stale", "none"]
LOOKED_AT = 35  # partitions
GRACE = timedelta(hours=2)  # after a night was due, before it is late
#: Verdicts that the calendar marks. Nothing is learnt from a night with a data fault.
STATES: dict[str, DayState] = {"breach": "alarm", "alert": "alarm", "watching": "alarm", "data fault": "quarantined"}
DUST = 0.01  # of a delivery's rows: fewer in quarantine do not mark a night


@dataclass(frozen=True)
class Cell:
    """One stage of a partition.

    Attributes:
        says: the result in words.
    """

    state: DayState
    says: str = ""
    entry: LedgerEntry | None = None


@dataclass(frozen=True)
class Day:
    """A partition and its stages.

    Attributes:
        verdict: the monitor's, where there is one.
    """

    partition: str
    cells: Mapping[str, Cell]
    verdict: str | None = None


@dataclass(frozen=True)
class Detail:
    """Everything that is known about one night.

    Attributes:
        delivery: the address of the rows as they were delivered.
        lineage: the steps that led to its predictions.
        broken: how many of its rows are in quarantine, by the rule that they broke.
    """

    day: Day
    night: NightVerdict | None
    delivery: str | None
    broken: Mapping[str, int] = field(default_factory=dict)
    lineage: Sequence[LineageStep] = ()


def calendar(classifier: Classifier, now: datetime, count: int = LOOKED_AT, at: str | None = None) -> list[Day]:
    """Return the last partitions, newest first.

    The newest is the one that is due now, or a later one that is done already.

    Args:
        at: a partition; where it is older than the last ones, it is in the middle of the calendar.

    Raises:
        NotFound: `at` names no partition.
    """
    grain = classifier.partition
    with database().transaction() as connection:
        newest = ledger.newest(connection, classifier.name)
        if newest is None:
            return []
        last = max(Partition.parse(newest, grain), _due(classifier, now))
        oldest = Partition.parse(ledger.oldest(connection, classifier.name) or newest, grain)
        if at is not None and oldest <= (asked := Partition.parse(at, grain)) < last.shift(1 - count):
            last = asked.shift(count // 2)
        first = max(last.shift(1 - count), oldest)
        entries = {
            (entry.partition, entry.stage): entry
            for entry in ledger.entries(connection, classifier.name, first=first.key, last=last.key)
        }
        begun = ledger.oldest(connection, classifier.name, stage="score")
    days, partition = [], last
    while partition >= first:
        days.append(_day(classifier, partition, entries, begun, now))
        partition = partition.shift(-1)
    return days


def earlier(classifier: Classifier, days: list[Day]) -> str | None:
    """Return a night further back in the calendar.

    None where there are no earlier nights.
    """
    with database().transaction() as connection:
        oldest = ledger.oldest(connection, classifier.name)
    if not days or oldest is None or days[-1].partition <= oldest:
        return None
    return max(oldest, Partition.parse(days[-1].partition, classifier.partition).shift(-LOOKED_AT // 2).key)


def late(classifier: Classifier, days: list[Day]) -> list[str]:
    """Return the late nights, oldest first.

    Where they begin before the calendar does, all nights since the last one that was run count.
    """
    found = sorted(day.partition for day in days if any(cell.state == "late" for cell in day.cells.values()))
    held = last_held(classifier.name)
    if not found or held is None or found[0] != days[-1].partition or held >= found[0]:
        return found
    first = Partition.parse(held, classifier.partition).shift(1)
    before = between(first, Partition.parse(found[0], classifier.partition).shift(-1))
    return [*(partition.key for partition in before), *found]


def weeks(days: list[Day], classifier: Classifier) -> list[list[Day | None]]:
    """Arrange the calendar in rows, oldest first.

    A row is a week of days, a day of hours or a year of months. None stands where there is no partition.
    """
    grain = classifier.partition
    oldest = list(reversed(days))
    if not oldest:
        return []
    empty = grain.column(grain.read(oldest[0].partition))
    cells: list[Day | None] = [*([None] * empty), *oldest]
    cells += [None] * (-len(cells) % grain.row)
    return [cells[at : at + grain.row] for at in range(0, len(cells), grain.row)]


def detail(classifier: Classifier, key: str, now: datetime) -> Detail:
    """Return everything that is known about one night.

    Raises:
        NotFound: the key names no partition.
    """
    partition = Partition.parse(key, classifier.partition)
    with database().transaction() as connection:
        entries = {
            (entry.partition, entry.stage): entry
            for entry in ledger.entries(connection, classifier.name, first=partition.key, last=partition.key)
        }
        begun = ledger.oldest(connection, classifier.name, stage="score")
    ingested = entries.get((partition.key, "ingest"))
    delivery = ingested.input.get("delivery") if ingested else None
    return Detail(
        _day(classifier, partition, entries, begun, now),
        next(iter(verdicts_of(classifier.name, first=partition.key, last=partition.key)), None),
        _address(classifier, partition, delivery) if delivery else None,
        _broken(classifier, partition) if ingested and ingested.output.get("quarantined") else {},
        lineage.of(classifier.name, partition),
    )


def held_back(name: str) -> str | None:
    """Return the hold on a classifier, in words.

    It says who holds it back from automatic retraining, since when and why. None where nobody does.
    """
    with database().transaction() as connection:
        hold = hold_log.current(connection, name)
    return None if hold is None else str(hold)


def last_held(name: str) -> str | None:
    """Return the last night that was run."""
    with database().transaction() as connection:
        return ledger.newest(connection, name, stage="monitor")


def labels_known(name: str, count: int = LOOKED_AT) -> list[dict[str, Any]]:
    """Count the known labels of the last partitions.

    Only partitions whose labels are mature count, with the labels that were known by then.
    """
    found = outcomes.of(name)[-count:]
    return [
        {
            "partition": item.partition,
            "events": item.decided,
            "labels": item.labelled,
            "share": item.labelled / item.decided if item.decided else None,
        }
        for item in found
    ]


def _due(classifier: Classifier, now: datetime) -> Partition:
    return Partition.last_complete(now, classifier.partition)


def is_late(classifier: Classifier, partition: Partition, now: datetime) -> bool:
    """Return whether a missing night is overdue.

    Where events are dated by arrival, no night is: a day without arrivals is no fault.
    """
    if classifier.by_arrival:
        return False
    return next_night(classifier.schedule, partition.end) + GRACE < now


def _day(
    classifier: Classifier,
    partition: Partition,
    entries: Mapping[tuple[str, str], LedgerEntry],
    begun: str | None,
    now: datetime,
) -> Day:
    own = {stage: entries.get((partition.key, stage)) for stage in STAGES}
    due = begun is not None and partition.key > begun and is_late(classifier, partition, now)
    cells: dict[str, Cell] = {}
    before: LedgerEntry | None = None
    for stage in STAGES:
        entry = own[stage]
        if entry is not None:
            cells[stage] = _cell(entry, before)
            due = due and entry.status == "done"  # no stage follows a rejected delivery
        else:
            cells[stage] = Cell("late", "was due and is not done") if due else Cell("none", "not done")
        before = entry
    monitored = own["monitor"]
    return Day(partition.key, cells, str(monitored.output["verdict"]) if monitored else None)


def _cell(entry: LedgerEntry, before: LedgerEntry | None) -> Cell:
    output = entry.output
    if entry.status != "done":
        return Cell("failed", f"{entry.status}: {output.get('reason', '')}", entry)
    if before is not None and not before.input.items() <= entry.input.items():
        return Cell("stale", f"{before.stage} was run again since", entry)
    match entry.stage:
        case "ingest":
            rows, aside = output["rows"], output["quarantined"]
            says = f"{rows} events, {aside} quarantined"
            return Cell("quarantined" if aside > DUST * (rows + aside) else "done", says, entry)
        case "score":
            return Cell(
                "done", f"{describe(output['positives'])} of {output['rows']} by v{entry.input['version']}", entry
            )
        case _:
            state = STATES.get(output["verdict"], "done")
            return Cell(state, f"{output['verdict']}: {output['why']}", entry)


def _address(classifier: Classifier, partition: Partition, delivery: str) -> str:
    return storage.address(deliveries.path_of(classifier.name, partition, delivery))


def _broken(classifier: Classifier, partition: Partition) -> dict[str, int]:
    table = tables_of(classifier).quarantine
    rule = sa.func.jsonb_array_elements_text(table.c.broken).label("rule")
    query = sa.select(rule, sa.func.sum(table.c.occurrences)).where(table.c.partition == partition.key).group_by(rule)
    with database().transaction() as connection:
        return {str(name): int(count) for name, count in connection.execute(query.order_by(sa.desc(sa.text("2"))))}
