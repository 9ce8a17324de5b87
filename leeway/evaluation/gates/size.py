"""Gate: the bundle is small enough."""

from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "size"


def check(evidence: Evidence) -> GateVerdict:
    """Compare the bundle's size with the definition's limit."""
    limit = evidence.classifier.gates.megabytes
    if limit is None:
        return GateVerdict(NAME, "not applicable", "the definition sets no limit")
    size = evidence.probed.megabytes
    why = f"{size:.2f} MB (limit {limit:g})"
    return GateVerdict(NAME, "pass" if size <= limit else "fail", why, {"megabytes": size, "limit": limit})


gate = Gate(NAME, check, tries=True)
