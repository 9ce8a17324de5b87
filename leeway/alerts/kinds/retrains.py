"""Requests to retrain that need a person."""

from collections.abc import Iterator
from datetime import datetime

from leeway.alerts.kinds.kind import AlertKind, Happening, LastDays
from leeway.lifecycle.retraining import Request
from leeway.views import links


class HeldRequestAlert(AlertKind):
    """One that waits for a person."""

    name = "held request"
    severity = "ticket"
    runbook = "held-request"
    to_do = "Approve or reject it, on the page On call or at the command line."
    lasts = True

    def found(self, past: LastDays) -> Iterator[Happening]:
        """For as long as it waits."""
        for request in past.requests:
            if request.state == "held":
                yield Happening(
                    f"held request:{request.key}",
                    self,
                    past.name,
                    f"the retrain {request.key} waits for a person",
                    _since(request),
                    request.reason,
                    links.page("on_call", classifier=past.name),
                )


class FailedRetrainAlert(AlertKind):
    """One of which nothing came."""

    name = "failed retrain"
    severity = "page"
    runbook = "failed-retrain"
    to_do = "Read why; ask for it again with `leeway retrain`."

    def found(self, past: LastDays) -> Iterator[Happening]:
        """Those of the last days."""
        for request in past.requests:
            if request.state == "failed" and _since(request) >= past.now - past.since:
                yield Happening(
                    f"failed retrain:{request.key}",
                    self,
                    past.name,
                    f"the retrain {request.key} failed",
                    _since(request),
                    request.history[-1]["why"],
                    links.page("on_call", classifier=past.name),
                )


def _since(request: Request) -> datetime:
    return datetime.fromisoformat(request.history[-1]["at"])
