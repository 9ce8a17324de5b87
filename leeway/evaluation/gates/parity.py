"""Gate: a new process gives the same scores."""

import numpy as np

from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "parity"
NEXT_TO_NOTHING = 1e-9


def check(evidence: Evidence) -> GateVerdict:
    """Compare scores with those of a new process.

    The new process loads the bundle from its files.
    """
    here, reloaded_scores = evidence.probed.reloaded_scores
    if here.shape != reloaded_scores.shape or not np.isfinite(reloaded_scores).all():
        why = f"{len(here)} rows were scored here, and {int(np.isfinite(reloaded_scores).all(axis=1).sum())} in a new process"
        return GateVerdict(NAME, "fail", why, {"rows": len(here)})
    difference = float(np.abs(here - reloaded_scores).max())
    same = difference <= NEXT_TO_NOTHING
    shown = "the same" if same else "different"
    why = f"a new process gives {shown} probabilities of {len(here):,} rows (largest difference {difference:.1e})"
    return GateVerdict(NAME, "pass" if same else "fail", why, {"rows": len(here), "apart": difference})


gate = Gate(NAME, check, tries=True)
