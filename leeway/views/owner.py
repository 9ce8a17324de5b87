"""The weekly value of a classifier's decisions.

The value is in money where the definition says what decisions are worth.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from leeway.definition import Costs
from leeway.definition.grains import DAY, Grain, start_of_key
from leeway.definition.partitions import Partition
from leeway.lifecycle import registry
from leeway.lifecycle.registry import Promotion
from leeway.monitoring import outcomes
from leeway.monitoring.outcomes import Outcome, nothing_flagged
from leeway.views.roster import RosterEntry

WEEKS = 52


@dataclass(frozen=True)
class Week:
    """The outcomes of one week's decisions.

    Attributes:
        saved: what the champion's decisions saved compared with no model; None where the definition has no costs.
        saved_before: what they saved compared with the previous champion on the same events; None where there was none.
        daily: the mean number of decisions a day.
    """

    start: date
    outcome: Outcome
    saved: float | None
    saved_before: float | None
    daily: float
    versions: tuple[int, ...]


@dataclass(frozen=True)
class Course:
    """A classifier's weeks and promotions, oldest first.

    Attributes:
        unit: the unit of money; None where the definition has no costs.
        total: all weeks together; None where there are none.
        saved, saved_before: as of a week, summed over all.
        since: the first night that the previous champion's outcomes are known for.
    """

    weeks: tuple[Week, ...]
    promotions: tuple[Promotion, ...]
    unit: str | None
    total: Outcome | None
    saved: float | None
    saved_before: float | None
    since: str | None


def course(known: RosterEntry, *, weeks: int = WEEKS) -> Course:
    """Return the last weeks whose labels are mature."""
    newest = outcomes.newest(known.name)
    promotions = tuple(reversed([item for item in registry.history(known.name) if item.outcome != "refused"]))
    costs = known.definition.worth if known.definition else None
    unit = costs.unit if costs else None
    grain = known.definition.partition if known.definition else DAY
    if newest is None:
        return Course((), promotions, unit, None, None, None, None)
    first = f"{_monday(newest) - timedelta(weeks=weeks - 1):%Y-%m-%d}"
    own = outcomes.of(known.name, first=first)
    before = {item.partition: item for item in outcomes.of(known.name, first=first, role="before")}
    by_week: dict[date, list[Outcome]] = defaultdict(list)
    for item in own:
        by_week[_monday(item.partition)].append(item)
    found = tuple(_week(start, items, before, costs, grain) for start, items in sorted(by_week.items()))
    return Course(
        found,
        promotions,
        unit,
        outcomes.total(own),
        _sum([week.saved for week in found]),
        _sum([week.saved_before for week in found]),
        min(before, default=None),
    )


def _week(start: date, items: list[Outcome], before: dict[str, Outcome], costs: Costs | None, grain: Grain) -> Week:
    together = outcomes.total(items)
    assert together is not None
    pairs = [(item, before[item.partition]) for item in items if item.partition in before]
    periods = [Partition.parse(item.partition, grain) for item in items]
    length = sum(((period.end - period.start) for period in periods), timedelta(0))
    return Week(
        start,
        together,
        nothing_flagged(together, costs) - together.cost(costs) if costs else None,
        sum(other.cost(costs) - own.cost(costs) for own, other in pairs) if costs and pairs else None,
        together.decided / (length / timedelta(days=1)),
        tuple(sorted({item.version for item in items})),
    )


def _monday(key: str) -> date:
    start = start_of_key(key)
    return start.date() - timedelta(days=start.weekday())


def _sum(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
