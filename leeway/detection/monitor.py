"""The night's verdict on a partition, such as quiet or breach."""

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
from leeway.detection.performance_metrics import Decisions
from leeway.detection.reference import Reference
from leeway.detection.sketch import LabelResiduals, Sketch, shares

Verdict = Literal["quiet", "drift", "suspect", "alert", "breach", "data fault", "watching"]


@dataclass(frozen=True)
class ColumnDrift:
    """One column compared with the reference.

    Attributes:
        distance: Hellinger's, from 0 to 1.
        standardised: the distance in spreads of the reference partitions' own distances.
        impact: how far the column's new distribution moves the mean score, in probability. With several classes it is that of
            `of_class`, the class it moves most.
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
    """The stored counts of a monitored partition.

    Attributes:
        mature: the partition whose labels became mature with this night; `label_residuals` are its residuals, None with no
            label or too few.
    """

    partition: Partition
    observed: Sketch
    mature: Partition
    label_residuals: LabelResiduals | None


@dataclass(frozen=True)
class Shift:
    """The channel of a family with the largest change.

    Attributes:
        column: its column; the column of the score for the score itself.
        direction: of a residual, the direction along the column.
        standardised: in standard deviations, with its sign.
        change: from the baseline, in probability: of the mean score, or of y - p along the direction.
        out: whether it is out of control: beyond the limit, and material.
        of_class: the class, where there are several.
    """

    column: str
    direction: str
    standardised: float
    change: float
    out: bool
    of_class: str | None = None


@dataclass(frozen=True)
class Harm:
    """Mature labels compared with the scores.

    Attributes:
        partition: the labels' own; it lies the label's maturity before the monitored one.
        rows: the number of labels.
        rate, expected: the share of the class by the labels, and by the scores.
        bias: the difference of the two, less that of the baseline.
        shift: the channel in which labels and scores differ most.
        confirmed: the number of recent partitions, this one included, in which they differ beyond the limit.
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
        """Whether labels and scores differ significantly and materially."""
        return self.shift.out


@dataclass(frozen=True)
class Finding:
    """The monitor's finding on one partition.

    Attributes:
        why: the verdict in words.
        score_mean: the mean of the scores; with several classes, `score_means` has the mean probability of each.
        columns: by impact, the largest first.
        moved: the impact with the largest change; None without rows.
        harm: None where no labels were mature, or too few.
        confirmed: the number of recent partitions, this one included, in which an impact was out of control.
        incident: the reason why a person must look first; None if nobody must.
        decisions: wrong decisions, where labels differ from the scores.
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
        """Return the finding with an incident added."""
        return (
            self if incident is None else replace(self, incident=incident, why=f"{self.why}; an incident: {incident}")
        )

    def evidence(self) -> dict[str, Any]:
        """Return the finding as the monitoring record stores it."""
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
    """Compare a partition's features with the reference.

    Returns:
        The features by size of impact, the largest first.
    """
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
    """Judge the last of some nights.

    Args:
        nights: the night and those before it without a fault, the oldest first; no more than `lookback` are needed.
        may_be_empty: whether a partition without rows is valid.
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
    """Return how many earlier nights a verdict needs."""
    return WINDOW + policy.among


def _lying_out(
    reference: Reference, alarm: Alarm, nights: Sequence[MonitoredNight]
) -> tuple[Shift | None, Harm | None, int]:
    """Compare the last night with the baseline.

    The budget is for scores and labels together, so a confirmation by either of them keeps it.

    Returns:
        The largest change of the scores, that of the labels, and the number of recent nights with the scores out of control.
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
        mismatch = _mismatch(harm)
        if harm.confirmed < policy.confirm:
            return "suspect", f"{mismatch}, not yet confirmed by another partition"
        if alarm.is_short:
            return "watching", f"{mismatch}, but {alarm.partitions} reference partitions are too few to act on"
        return "breach", f"{mismatch}, seen in {harm.confirmed} of the last {policy.among} partitions"
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
    return "quiet", f"{'within the usual variation' if night.observed.rows else 'no events'}; {unharmed}"


def _moved(shift: Shift) -> str:
    of_class = f" of {shift.of_class}" if shift.of_class else ""
    by = f"by {100 * shift.change:+.1f} points ({abs(shift.standardised):.1f} times the usual spread)"
    if shift.direction == MEAN:
        return f"the mean score{of_class} moved {by}"
    return f"the change of {shift.column} moves the mean score{of_class} {by}"


def _mismatch(harm: Harm) -> str:
    shift = harm.shift
    of_class = f" of {shift.of_class}" if shift.of_class else ""
    most = "" if shift.direction == MEAN else f", most by {shift.column} ({shift.direction}),"
    return (
        f"labels do not match the scores{of_class}{most} on {harm.partition} "
        f"({100 * harm.bias:+.1f} points on average, {abs(shift.standardised):.1f} times the usual spread)"
    )
