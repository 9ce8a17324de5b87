"""The challenger is nowhere clearly worse than the champion: not on a declared slice, and not on the worst that are found."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from leeway.core.intervals import holm
from leeway.core.metrics import Bools, log_losses
from leeway.evaluation.gates import slicing
from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "slices"
MIN_ROWS = 100  # of a slice that is searched for
FOUND = 10  # slices of the search that are tested
SURE = 0.95
MOST_ROWS = 100_000  # that are searched


def check(evidence: Evidence) -> GateVerdict:
    """On no slice is the log loss surely, and by more than the tolerance, higher than the champion's.

    The worst slices are searched for on one half of the rows and tested on the other; of declared and of found ones, p-values
    are corrected by Holm's method for how many there are.
    """
    columns, classifier = evidence.columns, evidence.classifier
    if columns is None:
        return GateVerdict(NAME, "fail", "there are no columns to tell slices by")
    if evidence.champion is not None and evidence.fair.sum() < 2:
        return GateVerdict(NAME, "fail", "no row of the holdout is new to the champion too")
    hidden = frozenset(str(name) for name in columns if classifier.is_sensitive(str(name)))
    asked = {
        name: _among(evidence.fair, rows)
        for name, rows in slicing.declared(classifier.slices, columns[evidence.fair], hidden)
    }
    if empty := [name for name, rows in asked.items() if not rows.any()]:
        among = "" if evidence.champion is None else " among those that are new to both"
        why = f"no row of the holdout is in the declared slice {', '.join(empty)}{among}; nothing is known of it"
        return GateVerdict(NAME, "fail", why, {"empty": empty})
    if evidence.champion is None:
        return GateVerdict(NAME, "not applicable", "there is no champion yet to be worse than")
    everywhere = {"declared": asked, "found": _found(evidence, hidden)}
    told = {kind: _tested(evidence, parts) for kind, parts in everywhere.items()}
    bad = [
        f"{kind} {name}: {_words(item)}" for kind, parts in told.items() for name, item in parts.items() if item["bad"]
    ]
    if not any(told.values()):
        return GateVerdict(NAME, "not applicable", "no slice has enough events that are new to the champion too", told)
    looked = f"{len(told['declared'])} declared and the {len(told['found'])} worst slices that were found"
    if bad:
        return GateVerdict(NAME, "fail", f"worse than the champion on {'; '.join(bad)}", told)
    return GateVerdict(NAME, "pass", f"on {looked} not surely worse than the champion", told)


def _found(evidence: Evidence, hidden: frozenset[str]) -> dict[str, Bools]:
    """The worst slices of one half of the rows that are new to both; their rows in the other half."""
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
    """Rows of the fair ones as rows of all."""
    inside = np.zeros(len(fair), dtype=bool)
    inside[fair] = rows
    return inside


def _tested(evidence: Evidence, slices: Mapping[str, Bools]) -> dict[str, dict[str, Any]]:
    """What is known of each slice, and whether it is bad."""
    assert evidence.champion is not None
    losses = log_losses(evidence.y, evidence.champion, exclusive=evidence.outputs.exclusive)
    rows = {name: part for name, part in slices.items() if part.sum() >= 2}
    found = {name: slicing.worse(evidence.worse[part], evidence.nights[part]) for name, part in rows.items()}
    adjusted = holm([item.p for item in found.values()])
    told = {}
    for (name, item), p in zip(found.items(), adjusted, strict=True):
        before = float(losses[rows[name]].mean())
        bad = p < 1 - SURE and item.by > evidence.classifier.gates.slice_tolerance * before
        told[name] = {"rows": int(rows[name].sum()), "champion": before, "worse": item.by, "p": p, "bad": bool(bad)}
    return told


def _words(item: Mapping[str, Any]) -> str:
    higher = item["worse"] / max(item["champion"], 1e-12)
    return f"log loss higher by {item['worse']:.4f} ({higher:.0%}) on {item['rows']:,} rows, p {item['p']:.1e}"


gate = Gate(NAME, check)
