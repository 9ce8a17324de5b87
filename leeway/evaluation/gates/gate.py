"""What a gate is, and how a challenger is examined."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
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
    """What the gates may look at: the holdout, which neither bundle has learnt from.

    Attributes:
        outputs: what the columns of the labels and probabilities are of.
        y: labels, shape (n, K).
        challenger: probabilities, shape (n, K).
        champion: the champion's probabilities on the same rows, of the same classes; None when there is none yet.
        partitions: each row's partition; where events have no time, one of some blocks by lot.
        metrics: the challenger's summary.
        fair: rows that the champion has not learnt from either.
        called: the challenger's decisions, shape (n, K).
        columns: the features of these rows, and the other columns that the gates' declarations name.
        probe: what is found out only by doing.
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

    @property
    def probed(self) -> Probe:
        """What is found out only by doing.

        Raises:
            LookupError: nothing was tried.
        """
        if self.probe is None:
            raise LookupError("nothing was tried out")
        return self.probe

    @property
    def worse(self) -> Floats:
        """By how much each row's log loss is higher than the champion's, which there must be; shape (n,)."""
        assert self.champion is not None
        exclusive = self.outputs.exclusive
        mine, its = (log_losses(self.y, p, exclusive=exclusive) for p in (self.challenger, self.champion))
        return mine - its

    @property
    def nights(self) -> npt.NDArray[np.intp]:
        """Each row's partition, as a number."""
        return np.unique(self.partitions, return_inverse=True)[1]


@dataclass(frozen=True)
class Gate:
    """A named check.

    Attributes:
        tries: whether it looks at what is found out only by doing, which takes seconds.
    """

    name: str
    check: Callable[[Evidence], GateVerdict]
    tries: bool = False


def examine(
    gates: Iterable[Gate], evidence: Evidence, progress: Callable[[str], None] = lambda text: None
) -> list[GateVerdict]:
    """Ask every gate. A gate that crashes has no evidence, and no evidence is a no.

    Args:
        progress: told of each gate before it is asked.
    """
    verdicts = []
    for gate in gates:
        progress(f"gate: {gate.name}")
        verdicts.append(_ask(gate, evidence))
    return verdicts


def _ask(gate: Gate, evidence: Evidence) -> GateVerdict:
    if not len(evidence.y):
        return GateVerdict(gate.name, "fail", "there is no row in the holdout to judge by")
    try:
        verdict = gate.check(evidence)
        json.dumps(asdict(verdict), allow_nan=False)  # evidence that cannot be written down is none
        return verdict
    except Exception as error:  # the gate fails closed, whatever broke it
        log.warning("the gate %r itself failed", gate.name, exc_info=True)
        return GateVerdict(gate.name, "fail", f"the gate itself failed: {type(error).__name__}: {error}")
