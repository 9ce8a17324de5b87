"""Gates: one check a file that a challenger must pass. To add one, write its file and name it in `GATES`."""

from leeway.gates import better_than_champion, calibration, floors
from leeway.gates.gate import Evidence, Gate, Verdict, admitted, examine

GATES: tuple[Gate, ...] = (floors.gate, calibration.gate, better_than_champion.gate)

__all__ = ["GATES", "Evidence", "Gate", "Verdict", "admitted", "examine"]
