"""Who is champion, and who was refused."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from leeway.alerts.kinds.kind import AlertKind, Happening, LastDays
from leeway.lifecycle import registry
from leeway.views import links


class DecisionKind(AlertKind):
    """An alert by what was decided of a version; it is found without a definition, too.

    Attributes:
        verbs: the outcomes that it is about, each in words.
    """

    severity = "ticket"
    verbs: ClassVar[Mapping[str, str]]

    def found(self, past: LastDays) -> Iterator[Happening]:
        """Those of the last days, the newest first."""
        for item in registry.history(past.name):
            # Of a past that was lived through afterwards, as the demo's, the time as of which it was decided is when.
            at = item.created_at if item.created_at <= past.now else item.as_of
            if at < past.now - past.since:
                return
            if item.outcome not in self.verbs:
                continue
            why = "; ".join(f"{gate['gate']}: {gate['why']}" for gate in item.evidence if gate["outcome"] == "fail")
            yield Happening(
                f"{self.name}:{past.name}:{item.version}:{item.created_at:%Y%m%d%H%M%S%f}",
                self,
                past.name,
                f"version {item.version} of {past.name} {self.verbs[item.outcome]}",
                at,
                why or item.reason,
                links.page("versions", classifier=past.name),
            )


class PromotionAlert(DecisionKind):
    """A champion."""

    name = "promotion"
    runbook = "promotion"
    to_do = "Nothing; a roll-back is one press of a button."
    verbs: ClassVar[Mapping[str, str]] = {"promoted": "is champion", "rolled_back": "is champion again"}


class RefusalAlert(DecisionKind):
    """A challenger that the gates refused."""

    name = "refusal"
    runbook = "refusal"
    to_do = "Nothing: the champion stays. Read the gates' evidence if it goes on."
    verbs: ClassVar[Mapping[str, str]] = {"refused": "was refused"}
