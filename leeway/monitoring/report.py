"""The night's HTML report.

It is one file that opens without a network: the verdict in words and the columns by impact, then Evidently's own sections on a
bounded sample. Sensitive columns are not in it. No other module knows Evidently.
"""

import html
import math
import warnings
from pathlib import Path

import pandas as pd

from leeway.core import charts
from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.detection.alarm_limits import Alarm
from leeway.detection.channels import MEAN
from leeway.detection.monitor import ColumnDrift, Finding
from leeway.model.bundle import Bundle
from leeway.monitoring import label_sections
from leeway.monitoring.recent_nights import RecentNights
from leeway.store import storage
from leeway.training.reference_data import SAMPLE_ROWS

SHOWN_COLUMNS = 8
LESS_THAN = "\uff1c"  # the full-width sign: it looks alike, and begins no tag
EVERY_VERDICT = {
    "quiet": ("#1b7f4b", "Nothing to do."),
    "drift": ("#1b7f4b", "Nothing to do: the data moved, but the scores still fit the labels."),
    "suspect": ("#9a6700", "Nothing yet: wait for the next partitions."),
    "watching": ("#9a6700", "Look at it: the reference is too short for an automatic retrain."),
    "data fault": ("#b3261e", "Look at the source. No model is trained on this data."),
    "alert": (
        "#9a6700",
        "Look at what moved, first at its source. No retrain starts: labels will show whether the scores still fit.",
    ),
    "breach": ("#b3261e", "A retrain has been requested. See its state with leeway status."),
}


def path_of(name: str, partition: Partition) -> Path:
    """Return the path of a partition's report."""
    return storage.place("reports", name, f"{partition.key}.html")


def write(
    classifier: Classifier,
    partition: Partition,
    bundle: Bundle,
    finding: Finding,
    history: RecentNights,
    x: pd.DataFrame,
    version: int,
) -> Path:
    """Write the report of a partition.

    Args:
        history: the last nights, this one included.
        x: the partition's features as `model_input` makes them, with its scores.
    """
    path = path_of(classifier.name, partition)
    shown = [drift.column for drift in finding.columns if not classifier.is_sensitive(drift.column)]
    own = _summary(classifier, partition, finding, history, version, shown, bundle)
    drawn = [name for name in shown if name in bundle.sample.columns][:SHOWN_COLUMNS]  # texts are not
    columns = [*_moved_scores(bundle, finding), *drawn]
    with storage.replacing(path, f"writing the report of {classifier.name} {partition}") as beside:
        page = _evidently(bundle, x, columns) if len(x) else _EMPTY
        beside.write_text(
            _with_summary(page, own, f"{classifier.name} {partition}: {finding.verdict}"), encoding="utf-8"
        )
    return path


def _evidently(bundle: Bundle, x: pd.DataFrame, columns: list[str]) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import ValueDrift

        reference = bundle.sample
        current = x[columns].sample(min(len(x), SAMPLE_ROWS), random_state=bundle.card.seed)
        # A column without any value on one side would fail the whole report.
        shared = [name for name in columns if reference[name].notna().any() and current[name].notna().any()]
        categories = [name for name in shared if bundle.card.features.get(name) == "categorical"]
        definition = DataDefinition(
            numerical_columns=[_as_text(name) for name in shared if name not in categories],
            categorical_columns=[_as_text(name) for name in categories],
        )
        frames = (_harmless(frame[shared], categories) for frame in (current, reference))
        datasets = [Dataset.from_pandas(frame, data_definition=definition) for frame in frames]
        drifts = [ValueDrift(column=_as_text(name)) for name in shared]
        return str(Report(drifts).run(*datasets).get_html_str(as_iframe=False))


def _harmless(rows: pd.DataFrame, categories: list[str]) -> pd.DataFrame:
    """Rows whose names and categories cannot leave the script that Evidently writes them into, unescaped."""
    plain = {name: rows[name].map(_as_text, na_action="ignore") for name in categories}
    return rows.assign(**plain).rename(columns=_as_text)


def _as_text(value: object) -> object:
    return value.replace("<", LESS_THAN) if isinstance(value, str) else value


def _moved_scores(bundle: Bundle, finding: Finding) -> list[str]:
    """Return the score columns whose means moved most."""
    moved = _moved(bundle, finding)
    order = sorted(range(len(moved)), key=lambda k: -moved[k])
    return [bundle.outputs.score_columns[k] for k in order[:SHOWN_COLUMNS]]


def _moved(bundle: Bundle, finding: Finding) -> list[float]:
    means = bundle.reference.score_means
    return [abs(finding.score_means.get(name, mean) - mean) for name, mean in means.items()]


def _with_summary(page: str, summary: str, title: str) -> str:
    """Add a title and the summary to Evidently's page."""
    page = page.replace("<head>", f"<head><title>{html.escape(title)}</title>", 1)
    head, body, rest = page.partition("<body>")
    return f"{head}{body}\n{summary}\n{rest}" if body else f"{summary}\n{page}"


def _summary(
    classifier: Classifier,
    partition: Partition,
    finding: Finding,
    history: RecentNights,
    version: int,
    shown: list[str],
    bundle: Bundle,
) -> str:
    colour, to_do = EVERY_VERDICT[finding.verdict]
    known = [item for _, item in sorted(history.realised.items()) if item.version == version]
    facts = f"{finding.rows:,} events, mean score {finding.score_mean:.2%}, version {version}"
    return f"""<meta name="viewport" content="width=device-width, initial-scale=1"><section style="{_STYLE}">
<p style="margin:0;color:#57606a">{html.escape(classifier.name)} · {partition} · {facts}</p>
<h1 style="margin:.2em 0;color:{colour}">{finding.verdict.capitalize()}</h1>
<p style="font-size:1.1em;margin:.2em 0">{html.escape(finding.why[:1].upper() + finding.why[1:])}.</p>
<p style="font-size:1.1em;margin:.2em 0"><strong>What to do:</strong> {html.escape(to_do)}</p>
<p style="color:#57606a;margin:.6em 0">{html.escape(_budget(bundle.reference.alarm.under(classifier.drift)))}</p>
{_courses(history)}{_columns(finding, history, shown)}{_classes(bundle, finding)}
{label_sections.performance(history, bundle, known)}{label_sections.calibrated(bundle, known)}
{label_sections.sliced(bundle, known)}{label_sections.to_come(history.arrived, classifier.partition)}</section>"""


def _budget(alarm: Alarm) -> str:
    """Return in words what the alarm limit achieves."""
    if not math.isfinite(alarm.limit):
        return f"{alarm.partitions} reference partitions are too few to know what is normal: there are no alarms yet."
    beyond = f"an alarm needs {alarm.limit:.1f} times the usual spread"
    if alarm.rate is None or alarm.often is None:
        few = f"{alarm.partitions} reference partitions are too few to draw others from"
        return f"{beyond.capitalize()}, by Student's quantile: {few}. There is no automatic retrain yet."
    smallest, texts = (
        alarm.detectable(),
        {"impact": "the mean score moves by", "residual": "labels differ from the scores by"},
    )
    of_means = [(item.family, smallest[k]) for k, item in enumerate(alarm.channels) if item.direction == MEAN]
    finds = " or when ".join(
        f"{text} {100 * min(found):.1f} points"
        for family, text in texts.items()
        if (found := [change for of_family, change in of_means if of_family == family])
    )
    return (
        f"{alarm.rate:.1f} false alarms a year are expected (at most {alarm.often:.1f} with most such references), and "
        f"{alarm.policy.alarms_per_year:g} are allowed: {beyond}. More often than not, it finds within "
        f"{alarm.policy.confirm} partitions when {finds}."
    )


def _courses(history: RecentNights) -> str:
    nights = history.nights
    if len(nights) < 2:
        return ""  # one night has no course
    keys = [night.partition for night in nights]
    marks = [None if night.verdict in ("quiet", "drift") else EVERY_VERDICT[night.verdict][0] for night in nights]
    scores = charts.course(
        keys, [("mean score", charts.INK, [night.score_mean for night in nights])], marks=marks, title="Scores"
    )
    known = [night for night in nights if night.mature is not None]
    labels = charts.course(
        [night.mature or "" for night in known],
        [
            ("known labels", charts.INK, [night.rate for night in known]),
            ("expected by scores", charts.PALE, [night.expected for night in known]),
        ],
        title="Labels",
    )
    return scores + labels


def _columns(finding: Finding, history: RecentNights, shown: list[str]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(drift.column)}</td><td>{drift.impact:+.2%}{_of(drift.of_class)}</td>"
        f"<td>{charts.spark(history.impacts.get(drift.column, []))}</td><td>{drift.distance:.3f}</td>"
        f"<td>{_spreads(drift, finding)}</td><td>{drift.null_share:.1%}</td></tr>"
        for drift in finding.columns
        if drift.column in shown
    )
    limit = finding.limits.get("distance")
    unusual = (
        f"the limit for all columns together is {limit:.1f}"
        if limit is not None
        else "there are too few of them yet for a limit, so no column counts as drift"
    )
    return f"""<details style="margin-top:1em" open><summary>Columns by impact on the mean score</summary>
<div style="overflow-x:auto"><table style="border-collapse:collapse;margin-top:.5em" cellpadding="6">
<thead style="text-align:left"><tr><th>column</th><th>impact</th><th>last weeks</th><th>distance</th><th>spreads</th>
<th>missing</th></tr></thead><tbody>{rows}</tbody></table></div>
<p style="color:#57606a">Impact: how far the column's new distribution alone moves the mean score, in percentage points.
Distance: Hellinger's, 0 to 1. Spreads: how unusual that distance is among the reference's own partitions;
{unusual}.</p></details>"""


def _spreads(drift: ColumnDrift, finding: Finding) -> str:
    return f"{drift.standardised:+.1f}" if finding.limits.get("distance") is not None else "–"


def _of(name: str | None) -> str:
    return "" if name is None else f" of {html.escape(name)}"


def _classes(bundle: Bundle, finding: Finding) -> str:
    """Return the table of classes, most moved first.

    It is empty where there is one class.
    """
    if not finding.score_means:
        return ""
    reference = bundle.reference
    moved = dict(zip(reference.classes, _moved(bundle, finding), strict=True))
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{finding.score_means[name]:.2%}</td><td>{reference.score_means[name]:.2%}</td>"
        f"<td>{'yes' if name in reference.watched else 'too few rows'}</td></tr>"
        for name in sorted(moved, key=lambda name: -moved[name])
    )
    return f"""<details style="margin-top:1em" open><summary>Classes by how far their mean probability moved</summary>
<table style="border-collapse:collapse;margin-top:.5em" cellpadding="6"><thead style="text-align:left"><tr>
<th>class</th><th>mean probability</th><th>in the reference</th><th>compared with labels</th></tr></thead>
<tbody>{rows}</tbody></table></details>"""


_EMPTY = '<!doctype html><html lang="en"><head><meta charset="utf-8"></head><body></body></html>'
_STYLE = (
    "font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:1.5em auto;padding:0 1em;color:#1f2328;background:#fff"
)
