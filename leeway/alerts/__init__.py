"""What people are told of: found in what is stored, so that nothing is lost with an event, and told once each."""

from leeway.alerts.notify_once import anyone, look, try_all, waiting
from leeway.alerts.recent import AlertStatus, recent_alerts

__all__ = ["AlertStatus", "anyone", "look", "recent_alerts", "try_all", "waiting"]
