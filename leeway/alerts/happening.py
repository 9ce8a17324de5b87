"""A happening that people are told of, and which kinds there are."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Severity = Literal["page", "ticket"]  # one cannot wait, the other can
Name = Literal[
    "breach",
    "alert",
    "data fault",
    "watching",
    "incident",
    "rejected delivery",
    "missing night",
    "failed run",
    "failed retrain",
    "held request",
    "promotion",
    "refusal",
]


@dataclass(frozen=True)
class AlertKind:
    """How bad a kind of happening is, and which page of `docs/runbooks` says what to do."""

    severity: Severity
    runbook: str
    to_do: str


KINDS: dict[Name, AlertKind] = {
    "breach": AlertKind("ticket", "breach", "Nothing, if a retrain was requested; see what became of it."),
    "alert": AlertKind("ticket", "alert", "Look at what moved, first at its source."),
    "data fault": AlertKind("ticket", "data-fault", "Look at the source: nothing is learnt from these rows."),
    "watching": AlertKind("ticket", "watching", "Look, or train: the reference is too short to act by itself."),
    "incident": AlertKind("page", "incident", "Look for what the classifiers share: a source, a machine, a release."),
    "rejected delivery": AlertKind(
        "page", "delivery-rejected", "Mend the source or the suite; the next night tries again."
    ),
    "missing night": AlertKind(
        "page", "missing-night", "See whether the platform runs; it makes up for missed nights."
    ),
    "failed run": AlertKind("page", "unexpected-error", "Read the error; run it again once it is mended."),
    "failed retrain": AlertKind("page", "failed-retrain", "Read why; ask for it again with `leeway retrain`."),
    "held request": AlertKind(
        "ticket", "held-request", "Approve or reject it, on the page On call or at the command line."
    ),
    "promotion": AlertKind("ticket", "promotion", "Nothing; a roll-back is one press of a button."),
    "refusal": AlertKind("ticket", "refusal", "Nothing: the champion stays. Read the gates' evidence if it goes on."),
}


@dataclass(frozen=True)
class Happening:
    """One thing that happened.

    Attributes:
        key: the same however often it is seen; so it is told once.
        what, how_bad: in words.
        where: an address to look at, where one is served.
        rows: on how many it was found; None where it is not about rows.
        part_of: the key of the incident that it belongs to.
    """

    key: str
    kind: Name
    classifier: str | None
    what: str
    since: datetime
    how_bad: str
    where: str | None = None
    rows: int | None = None
    runbook: str = ""
    part_of: str | None = None

    @property
    def severity(self) -> Severity:
        """Whether it can wait."""
        return KINDS[self.kind].severity

    @property
    def page(self) -> str:
        """Its runbook."""
        return self.runbook or KINDS[self.kind].runbook
