"""A comparison of two windows of nights."""

import math
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from operator import add
from typing import Any

import numpy as np
import sqlalchemy as sa

from leeway.core.errors import NotFound
from leeway.detection.monitor import ColumnDrift, compare
from leeway.detection.reference import Reference
from leeway.detection.sketch import Binning, Sketch, hellinger, shares
from leeway.lifecycle import registry
from leeway.monitoring import outcomes
from leeway.monitoring.outcomes import EDGES, ConfusionCounts, Outcome
from leeway.store.database import database
from leeway.store.tables import sketch as sketch_table
from leeway.views.roster import RosterEntry
from leeway.views.words import figure

MOST_NIGHTS = 92
WINDOW = 7  # nights
MISSING, OTHER = "missing", "other"


@dataclass(frozen=True)
class NightRange:
    """A range of nights, summed up.

    Attributes:
        nights: how many the chosen version scored.
        outcome: of the nights whose labels are mature; None where there are none.
        before: the same for the previous champion, on the same events.
    """

    first: str
    last: str
    nights: int
    sketch: Sketch | None
    outcome: Outcome | None
    before: Outcome | None


@dataclass(frozen=True)
class Moved:
    """A column's change between both windows.

    Attributes:
        impact: how far its change moves the mean score from one window to the other, in probability.
        distance: the Hellinger distance, from 0 to 1.
        missing: the share of nulls in each window.
        bars: the share of each value, or of each range of numbers, in both windows; empty for a sensitive column.
    """

    column: str
    impact: float
    distance: float
    missing: tuple[float, float]
    bars: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Both windows with the columns that moved.

    Columns are sorted by impact, the largest first.
    """

    version: int
    one: NightRange
    two: NightRange
    columns: tuple[Moved, ...]
    scores: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True)
class SliceComparison:
    """The rows with one value, in both windows."""

    column: str
    value: str
    one: ConfusionCounts = field(default_factory=ConfusionCounts)
    two: ConfusionCounts = field(default_factory=ConfusionCounts)


def nights(name: str) -> list[tuple[str, int]]:
    """Return the scored nights with their versions, oldest first."""
    query = sa.select(sketch_table.c.partition, sketch_table.c.version).where(sketch_table.c.classifier == name)
    with database().transaction() as connection:
        return [(key, int(version)) for key, version in connection.execute(query.order_by(sketch_table.c.partition))]


def usual_windows(keys: list[str], mature: str | None, night: str | None) -> tuple[tuple[str, str], tuple[str, str]]:
    """Choose the windows to begin with.

    The second window is `night`, where it was scored, else the last nights whose labels are mature. The first window holds the
    nights before it.

    Returns:
        Each window as its first and last night.
    """
    if night in keys:
        end, length = keys.index(night) + 1, 1
    else:
        known = [key for key in keys if mature is not None and key <= mature] or keys
        end = len(known)
        length = max(1, min(WINDOW, end // 2))
    start = max(0, end - length)
    before = max(0, start - max(length, WINDOW if night in keys else 1))
    return (keys[before], keys[max(before, start - 1)]), (keys[start], keys[end - 1])


def compare_windows(known: RosterEntry, one: tuple[str, str], two: tuple[str, str], version: int) -> Comparison:
    """Compare two ranges of nights by one version.

    Raises:
        NotFound: a range is empty, or too long.
    """
    windows = [_window(known.name, first, last, version) for first, last in (one, two)]
    reference = _reference(known.name, version, registry.promoted(known.name, version).checksum)
    columns = _columns(known, reference, windows[0].sketch, windows[1].sketch)
    return Comparison(version, windows[0], windows[1], columns, _scores(windows))


def slices(one: Outcome | None, two: Outcome | None) -> list[SliceComparison]:
    """Return the slices with most wrong decisions first.

    They are the values of categories, sorted by wrong decisions in the second window.
    """
    found = [
        SliceComparison(column, value, _of(one, column, value), _of(two, column, value))
        for column in sorted({*(one.slices if one else {}), *(two.slices if two else {})})
        for value in sorted({*_values(one, column), *_values(two, column)})
    ]
    return sorted(found, key=lambda item: -wrong(item.two if item.two.rows else item.one))


def wrong(counts: ConfusionCounts) -> int:
    """Count the wrong decisions."""
    return counts.predicted_positive + counts.positives - 2 * counts.true_positives


def calibration(counts: ConfusionCounts) -> list[tuple[float, float, int]]:
    """Return the calibration curve.

    Each range of probabilities gives its mean probability, its share of positives and its number of rows.
    """
    return [(p / rows, holds / rows, int(rows)) for rows, p, holds in counts.bins if rows]


@lru_cache(maxsize=16)
def _reference(name: str, version: int, checksum: str) -> Reference:
    """Read a version's reference, and cache it.

    Reading takes a while, and a reference never changes.
    """
    return registry.described(name, registry.promoted(name, version))[1]


def _window(name: str, first: str, last: str, version: int) -> NightRange:
    mine = (sketch_table.c.classifier == name) & (sketch_table.c.version == version)
    query = sa.select(sketch_table.c.observed).where(mine, sketch_table.c.partition.between(first, last))
    with database().transaction() as connection:
        observed = [Sketch(**row) for row in connection.scalars(query.order_by(sketch_table.c.partition))]
    if not 0 < len(observed) <= MOST_NIGHTS:
        raise NotFound(
            f"looking at {name} from {first} to {last}",
            problem=f"the window has more than {MOST_NIGHTS} nights"
            if observed
            else f"version {version} scored none of these nights",
            found=len(observed),
            hint="choose other nights, or another version",
        )
    own = outcomes.of(name, first=first, last=last, detailed=True)
    before = {item.partition: item for item in outcomes.of(name, first=first, last=last, role="before")}
    return NightRange(
        first,
        last,
        len(observed),
        reduce(add, observed),
        outcomes.total([item for item in own if item.version == version]),
        outcomes.total(
            [before[item.partition] for item in own if item.version == version and item.partition in before]
        ),
    )


def _columns(known: RosterEntry, reference: Reference, one: Sketch | None, two: Sketch | None) -> tuple[Moved, ...]:
    if one is None or two is None or not one.rows or not two.rows:
        return ()
    before = {drift.column: drift for drift in compare(reference, one)}
    after = {drift.column: drift for drift in compare(reference, two)}
    found = [
        _moved(known, name, reference.binnings[name], before[name], after[name], one, two)
        for name in reference.features
    ]
    return tuple(sorted(found, key=lambda item: -abs(item.impact)))


def _moved(
    known: RosterEntry, name: str, binning: Binning, before: ColumnDrift, after: ColumnDrift, one: Sketch, two: Sketch
) -> Moved:
    p, q = shares(np.asarray(one.counts[name])), shares(np.asarray(two.counts[name]))
    hidden = known.definition is None or known.definition.is_sensitive(name)
    return Moved(
        name,
        after.impact - before.impact,
        float(hellinger(p, q)),
        (before.null_share, after.null_share),
        () if hidden else _bars(binning, p.tolist(), q.tolist()),
    )


def _bars(binning: Binning, p: list[float], q: list[float]) -> tuple[tuple[str, float, float], ...]:
    """Return each bin's name with its shares.

    Bins of numbers are too fine to read, so they are merged into about eight.
    """
    names = [*binning_names(binning), OTHER, MISSING]
    if binning.edges is None:
        found = list(zip(names, p, q, strict=True))
        kept = sorted(found[:-2], key=lambda bar: -max(bar[1:]))[:10]
        rest = [bar for bar in found[:-2] if bar not in kept]
        other = (OTHER, sum(bar[1] for bar in rest) + p[-2], sum(bar[2] for bar in rest) + q[-2])
        return tuple(bar for bar in [*kept, other, found[-1]] if max(bar[1:]) > 0)
    edges, width = list(binning.edges), max(1, (len(binning.edges) + 1) // 8)
    bars = []
    for at in range(0, len(edges) + 1, width):
        upto = min(at + width, len(edges) + 1)
        name = _range(edges[at - 1] if at else None, edges[upto - 1] if upto <= len(edges) else None)
        bars.append((name, sum(p[at:upto]), sum(q[at:upto])))
    return (*bars, *([(MISSING, p[-1], q[-1])] if max(p[-1], q[-1]) > 0 else []))


def binning_names(binning: Binning) -> list[str]:
    """Return the names of a category's or text's bins."""
    if binning.values is not None:
        return list(binning.values)
    if binning.lengths is None:
        return [""] * (len(binning.edges or ()) + 1)
    lengths = [_range(a, b) for a, b in zip([None, *binning.lengths], [*binning.lengths, None], strict=True)]
    return [f"{length} letters, rare words {at}" for length in lengths for at in range(len(binning.rarities) + 1)]


def _range(least: float | None, most: float | None) -> str:
    if least is None:
        return "any" if most is None else f"to {figure(most)}"
    return f"over {figure(least)}" if most is None else f"{figure(least)} to {figure(most)}"


def _scores(windows: list[NightRange]) -> tuple[tuple[str, float, float], ...]:
    """Return each score range's share in both windows.

    Only decisions with a label count.
    """
    found = [window.outcome.all.bins if window.outcome else () for window in windows]
    if not any(found):
        return ()
    names = [_range(a, b) for a, b in zip([None, *EDGES], [*EDGES, None], strict=True)]
    sums = [max(1.0, sum(rows for rows, _, _ in bins)) for bins in found]
    one, two = (
        [rows / whole for rows, _, _ in bins] or [0.0] * len(names) for bins, whole in zip(found, sums, strict=True)
    )
    return tuple(zip(names, one, two, strict=True))


def _values(outcome: Outcome | None, column: str) -> set[str]:
    return set(outcome.slices.get(column, {})) if outcome else set()


def _of(outcome: Outcome | None, column: str, value: str) -> ConfusionCounts:
    return outcome.slices.get(column, {}).get(value, ConfusionCounts()) if outcome else ConfusionCounts()


def reason(item: dict[str, Any]) -> str:
    """Return in words why a row was misjudged."""
    return f"{item['column']} {item['value']} (usually {item['usual']}): odds ×{figure(math.exp(item['effect']), 2)}"
