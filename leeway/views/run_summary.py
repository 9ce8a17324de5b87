"""A night in words, for those who look at it in Prefect's pages."""

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
    """What a night did.

    Attributes:
        scored, monitored: None while there is no champion.
        waits_for: why there is none yet.
        caught_up: earlier partitions that had been missed, each with what became of it.
        late: earlier partitions that rows have arrived for since, and what came of each.
        retrained: the retrain request that it carried out, or handed to the platform, if there was one.
        retrain_failed: why that did not end well.
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
    """What happened, as Markdown.

    Args:
        link: where a browser finds the report.
        page: where it finds the night on the dashboards.
        lineage: what its predictions come from.
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
    rows += [(f"made up for {key}", _cell(outcome)) for key, outcome in night.caught_up.items()]
    rows += [(f"late rows of {key}", _cell(outcome)) for key, outcome in night.late.items()]
    return "\n".join(
        [*lines, f"| | {night.partition} |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows)]
    )


def _cell(text: str) -> str:
    """Text that a Markdown table and a page leave as it is."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")
