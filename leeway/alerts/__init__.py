"""What people are told of: found in what is stored, so that nothing is lost with an event, and told once each."""

from leeway.alerts.telling import Told, anyone, lately, look, try_all, waiting

__all__ = ["Told", "anyone", "lately", "look", "try_all", "waiting"]
