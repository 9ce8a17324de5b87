"""Promotion gates, one file for each check.

To add a gate, write its file and name it in `GATES`.
"""

from leeway.evaluation.gates import (
    baselines,
    better_than_champion,
    calibration,
    compiled,
    fairness,
    floors,
    latency,
    leakage,
    parity,
    size,
    slices,
    stability,
)
from leeway.evaluation.gates.gate import Evidence, Gate, examine
from leeway.evaluation.gates.probe import CompiledProof, Probe, Seeds, SingleFeature

GATES: tuple[Gate, ...] = (
    floors.gate,
    calibration.gate,
    better_than_champion.gate,
    baselines.gate,
    slices.gate,
    fairness.gate,
    leakage.gate,
    stability.gate,
    parity.gate,
    compiled.gate,
    latency.gate,
    size.gate,
)

__all__ = [
    "GATES",
    "CompiledProof",
    "Evidence",
    "Gate",
    "Probe",
    "Seeds",
    "SingleFeature",
    "examine",
]
