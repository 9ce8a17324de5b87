"""A night in words, for Prefect's pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from leeway.core.outputs import describe
from leeway.ingest.publication import Published
from leeway.lifecycle.retraining import Request
from leeway.monitoring.night import Monitored
from leeway.scoring.batch_scoring import ScoredPartition
from leeway.scoring.lineage import LineageStep


@dataclass(frozen=True)
class RunSummary:
    """The result of a night.

    Attributes:
        scored, monitored: None while there is no champion.
        waits_for: why there is no champion yet.
        caught_up: earlier partitions that had been missed, each with its result.
        late: earlier partitions with rows that arrived or changed since, each with its result.
        retrained: the retrain request that the night carried out, or handed to the platform; None where there was none.
        retrain_failed: why the retrain failed.
    """

    partition: str
    ingested: Published
    scored: ScoredPartition | None
    monitored: Monitored | None
    waits_for: str | None = None
    caught_up: Mapping[str, str] = field(default_factory=dict)
    late: Mapping[str, str] = field(default_factory=dict)
    retrained: Request | None = None
    retrain_failed: str | None = None


def in_words(
    classifier: str, night: RunSummary, link: str | None, page: str | None = None, lineage: Sequence[LineageStep] = ()
) -> str:
    """Return the summary as Markdown.

    Args:
        link: the report's address for a browser.
        page: the night's address on the dashboards.
        lineage: the steps that led to its predictions.
    """
    ingested, scored, monitored = night.ingested, night.scored, night.monitored
    lines = [f"# {classifier} {night.partition}", ""]
    if monitored is not None:
        lines += [f"**{monitored.verdict.capitalize()}**: {_cell(monitored.why)}", ""]
        lines += [f"[Open the report]({link})" if link else f"The report: `{monitored.report}`", ""]
    if page is not None:
        lines += [f"[See it on the dashboards]({page})", ""]
    if night.waits_for is not None:
        lines += [f"**No champion yet**: {_cell(night.waits_for)}", ""]
    if lineage:
        lines += [f"From: {' → '.join(_cell(str(step)) for step in lineage)}", ""]
    rows = [("events", f"{ingested.rows}"), ("quarantined", f"{ingested.quarantined}")]
    if scored is not None:
        rows += [("flagged", describe(scored.positives)), ("by version", f"{scored.version}")]
    if monitored is not None and monitored.request is not None:
        rows.append(("retrain request", f"{monitored.request}: {monitored.request_state}"))
    if night.retrained is not None:
        version = f", version {night.retrained.version}" if night.retrained.version else ""
        rows.append(("retrain", f"{night.retrained.key}: {night.retrained.state}{version}"))
    if night.retrain_failed is not None:
        rows.append(("the retrain failed", _cell(night.retrain_failed)))
    rows += [(f"caught up on {key}", _cell(outcome)) for key, outcome in night.caught_up.items()]
    rows += [(f"late rows of {key}", _cell(outcome)) for key, outcome in night.late.items()]
    return "\n".join(
        [*lines, f"| | {night.partition} |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    )


def _cell(text: str) -> str:
    """Escape text for a Markdown table."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")
