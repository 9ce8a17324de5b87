"""The demo's timeline: every night and the scripted changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leeway.cli import output

if TYPE_CHECKING:
    from leeway.definition.partitions import Partition
    from leeway.lifecycle.retraining import Request
    from leeway.views.run_summary import RunSummary

NAME = "payments"
TOLD = {
    "PriceRise": "prices rise and channels change: harmless",
    "CorruptDelivery": "the export is broken",
    "NewFraudPattern": "a new fraud pattern",
}

WAITS = {
    "waiting": "breach: a retrain waits until enough is known of what changed",
    "suppressed": "breach goes on; no second retrain beside the first",
}


@dataclass(frozen=True)
class Line:
    """One night of the timeline.

    `positives` and `true_positives` are 0 where labels are not mature or nothing was published.
    """

    night: str
    rows: int | None
    quarantined: int | None
    verdict: str
    champion: int | None
    positives: int
    true_positives: int
    retrained: str | None
    what: str


@dataclass(frozen=True)
class Timeline:
    """The result of the demo.

    Attributes:
        as_told: whether it went as planned: the harmless shift without a retrain, the corrupt delivery stopped, the
            harmful change answered by a promotion that brings recall back.
    """

    folder: str
    first_champion: str
    nights: list[Line]
    recall_before: float
    recall_harmed: float
    recall_after: float
    as_told: bool

    def say(self) -> None:
        """Print the timeline for a person."""
        rows = [
            (line.night, line.rows, line.quarantined, line.verdict, line.champion, _percent([line]), line.what)
            for line in self.nights
        ]
        columns = ("night", "rows", "quarantined", "verdict", "champion", "recall", "what happened")
        output.table("The life of a classifier: is this card payment fraud?", columns, rows)
        print("recall: the share of the frauds that were caught; disputes take time, so harm is seen a week late")
        print(f"first champion, on its holdout: {self.first_champion}")
        print(
            f"recall before the harmful change {self.recall_before:.0%}, while it did harm {self.recall_harmed:.0%}, "
            f"after the promotion {self.recall_after:.0%}"
        )
        print("\nLook further:")
        print(f"  export LEEWAY_HOME={self.folder}")
        print(f"  leeway status {NAME}        the ledger, the verdicts, the retrain requests")
        print(f"  leeway versions {NAME}      who became champion, who did not, and why")
        print(f"  leeway report {NAME}        the last night's report, to open in a browser")
        print(f"  leeway quarantine {NAME}    rows that broke a rule")
        print(f"  export LEEWAY_PAGES_AT={self.nights[-1].night}T23:59:59Z    the time that the pages show")
        print("  leeway up                     all pages, until Ctrl-C")


def tell(home: Path, first: str, nights: "Sequence[Partition]", lived: "Mapping[str, RunSummary | str]") -> Timeline:
    """Build the timeline.

    Args:
        first: how the first champion did on its holdout.
        lived: what each night did, or why its delivery was rejected.
    """
    changes = _changes()
    corrupt, harm = changes["CorruptDelivery"], changes["NewFraudPattern"]
    happened = {day: TOLD[change] for change, day in changes.items()}
    lines = [_line(night, lived[night.key], happened.get(night.key, ""), nights[-1]) for night in nights]
    promoted = [line.night for line in lines if line.retrained == "promoted"] or ["~"]
    before = [line for line in lines if line.night < harm]
    harmed = [line for line in lines if harm <= line.night <= promoted[0]]
    after = [line for line in lines if line.night > promoted[-1]]
    was, fell, came_back = (_recall(part) or 0.0 for part in (before, harmed, after))
    calm = all(line.retrained is None for line in before)
    stopped = [line.night for line in lines if line.verdict == "rejected"] == [corrupt]
    as_told = calm and stopped and fell < was and came_back > (was + fell) / 2
    return Timeline(str(home), first, lines, was, fell, came_back, as_told)


def _line(night: "Partition", happened: "RunSummary | str", what: str, last: "Partition") -> Line:
    from leeway.definition import catalog
    from leeway.monitoring.performance import realised

    if isinstance(happened, str):
        return Line(night.key, None, None, "rejected", None, 0, 0, None, f"{what}; nothing was published")
    assert happened.scored is not None and happened.monitored is not None  # noqa: PT018 the history gave it a champion
    result = realised(catalog.load(NAME), night, happened.scored.version, as_of=last.end)
    waits = WAITS.get(happened.monitored.request_state or "", "")
    texts = (what, waits, happened.retrain_failed, _retrained(happened.retrained))
    return Line(
        night=night.key,
        rows=happened.ingested.rows,
        quarantined=happened.ingested.quarantined,
        verdict=happened.monitored.verdict,
        champion=happened.scored.version,
        positives=result.positives if result else 0,
        true_positives=result.true_positives if result else 0,
        retrained=happened.retrained.state if happened.retrained else None,
        what="; ".join(text for text in texts if text),
    )


def _changes() -> dict[str, str]:
    """Return the day of each scripted change."""
    from leeway.definition import Simulator, catalog
    from leeway.ingest.simulators.payments import Payments

    source = catalog.load(NAME).source
    assert isinstance(source, Simulator)
    assert isinstance(source.stream, Payments)
    return {type(change).__name__: change.on.isoformat() for change in source.stream.changes}


def _retrained(request: "Request | None") -> str:
    if request is None:
        return ""
    outcome = "promoted" if request.state == "promoted" else "not better, champion kept"
    return f"breach: retrained, version {request.version} {outcome}"


def _recall(lines: Sequence[Line]) -> float | None:
    positives = sum(line.positives for line in lines)
    return sum(line.true_positives for line in lines) / positives if positives else None


def _percent(lines: Sequence[Line]) -> str:
    recall = _recall(lines)
    return "" if recall is None else f"{recall:.0%}"
