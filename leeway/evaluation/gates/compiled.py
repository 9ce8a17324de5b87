"""Gate: the compiled bundle gives the same scores."""

from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "compiled"
NEXT_TO_NOTHING = 1e-12  # sums of another order


def check(evidence: Evidence) -> GateVerdict:
    """Compare scores with those of the compiled bundle, of held-out rows and hostile ones.

    It refuses nobody: where they differ, the bundle itself answers, more slowly.
    """
    found = evidence.probed.compiled
    if found is None:
        return GateVerdict(
            NAME, "not applicable", "a part of the model is none of Leeway's own: the bundle itself answers, slowly"
        )
    numbers = {"rows": found.rows, "apart": found.apart, "microseconds": found.microseconds}
    if found.apart > NEXT_TO_NOTHING or found.other_decisions:
        why = f"{found.other_decisions} of {found.rows:,} rows are decided otherwise (largest difference {found.apart:.1e})"
        return GateVerdict(NAME, "not applicable", f"{why}: the bundle itself answers, slowly", numbers)
    why = f"the same probabilities of {found.rows:,} rows, in {found.microseconds / 1000:.3g} ms each"
    return GateVerdict(NAME, "pass", f"{why} (largest difference {found.apart:.1e})", numbers)


gate = Gate(NAME, check, tries=True)
