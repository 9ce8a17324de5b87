"""Gate: the challenger is worse on no slice.

Slices are the declared ones, and the worst that a search finds.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from leeway.core.intervals import holm
from leeway.core.metrics import Bools, log_losses
from leeway.evaluation.gates import slicing
from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "slices"
MIN_ROWS = 100  # of a slice that the search may find
FOUND = 10  # slices of the search that are tested
SURE = 0.95
MOST_ROWS = 100_000  # for the search


def check(evidence: Evidence) -> GateVerdict:
    """Compare log losses with the champion's on every slice.

    A slice fails if its log loss is significantly higher, and by more than the tolerance. The search finds the worst slices on
    one half of the rows, and the other half tests them. Holm's method corrects the p-values of declared and of found slices
    for their number.
    """
    columns, classifier = evidence.columns, evidence.classifier
    if columns is None:
        return GateVerdict(NAME, "fail", "the evidence has no columns")
    if evidence.champion is not None and evidence.fair.sum() < 2:
        return GateVerdict(NAME, "fail", "no rows of the holdout are new to the champion")
    hidden = frozenset(str(name) for name in columns if classifier.is_sensitive(str(name)))
    declared = {
        name: _among(evidence.fair, rows)
        for name, rows in slicing.declared(classifier.slices, columns[evidence.fair], hidden)
    }
    if empty := [name for name, rows in declared.items() if not rows.any()]:
        among = "" if evidence.champion is None else " and new to the champion"
        why = f"no row of the holdout is in the declared slice {', '.join(empty)}{among}"
        return GateVerdict(NAME, "fail", why, {"empty": empty})
    if evidence.champion is None:
        return GateVerdict(NAME, "not applicable", "there is no champion yet")
    slices = {"declared": declared, "found": _found(evidence, hidden)}
    tested = {kind: _tested(evidence, parts) for kind, parts in slices.items()}
    bad = [
        f"{kind} {name}: {_words(item)}"
        for kind, parts in tested.items()
        for name, item in parts.items()
        if item["bad"]
    ]
    if not any(tested.values()):
        return GateVerdict(NAME, "not applicable", "no slice has enough events that are new to the champion", tested)
    if bad:
        return GateVerdict(NAME, "fail", f"worse than the champion on {'; '.join(bad)}", tested)
    among = f"{len(tested['declared'])} declared slices and the {len(tested['found'])} worst that were found"
    return GateVerdict(NAME, "pass", f"not significantly worse than the champion on {among}", tested)


def _found(evidence: Evidence, hidden: frozenset[str]) -> dict[str, Bools]:
    """Find the worst slices on half of the rows.

    Only rows that are new to both bundles count. Returned are the slices' rows in the other half.
    """
    assert evidence.columns is not None
    rows = np.flatnonzero(evidence.fair)
    rows = rows[:: -(-len(rows) // MOST_ROWS)]
    features = evidence.classifier.features
    names = [str(name) for name in evidence.columns]
    shown = [name for name in names if name not in hidden and features.get(name) not in (None, "text")]
    cuts = {name: slicing.cut(evidence.columns[name].iloc[rows]) for name in shown}
    looked = np.arange(len(rows)) % 2 == 0
    parts = slicing.search(cuts, evidence.worse[rows], looked, MIN_ROWS // 2, FOUND)
    found = {}
    for name, part in parts.items():
        inside = np.zeros(len(evidence.y), dtype=bool)
        inside[rows[part & ~looked]] = True
        found[name] = inside
    return found


def _among(fair: Bools, rows: Bools) -> Bools:
    """Expand a mask of the fair rows to all."""
    inside = np.zeros(len(fair), dtype=bool)
    inside[fair] = rows
    return inside


def _tested(evidence: Evidence, slices: Mapping[str, Bools]) -> dict[str, dict[str, Any]]:
    """Test each slice."""
    assert evidence.champion is not None
    losses = log_losses(evidence.y, evidence.champion, exclusive=evidence.outputs.exclusive)
    rows = {name: part for name, part in slices.items() if part.sum() >= 2}
    found = {name: slicing.worse(evidence.worse[part], evidence.nights[part]) for name, part in rows.items()}
    adjusted = holm([item.p for item in found.values()])
    tested = {}
    for (name, item), p in zip(found.items(), adjusted, strict=True):
        before = float(losses[rows[name]].mean())
        bad = p < 1 - SURE and item.by > evidence.classifier.gates.slice_tolerance * before
        tested[name] = {"rows": int(rows[name].sum()), "champion": before, "worse": item.by, "p": p, "bad": bool(bad)}
    return tested


def _words(item: Mapping[str, Any]) -> str:
    higher = item["worse"] / max(item["champion"], 1e-12)
    return f"log loss higher by {item['worse']:.4f} ({higher:.0%}) on {item['rows']:,} rows, p {item['p']:.1e}"


gate = Gate(NAME, check)
