"""The challenger's bundle is not too large."""

from leeway.evaluation.gates.gate import Evidence, Gate
from leeway.lifecycle.verdict import GateVerdict

NAME = "size"


def check(evidence: Evidence) -> GateVerdict:
    """The files of the bundle take no more room than the definition allows."""
    limit = evidence.classifier.gates.megabytes
    if limit is None:
        return GateVerdict(NAME, "not applicable", "the definition sets no limit")
    size = evidence.probed.megabytes
    why = f"{size:.2f} MB (limit {limit:g})"
    return GateVerdict(NAME, "pass" if size <= limit else "fail", why, {"megabytes": size, "limit": limit})


gate = Gate(NAME, check, tries=True)
