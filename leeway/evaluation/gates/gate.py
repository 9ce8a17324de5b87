"""The gate, its evidence, and the examination."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from leeway.core.logs import logger
from leeway.core.metrics import Bools, Floats, log_losses
from leeway.core.outputs import Outputs
from leeway.definition import Classifier
from leeway.evaluation.gates.probe import Probe
from leeway.lifecycle.verdict import GateVerdict

log = logger(__name__)


@dataclass(frozen=True)
class Evidence:
    """The evidence for the gates, from the holdout.

    The challenger has not learnt from these rows; `fair` marks those that the champion has not seen either.

    Attributes:
        outputs: what the columns of the labels and probabilities stand for.
        y: labels, shape (n, K).
        challenger: probabilities, shape (n, K).
        champion: the champion's probabilities of the same rows and classes; None when there is none yet.
        partitions: each row's partition; a random block where events have no time.
        fair: rows that the champion has not seen.
        metrics: the challenger's summary.
        decided: the challenger's decisions, shape (n, K).
        columns: the features of these rows, and the other columns that the gates' declarations name.
        probe: measurements that refit, reload or time the challenger.
        filled_later: by column, why its values seem to have been filled in after the event.
    """

    classifier: Classifier
    outputs: Outputs
    y: Bools
    challenger: Floats
    champion: Floats | None
    partitions: npt.NDArray[np.str_]
    fair: Bools
    metrics: dict[str, Any]
    decided: Bools | None = None
    columns: pd.DataFrame | None = None
    probe: Probe | None = None
    filled_later: Mapping[str, str] = field(default_factory=dict)

    @property
    def probed(self) -> Probe:
        """The probe.

        Raises:
            LookupError: the evidence has none.
        """
        if self.probe is None:
            raise LookupError("the evidence has no probe")
        return self.probe

    @property
    def worse(self) -> Floats:
        """The rows' log loss above the champion's, shape (n,).

        There must be a champion.
        """
        assert self.champion is not None
        exclusive = self.outputs.exclusive
        mine, its = (log_losses(self.y, p, exclusive=exclusive) for p in (self.challenger, self.champion))
        return mine - its

    @property
    def nights(self) -> npt.NDArray[np.intp]:
        """Each row's partition as a number."""
        return np.unique(self.partitions, return_inverse=True)[1]


@dataclass(frozen=True)
class Gate:
    """A named check.

    Attributes:
        tries: whether it needs the probe, which takes seconds.
    """

    name: str
    check: Callable[[Evidence], GateVerdict]
    tries: bool = False


def examine(
    gates: Iterable[Gate], evidence: Evidence, progress: Callable[[str], None] = lambda text: None
) -> list[GateVerdict]:
    """Run every gate.

    A gate that crashes fails: it has no evidence.

    Args:
        progress: called with each gate's name before it runs.
    """
    verdicts = []
    for gate in gates:
        progress(f"gate: {gate.name}")
        verdicts.append(_ask(gate, evidence))
    return verdicts


def _ask(gate: Gate, evidence: Evidence) -> GateVerdict:
    if not len(evidence.y):
        return GateVerdict(gate.name, "fail", "the holdout has no rows")
    try:
        verdict = gate.check(evidence)
        json.dumps(asdict(verdict), allow_nan=False)  # evidence that cannot be stored counts as none
        return verdict
    except Exception as error:  # the gate fails closed on any error
        log.warning("the gate %r itself failed", gate.name, exc_info=True)
        return GateVerdict(gate.name, "fail", f"the gate itself failed: {type(error).__name__}: {error}")
