"""The night's verdict on a partition: quiet, harmless drift, an alert, or a breach."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from leeway.definition import DriftPolicy
from leeway.definition.partitions import Partition
from leeway.detection.alarm_limits import Alarm, place_of
from leeway.detection.budget import WINDOW, Ints
from leeway.detection.channels import MEAN
from leeway.detection.expected import Decisions
from leeway.detection.reference import Reference
from leeway.detection.sketch import LabelResiduals, Sketch, shares

Verdict = Literal["quiet", "drift", "suspect", "alert", "breach", "data fault", "watching"]


@dataclass(frozen=True)
class ColumnDrift:
    """One column held against the reference.

    Attributes:
        distance: Hellinger's, from 0 to 1.
        standardised: the distance in spreads of the reference partitions' own.
        impact: how far the column's new distribution moves the mean score, in probability; where there are several classes,
            that of `of_class`, which it moves most.
    """

    column: str
    distance: float
    standardised: float
    impact: float
    null_share: float
    unseen_share: float
    of_class: str | None = None


@dataclass(frozen=True)
class MonitoredNight:
    """What is kept of a partition that was monitored.

    Attributes:
        held: of the partition whose labels became mature with this night, `mature`; None where there were none, or too few.
    """

    partition: Partition
    observed: Sketch
    mature: Partition
    label_residuals: LabelResiduals | None


@dataclass(frozen=True)
class Shift:
    """The channel of a family that lies out most.

    Attributes:
        column: what it is about; the column of the score for the score itself.
        direction: of a residual, along what of the column.
        standardised: in spreads, with its sign.
        change: from the ordinary, in probability: of the mean score, or of y - p along the direction.
        out: whether it is beyond the limit, and material.
        of_class: where there are several.
    """

    column: str
    direction: str
    standardised: float
    change: float
    out: bool
    of_class: str | None = None


@dataclass(frozen=True)
class Harm:
    """What mature labels say.

    Attributes:
        partition: whose labels they are; it lies the label's maturity before the one that is monitored.
        rows: how many labels.
        rate, expected: the share of the class by the labels, and by the scores.
        bias: how far these part, as the difference from the ordinary.
        shift: where labels and scores part most.
        confirmed: in how many of the recent partitions, this one included, labels and scores lay apart beyond the limit.
    """

    partition: str
    rows: int
    rate: float
    expected: float
    bias: float
    shift: Shift
    confirmed: int

    @property
    def harmful(self) -> bool:
        """Whether they part surely and, by the definition's tolerance, materially."""
        return self.shift.out


@dataclass(frozen=True)
class Finding:
    """The monitor's finding on one partition.

    Attributes:
        why: the verdict in words.
        score_mean: the mean of the scores; where there are several classes, `score_means` has each one's probability.
        columns: by impact, the largest first.
        moved: the impact that lies out most; None where there are no rows.
        harm: None where no labels were mature, or too few.
        confirmed: in how many of the recent partitions, this one included, an impact lay out.
        incident: why a person must look at it first, where one must.
        decisions: what became of them, where labels part from the scores.
    """

    verdict: Verdict
    why: str
    rows: int
    score_mean: float
    columns: tuple[ColumnDrift, ...]
    moved: Shift | None
    harm: Harm | None
    confirmed: int
    faults: tuple[str, ...] = ()
    score_means: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float | None] = field(default_factory=dict)
    incident: str | None = None
    decisions: Decisions | None = None

    def together_with(self, incident: str | None) -> "Finding":
        """The same, with what makes an incident of it."""
        return (
            self if incident is None else replace(self, incident=incident, why=f"{self.why}; an incident: {incident}")
        )

    def evidence(self) -> dict[str, Any]:
        """What the monitoring record keeps beside the columns."""
        return {
            "score_mean": self.score_mean,
            "score_means": self.score_means,
            "moved": None if self.moved is None else asdict(self.moved),
            "harm": None if self.harm is None else asdict(self.harm),
            "confirmed": self.confirmed,
            "faults": list(self.faults),
            "incident": self.incident,
            "decisions": None if self.decisions is None else asdict(self.decisions),
            "limits": self.limits,
        }


def compare(reference: Reference, observed: Sketch) -> tuple[ColumnDrift, ...]:
    """Hold every feature of a partition against the reference; by size of impact, the largest first."""
    if not observed.rows:
        return ()
    counts = {name: np.asarray(observed.counts[name]) for name in reference.features}
    distances, impacts = reference.distances(counts), reference.impacts(counts)
    moved = {name: int(np.abs(impact).argmax()) for name, impact in impacts.items()}
    several = len(reference.classes) > 1
    drifts = [
        ColumnDrift(
            column=name,
            distance=distances[name],
            standardised=reference.distance[name].standardise(distances[name]),
            impact=float(impacts[name][moved[name]]),
            null_share=float(shares(own)[-1]),
            unseen_share=observed.unseen.get(name, 0) / observed.rows,
            of_class=reference.classes[moved[name]] if several else None,
        )
        for name, own in counts.items()
    ]
    return tuple(sorted(drifts, key=lambda drift: -abs(drift.impact)))


def judge(
    reference: Reference,
    policy: DriftPolicy,
    nights: Sequence[MonitoredNight],
    *,
    score_mean: float = 0.0,
    score_means: Mapping[str, float] = MappingProxyType({}),
    may_be_empty: bool = False,
) -> Finding:
    """The verdict on the last of some nights.

    Args:
        nights: it and those before it that no fault was found in, the oldest first; more than `lookback` are not needed.
        may_be_empty: whether a partition without rows is in order.
    """
    night, alarm = nights[-1], reference.alarm.under(policy)
    columns = compare(reference, night.observed)
    before = [earlier.observed for earlier in nights[:-1]]
    in_order = may_be_empty and not night.observed.rows
    faults = () if in_order else tuple(reference.clean.faults(reference.binnings, night.observed, before))
    moved, harm, confirmed = _lying_out(reference, alarm, nights)
    drifting = [column for column in columns if column.standardised > reference.distance_limit]
    verdict, why = _verdict(alarm, night, drifting, moved, harm, confirmed, faults)
    limits = {
        "distance": reference.distance_limit,
        "spreads": alarm.limit,
        "budget": policy.alarms_per_year,
        "rate": alarm.rate,
        "often": alarm.often,
    }
    return Finding(
        verdict,
        why,
        night.observed.rows,
        score_mean,
        columns,
        moved,
        harm,
        confirmed,
        faults,
        dict(score_means),
        {name: limit if limit is not None and math.isfinite(limit) else None for name, limit in limits.items()},
    )


def lookback(policy: DriftPolicy) -> int:
    """How many nights before one have a say in its verdict."""
    return WINDOW + policy.among


def _lying_out(
    reference: Reference, alarm: Alarm, nights: Sequence[MonitoredNight]
) -> tuple[Shift | None, Harm | None, int]:
    """How far the last night lies out by its scores, and by its labels, and how many of the recent ones did by their scores.

    The budget is for both together, so what is confirmed by each alone keeps it.
    """
    night = nights[-1]
    if not alarm.channels:
        return None, None, 0
    pairs = [reference.values(item.observed, item.label_residuals) for item in nights]
    values, rows = (np.stack(arrays) for arrays in zip(*pairs, strict=True))
    of_labels = np.array([channel.family == "residual" for channel in alarm.channels])
    places: Ints = np.array(
        [np.where(of_labels, place_of(item.mature), place_of(item.partition)) for item in nights], dtype=np.intp
    )
    found = alarm.watch(values, rows, places)
    sizes, recent = np.abs(found.standardised), slice(-alarm.policy.among, None)
    several = len(reference.classes) > 1

    def worst(family: Sequence[int]) -> Shift | None:
        known = [place for place in family if not np.isnan(values[-1, place])]
        if not known:
            return None
        place = max(known, key=lambda place: sizes[-1, place])
        channel, standardised = alarm.channels[place], float(found.standardised[-1, place])
        return Shift(
            channel.column,
            channel.direction,
            standardised,
            float(found.effects[-1, place]),
            abs(standardised) >= alarm.limit,
            channel.of_class if several else None,
        )

    def out(family: Sequence[int]) -> int:
        return int((sizes[recent][:, family].max(axis=1, initial=0.0) >= alarm.limit).sum())

    impacts, residuals = np.flatnonzero(~of_labels).tolist(), np.flatnonzero(of_labels).tolist()
    shift, harm = worst(residuals), None
    if shift is not None and night.label_residuals is not None:
        k = reference.watched.index(shift.of_class) if shift.of_class else 0
        bias = next(
            place
            for place in residuals
            if (alarm.channels[place].direction, alarm.channels[place].of_class) == (MEAN, reference.watched[k])
        )
        change = float(values[-1, bias] - alarm.baseline.means[places[-1, bias], bias])
        label_residuals = night.label_residuals
        harm = Harm(
            night.mature.key,
            label_residuals.rows,
            label_residuals.rates[k],
            label_residuals.expected[k],
            change,
            shift,
            out(residuals),
        )
    return worst(impacts), harm, out(impacts)


def _verdict(
    alarm: Alarm,
    night: MonitoredNight,
    drifting: list[ColumnDrift],
    moved: Shift | None,
    harm: Harm | None,
    confirmed: int,
    faults: tuple[str, ...],
) -> tuple[Verdict, str]:
    if faults:
        return "data fault", "; ".join(faults)
    policy = alarm.policy
    if harm is not None and harm.harmful:
        apart = _apart(harm)
        if harm.confirmed < policy.confirm:
            return "suspect", f"{apart}, not yet confirmed by another partition"
        if alarm.is_short:
            return "watching", f"{apart}, but {alarm.partitions} reference partitions are too few to act on"
        return "breach", f"{apart}, seen in {harm.confirmed} of the last {policy.among} partitions"
    unharmed = "labels and scores agree" if harm else "no mature labels yet"
    if moved is not None and moved.out:
        if confirmed < policy.confirm:
            return "suspect", f"{_moved(moved)}, not yet confirmed by another partition; {unharmed}"
        return "alert", f"{_moved(moved)}; {unharmed}"
    if drifting:
        names = ", ".join(column.column for column in drifting[:3]) + (
            f" and {len(drifting) - 3} more" if len(drifting) > 3 else ""
        )
        return "drift", f"moved beyond the reference: {names}; {unharmed}"
    return "quiet", f"{'within what the reference varies' if night.observed.rows else 'no events'}; {unharmed}"


def _moved(shift: Shift) -> str:
    of_class = f" of {shift.of_class}" if shift.of_class else ""
    by = f"by {100 * shift.change:+.1f} points ({abs(shift.standardised):.1f} times the usual spread)"
    if shift.direction == MEAN:
        return f"the mean score{of_class} moved {by}"
    return f"{shift.column} alone moves the mean score{of_class} {by}"


def _apart(harm: Harm) -> str:
    shift = harm.shift
    of_class = f" of {shift.of_class}" if shift.of_class else ""
    most = "" if shift.direction == MEAN else f", most by {shift.column} ({shift.direction}),"
    return (
        f"labels do not match the scores{of_class}{most} on {harm.partition} "
        f"({100 * harm.bias:+.1f} points on average, {abs(shift.standardised):.1f} times the usual spread)"
    )
