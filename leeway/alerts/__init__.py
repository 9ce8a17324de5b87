"""What people are told of: found in what is stored, so that nothing is lost with an event, and told once each."""

from leeway.alerts.notify_once import AlertStatus, anyone, lately, look, try_all, waiting

__all__ = ["AlertStatus", "anyone", "lately", "look", "try_all", "waiting"]
