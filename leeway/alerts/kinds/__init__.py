"""The kinds of alerts. A new one is one class, one line in the list, and its runbook in `docs/runbooks`."""

from leeway.alerts.kinds.failed_run import FailedRun
from leeway.alerts.kinds.incident import Incident
from leeway.alerts.kinds.kind import AlertKind, Happening, Past, Severity
from leeway.alerts.kinds.nights import MissingNight, RejectedDelivery
from leeway.alerts.kinds.promotions import Promotion, Refusal
from leeway.alerts.kinds.retrains import FailedRetrain, HeldRequest
from leeway.alerts.kinds.verdicts import Alert, Breach, DataFault, Watching

KINDS: tuple[AlertKind, ...] = (
    Breach(),
    Alert(),
    DataFault(),
    Watching(),
    RejectedDelivery(),
    MissingNight(),
    HeldRequest(),
    FailedRetrain(),
    Promotion(),
    Refusal(),
    Incident(),  # after those that it is made of
    FailedRun(),
)

__all__ = ["KINDS", "AlertKind", "Happening", "Past", "Severity"]
