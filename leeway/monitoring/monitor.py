"""The night's verdict on a partition: quiet, harmless drift, or a breach."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd

from leeway.definition import DriftPolicy
from leeway.metrics import Bools, Floats
from leeway.monitoring.reference import Reference
from leeway.monitoring.residuals import MIN_ROWS, residuals
from leeway.monitoring.sketch import shares

Verdict = Literal["quiet", "drift", "suspect", "breach", "data fault", "watching"]

NULL_BURST = 0.05  # more nulls than in any reference partition, by this share of rows
UNSEEN_BURST = 0.10
VOLUME_FACTOR = 4.0


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
class Harm:
    """What mature labels say.

    Attributes:
        partition: whose labels they are; it lies the label's maturity before the one that is monitored.
        rows: how many labels.
        bias: mean(y - p), as the difference from the reference's.
        column: the one along which labels and scores part most, of those where they surely do; `score` is calibration itself.
        standardised: how surely, in spreads of the reference partitions' own.
        error: by how much: the root mean squared error of that column's bins beyond the reference's, in probability.
        harmful: whether it is both sure and, by the definition's tolerance, material.
        of_class: the class that it is about, where there are several: the one that goes wrong most for its own spread.
    """

    partition: str
    rows: int
    bias: float
    column: str
    standardised: float
    error: float
    harmful: bool
    of_class: str | None = None


@dataclass(frozen=True)
class Finding:
    """The monitor's finding on one partition.

    Attributes:
        why: the verdict in words.
        score_mean: the mean of the scores; where there are several classes, `score_means` has each one's probability.
        columns: by impact, the largest first.
        harm: None where no labels were mature, or too few.
        confirmed: in how many of the recent partitions, this one included, harm was seen.
    """

    verdict: Verdict
    why: str
    rows: int
    score_mean: float
    columns: tuple[ColumnDrift, ...]
    harm: Harm | None
    confirmed: int
    faults: tuple[str, ...] = ()
    score_means: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)

    def evidence(self) -> dict[str, Any]:
        """What the monitoring record keeps beside the columns."""
        harm = None if self.harm is None else asdict(self.harm)
        return {
            "score_mean": self.score_mean,
            "score_means": self.score_means,
            "harm": harm,
            "confirmed": self.confirmed,
            "faults": list(self.faults),
            "limits": {name: limit if math.isfinite(limit) else None for name, limit in self.limits.items()},
        }


def compare(reference: Reference, x: pd.DataFrame) -> tuple[ColumnDrift, ...]:
    """Hold every column of a partition against the reference; by size of impact, the largest first.

    Args:
        x: the partition's features as `model_input` makes them.
    """
    counts = {name: reference.binnings[name].count(x[name]) for name in reference.counts}
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
            unseen_share=reference.binnings[name].unseen_share(x[name]),
            of_class=reference.classes[moved[name]] if several else None,
        )
        for name, own in counts.items()
    ]
    return tuple(sorted(drifts, key=lambda drift: -abs(drift.impact)))


def harm_of(
    reference: Reference, policy: DriftPolicy, partition: str, x: pd.DataFrame, y: Bools, p: Floats
) -> Harm | None:
    """What the mature labels of a partition say about the bundle; None where there are too few.

    Args:
        x, y, p: features, labels and scores of the rows whose labels were known at maturity; labels and scores of
            shape (n, K), in the order of the reference's classes.
    """
    if len(y) < MIN_ROWS:
        return None
    watched = reference.watched
    found = residuals(reference.binnings, reference.score_binnings, x, y[:, watched], p[:, watched])
    pairs = [(name, column) for name, of_class in found.items() for column in of_class]
    surely = {
        (name, column): reference.residual[name][column].standardise(found[name][column].error)
        for name, column in pairs
    }
    sure = [pair for pair, spreads in surely.items() if spreads > reference.residual_limit]
    errors = {
        (name, column): found[name][column].beyond(reference.residual[name][column].median) for name, column in pairs
    }
    # In spreads of the class's own label: a rare class goes wrong by fewer points than a common one.
    material = {pair: error / reference.label_spread[pair[0]] for pair, error in errors.items()}
    pair = max(sure, key=lambda pair: material[pair]) if sure else max(surely, key=lambda pair: surely[pair])
    name, column = pair
    k = reference.classes.index(name)
    return Harm(
        partition=partition,
        rows=len(y),
        bias=float((y[:, k] - p[:, k]).mean()) - reference.bias[name].median,
        column=column,
        standardised=surely[pair],
        error=errors[pair],
        harmful=bool(sure) and material[pair] >= policy.tolerance,
        of_class=name if len(reference.classes) > 1 else None,
    )


def judge(
    reference: Reference,
    policy: DriftPolicy,
    *,
    rows: int,
    score_mean: float,
    columns: tuple[ColumnDrift, ...],
    harm: Harm | None,
    before: Sequence[bool],
    score_means: Mapping[str, float] = MappingProxyType({}),
    may_be_empty: bool = False,
) -> Finding:
    """The verdict.

    Args:
        columns: none where there are no rows.
        before: whether harm was seen, for the partitions before this one, the most recent first.
        may_be_empty: whether a partition without rows is in order.
    """
    faults = () if may_be_empty and not rows else _faults(reference, rows, columns)
    confirmed = sum([harm is not None and harm.harmful, *before[: policy.among - 1]])
    moved = [column for column in columns if column.standardised > reference.drift_limit]
    spread = reference.label_spread[harm.of_class] if harm and harm.of_class else max(reference.label_spread.values())
    limits = {
        "drift": reference.drift_limit,
        "residual": reference.residual_limit,
        "tolerance": policy.tolerance * spread,
    }
    verdict, why = _verdict(reference, policy, rows, moved, harm, confirmed, faults)
    return Finding(verdict, why, rows, score_mean, columns, harm, confirmed, faults, dict(score_means), limits)


def _verdict(
    reference: Reference,
    policy: DriftPolicy,
    rows: int,
    moved: list[ColumnDrift],
    harm: Harm | None,
    confirmed: int,
    faults: tuple[str, ...],
) -> tuple[Verdict, str]:
    if faults:
        return "data fault", "; ".join(faults)
    harmful = harm is not None and harm.harmful
    if harmful and len(reference.partitions) < policy.min_reference:
        why = f"labels lie {_apart(harm)}, but {len(reference.partitions)} reference partitions are too few to act on"
        return "watching", why
    if harmful and confirmed >= policy.confirm:
        return "breach", f"labels lie {_apart(harm)}, seen in {confirmed} of the last {policy.among} partitions"
    if harmful:
        return "suspect", f"labels lie {_apart(harm)}, not yet confirmed by another partition"
    unharmed = "labels and scores agree" if harm else "no mature labels yet"
    if moved:
        names = ", ".join(column.column for column in moved[:3]) + (
            f" and {len(moved) - 3} more" if len(moved) > 3 else ""
        )
        return "drift", f"moved beyond the reference: {names}; {unharmed}"
    return "quiet", f"{'within what the reference varies' if rows else 'no events'}; {unharmed}"


def _apart(harm: Harm | None) -> str:
    assert harm is not None
    of_class = f" of {harm.of_class}" if harm.of_class else ""
    return (
        f"{harm.error:.1%} from the scores{of_class} along {harm.column} on {harm.partition} "
        f"({harm.standardised:.1f} spreads, {harm.bias:+.1%} on average)"
    )


def _faults(reference: Reference, rows: int, columns: tuple[ColumnDrift, ...]) -> tuple[str, ...]:
    faults = []
    least, most = min(reference.rows), max(reference.rows)
    if not least / VOLUME_FACTOR <= rows <= most * VOLUME_FACTOR:
        faults.append(f"{rows} events, where the reference's partitions have {least} to {most}")
    for column in columns:
        if column.null_share > reference.null_share[column.column] + NULL_BURST:
            faults.append(f"{column.column} is missing in {column.null_share:.0%} of the rows")
        if column.unseen_share > UNSEEN_BURST:
            faults.append(f"{column.column} has values never seen before in {column.unseen_share:.0%} of the rows")
    return tuple(faults)
