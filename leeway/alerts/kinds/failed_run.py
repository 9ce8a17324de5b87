"""Runs that failed."""

from collections.abc import Sequence
from datetime import datetime

from leeway.alerts.kinds.kind import AlertKind, Happening
from leeway.views import links, runs

REJECTED = "delivery-rejected"  # which the ledger tells


class FailedRunAlert(AlertKind):
    """A run of Prefect's server, where there is one."""

    name = "failed run"
    severity = "page"
    runbook = "unexpected-error"
    to_do = "Read the error; run it again once it is mended."

    def among(self, found: Sequence[Happening], now: datetime) -> list[Happening]:
        """What was found, then the runs."""
        failed = [
            Happening(
                f"failed run:{run.name}",
                self,
                None,
                f"the run {run.name} {run.state}",
                run.at,
                run.error,
                run.link or links.page("on_call"),
                runbook=run.runbook,
            )
            for run in runs.failed(now) or []
            if run.runbook != REJECTED
        ]
        return [*found, *failed]
