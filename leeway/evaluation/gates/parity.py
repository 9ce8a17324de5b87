"""The saved bundle says elsewhere what it says here."""

import numpy as np

from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "parity"
NEXT_TO_NOTHING = 1e-9


def check(evidence: Evidence) -> GateVerdict:
    """A new process that loads the bundle gives the same probabilities of the same rows."""
    here, reloaded_scores = evidence.probed.reloaded_scores
    if here.shape != reloaded_scores.shape or not np.isfinite(reloaded_scores).all():
        why = f"{len(here)} rows were scored here, and {int(np.isfinite(reloaded_scores).all(axis=1).sum())} in a new process"
        return GateVerdict(NAME, "fail", why, {"rows": len(here)})
    apart = float(np.abs(here - reloaded_scores).max())
    outcome, shown = ("pass", "the same") if apart <= NEXT_TO_NOTHING else ("fail", "other")
    why = f"a new process gives {shown} probabilities of {len(here):,} rows (at most {apart:.1e} apart)"
    return GateVerdict(NAME, "pass" if outcome == "pass" else "fail", why, {"rows": len(here), "apart": apart})


gate = Gate(NAME, check, tries=True)
