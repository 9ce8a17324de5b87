"""The kinds of alerts. A new one is one class, one line in the list, and its runbook in `docs/runbooks`."""

from leeway.alerts.kinds.failed_run import FailedRunAlert
from leeway.alerts.kinds.incident import IncidentAlert
from leeway.alerts.kinds.kind import AlertKind, Happening, LastDays, Severity
from leeway.alerts.kinds.nights import MissingNightAlert, RejectedDeliveryAlert
from leeway.alerts.kinds.promotions import PromotionAlert, RefusalAlert
from leeway.alerts.kinds.retrains import FailedRetrainAlert, HeldRequestAlert
from leeway.alerts.kinds.verdicts import BreachAlert, DataFaultAlert, DriftAlert, WatchingAlert

KINDS: tuple[AlertKind, ...] = (
    BreachAlert(),
    DriftAlert(),
    DataFaultAlert(),
    WatchingAlert(),
    RejectedDeliveryAlert(),
    MissingNightAlert(),
    HeldRequestAlert(),
    FailedRetrainAlert(),
    PromotionAlert(),
    RefusalAlert(),
    IncidentAlert(),  # after those that it is made of
    FailedRunAlert(),
)

__all__ = ["KINDS", "AlertKind", "Happening", "LastDays", "Severity"]
