"""Gate: declared groups are treated alike."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from leeway.core.intervals import Interval, difference, share
from leeway.core.metrics import Bools
from leeway.evaluation.gates import slicing
from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "fairness"
MIN_ROWS = 30  # for a rate
SURE = 0.95


def check(evidence: Evidence) -> GateVerdict:
    """Compare decision rates between the declared groups.

    No two groups may differ significantly and by more than the tolerance. The rates are, for every class, the share of flagged
    events, the true positive rate and the false positive rate (Hardt, Price and Srebro 2016). Intervals are Newcombe's,
    corrected by Bonferroni for the number of pairs.
    """
    gates, columns, decided = evidence.classifier.gates, evidence.columns, evidence.decided
    if not gates.groups:
        return GateVerdict(NAME, "not applicable", "the definition names no groups (Gates.groups)")
    if columns is None or decided is None:
        return GateVerdict(NAME, "fail", "the evidence has no columns or no decisions")
    rates: dict[str, dict[str, Any]] = {}
    for name in gates.groups:
        found = dict(_rates(evidence, columns[name], decided, hidden=evidence.classifier.is_sensitive(name)))
        if not found and gates.group_tolerance is None:
            continue
        if not found:
            why = f"{name} has fewer than two groups with {MIN_ROWS} rows each, too few to compare"
            return GateVerdict(NAME, "fail", why, {"missing": name})
        rates |= {f"{name}, {what}": item for what, item in found.items()}
    limit = gates.group_tolerance
    if limit is None:
        worst = sorted(rates, key=lambda what: -rates[what]["difference"])[:1]
        shown = "; ".join(f"{what} {_words(rates[what])}" for what in worst) or "no group has enough rows"
        return GateVerdict(
            NAME, "not applicable", f"only measured, no Gates.group_tolerance is declared: {shown}", rates
        )
    bad = [what for what, item in rates.items() if item["difference"] > limit and item["low"] > 0]
    worst = sorted(rates, key=lambda what: -rates[what]["difference"])
    shown = "; ".join(f"{what} {_words(rates[what])}" for what in bad or worst[:1])
    return GateVerdict(NAME, "fail" if bad else "pass", f"{shown} (tolerance {limit:g})", rates)


def _rates(evidence: Evidence, column: "pd.Series[Any]", decided: Bools, *, hidden: bool) -> Iterator[tuple[str, Any]]:
    """Yield the largest difference between groups, by rate."""
    groups = slicing.cut(column.astype("object"))
    for k, name in enumerate(evidence.outputs.names):
        y = evidence.y[:, k]
        of = f" of {name}" if evidence.outputs.several else ""
        counted = {"selection rate": np.ones(len(y), dtype=bool), "true positive rate": y, "false positive rate": ~y}
        for rate, rows in counted.items():
            shares = {}
            for code, group in enumerate(groups.names):
                own = rows & (groups.codes == code)
                if own.sum() >= MIN_ROWS:
                    shares[group] = (int((own & decided[:, k]).sum()), int(own.sum()))
            if len(shares) >= 2:
                yield f"{rate}{of}", _largest(shares, hidden=hidden)


def _largest(shares: dict[str, tuple[int, int]], *, hidden: bool) -> dict[str, Any]:
    pairs = list(itertools.combinations(shares, 2))
    level = 1 - (1 - SURE) / len(pairs)
    rates = {group: share(*counts, level=level) for group, counts in shares.items()}
    high, low = max(rates, key=lambda one: rates[one].value), min(rates, key=lambda one: rates[one].value)
    found: Interval = difference(rates[high], rates[low])
    names = ("one group", "another") if hidden else (high, low)
    between = {name: rates[group].value for name, group in zip(names, (high, low), strict=True)}
    return {"difference": found.value, "low": found.low, "high": found.high, "between": between, "groups": len(rates)}


def _words(item: dict[str, Any]) -> str:
    shown = " and ".join(f"{value:.1%} of {group}" for group, value in item["between"].items())
    return f"differs by {item['difference']:.3f} ({item['low']:.3f} to {item['high']:.3f}): {shown}"


gate = Gate(NAME, check)
