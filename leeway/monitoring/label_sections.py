"""The report's sections about labels.

They show performance, calibration, slices, and the labels still to come.
"""

import html
from collections.abc import Sequence

from leeway.core import charts
from leeway.definition import Grain
from leeway.detection.estimated import telling
from leeway.detection.maturity import Arrived
from leeway.detection.performance_metrics import METRICS, SHARES, WORDS, PerformanceMetric
from leeway.model.bundle import Bundle
from leeway.monitoring import score_calibration
from leeway.monitoring.realised import RealisedPartition
from leeway.monitoring.recent_nights import RecentNights
from leeway.monitoring.score_calibration import CategorySlice

SHOWN_CLASSES, SHOWN_SLICES, SHOWN_COLUMNS = 8, 8, 6
GREY, RED = "#57606a", "#b3261e"


def performance(history: RecentNights, bundle: Bundle, known: Sequence[RealisedPartition]) -> str:
    """Return the section of estimated and realised performance.

    Args:
        known: the realised performance of partitions that the night's version scored, oldest first.
    """
    usual, estimates = bundle.reference.usual, history.nights[-1].estimated
    if usual is None:
        return ""
    last = known[-1] if known else None
    rows = "".join(
        f"<tr><td>{WORDS[name]}</td><td>{_estimated(name, estimates)}</td>"
        f"<td>{_value(name, last.metrics.get(name) if last else None)}</td><td>{_value(name, constant)}</td></tr>"
        for name, constant in zip(METRICS, usual.constant.tolist(), strict=True)
    )
    off = "".join(f'<p style="color:{GREY};margin:.3em 0">{html.escape(text)}</p>' for text in _why_off(estimates))
    courses = "".join(_course(name, history) for name in METRICS)
    return _section(
        "Performance, as estimated and by labels",
        f"{_table(('', 'estimated', 'by labels', 'reference'), rows)}{off}"
        '<div style="display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20em),1fr));gap:0 1.5em">'
        f"{courses}</div>"
        + _note(
            (f"By labels: of {last.partition}, the last that are known. " if last else "")
            + "Estimated: what labels would show if they depend on the columns as before, with bounds that hold 95 times "
            "of 100. An estimate cannot see a change of that relation, and it never starts a retrain."
        ),
    )


def calibrated(bundle: Bundle, known: Sequence[RealisedPartition]) -> str:
    """Return the section of calibration."""
    found = score_calibration.off(bundle.reference, bundle.outputs.score_columns, known)
    if not found:
        return ""
    worst, several = found[0], len(bundle.reference.watched) > 1
    of_class = f" of {html.escape(worst.of_class)}" if several else ""
    bounds = " (too few partitions for an interval)"
    if worst.low is not None and worst.high is not None:
        bounds = f" ({100 * worst.low:.1f} to {100 * worst.high:.1f})"
    rows = "".join(
        f"<tr><td>{html.escape(item.of_class)}</td><td>{100 * item.error:.1f} points</td></tr>"
        for item in found[:SHOWN_CLASSES]
    )
    return _section(
        "Calibration",
        f"<p>By {worst.labels:,} labels of {worst.partitions} partitions, scores{of_class} are off by "
        f"<strong>{100 * worst.error:.1f} points</strong>{bounds}, root mean square, without sampling noise.</p>"
        + charts.reliability(worst.curve, title=f"Share of labels by score{f' of {worst.of_class}' if several else ''}")
        + (_table(("class", "off by"), rows) if several else ""),
    )


def sliced(bundle: Bundle, known: Sequence[RealisedPartition]) -> str:
    """Return the section of slices.

    They are values of the categories that scores depend on most.
    """
    grouped = set(known[-1].groups) if known else set()
    columns = [name for name in telling(bundle.reference) if name in grouped][:SHOWN_COLUMNS]
    found = score_calibration.slices(bundle.reference, columns, known)[:SHOWN_SLICES]
    if not found:
        return ""
    several = len(bundle.reference.watched) > 1
    rows = "".join(
        f"<tr><td>{html.escape(_of_slice(item, several))}</td><td>{item.rows:,}</td><td>{item.rate:.1%}</td>"
        f"<td>{item.score:.1%}</td><td>{100 * item.apart:+.1f} ± {100 * score_calibration.SPREADS * item.chance:.1f}</td>"
        f"<td>{charts.sparks([(charts.INK, item.rates), (charts.PALE, item.scores)])}</td></tr>"
        for item in found
    )
    return _section(
        "Slices where labels and scores differ most",
        _table(
            (
                "rows with",
                "labels",
                "in class" if several else "positive",
                "mean score",
                "difference in points",
                "last weeks",
            ),
            rows,
        )
        + _note(
            f"Values of {', '.join(html.escape(name) for name in columns)}, sorted by the difference that the labels' "
            f"sampling noise (±) cannot explain. "
            f'Last weeks: <span style="color:{charts.INK}">labels</span> and '
            f'<span style="color:{charts.PALE}">scores</span>.'
        ),
    )


def to_come(arrived: Sequence[Arrived], grain: Grain) -> str:
    """Return the section of labels still to come."""
    younger = [item for item in arrived if item.age is not None]
    events, missing = sum(item.events for item in younger), sum(item.events - item.labels for item in younger)
    if not events:
        return ""
    rows = "".join(
        f"<tr><td>{item.partition}</td><td>{_age(item.age, grain)}</td><td>{item.events:,}</td><td>{_bar(item)}</td>"
        f"<td>{'–' if item.usual is None else f'{item.usual:.0%}'}</td></tr>"
        for item in reversed(arrived)
    )
    return _section(
        f"Labels still to come: {missing:,} of {events:,}",
        _table((grain.noun, "age", "events", "labels known", "usual"), rows)
        + _note(
            "Labels count at one age only, the same as in the reference. Labels that are known earlier wait until then."
        ),
    )


def _course(name: PerformanceMetric, history: RecentNights) -> str:
    nights = {night.partition: night.estimated for night in history.nights}
    keys = sorted({*nights, *(key for key in history.realised if key >= history.nights[0].partition)})
    estimates = [
        nights[key]["metrics"].get(name)
        if "metrics" in nights.get(key, {}) and name not in nights[key].get("off", {})
        else None
        for key in keys
    ]
    known = [history.realised[key].metrics.get(name) if key in history.realised else None for key in keys]
    said, low, high = ([None if item is None else item[place] for item in estimates] for place in range(3))
    lines = [("by labels", charts.INK, known), ("estimated", charts.PALE, said)]
    shown = "{:.1%}" if name in SHARES else "{:.3f}"
    return charts.course(keys, lines, band=(low, high), shown=shown, title=WORDS[name][0].upper() + WORDS[name][1:])


def _estimated(name: PerformanceMetric, estimates: dict[str, dict[str, list[float]]]) -> str:
    if name not in estimates.get("metrics", {}) or name in estimates.get("off", {}):
        return "–"
    value, low, high = estimates["metrics"][name]
    bounds = [_value(name, bound).removesuffix("%") for bound in (low, high)]
    return f"<strong>{_value(name, value)}</strong> ({bounds[0]} to {bounds[1]})"


def _why_off(estimates: dict[str, dict[str, str]]) -> list[str]:
    """Return why metrics are not estimated, by reason."""
    if "why" in estimates:
        return [f"Not estimated: {estimates['why']}."]
    together: dict[str, list[str]] = {}
    for name, reason in estimates.get("off", {}).items():
        together.setdefault(reason, []).append(WORDS[name])
    return [f"Switched off for {', '.join(names)}: {reason}." for reason, names in together.items()]


def _value(name: PerformanceMetric, value: float | None) -> str:
    if value is None or value != value:  # NaN
        return "–"
    return f"{value:.1%}" if name in SHARES else f"{value:.3f}"


def _of_slice(item: CategorySlice, several: bool) -> str:
    return f"{item.column} = {item.value}" + (f", for {item.of_class}" if several else "")


def _age(age: int | None, grain: Grain) -> str:
    return "counts now" if age is None else grain.count(age)


def _bar(item: Arrived) -> str:
    colour = RED if item.late else charts.INK
    late = f' <strong style="color:{RED}">late</strong>' if item.late else ""
    return (
        f'<span style="display:inline-block;width:5em;height:.6em;background:#d0d7de"><span style="display:block;'
        f'height:100%;width:{min(1.0, item.share):.0%};background:{colour}"></span></span> {item.share:.0%}{late}'
    )


def _section(title: str, inner: str) -> str:
    return f'<details style="margin-top:1em" open><summary>{html.escape(title)}</summary>{inner}</details>'


def _table(heads: Sequence[str], rows: str) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in heads)
    style = "border-collapse:collapse;margin-top:.5em;white-space:nowrap"
    return (
        f'<div style="overflow-x:auto"><table style="{style}" cellpadding="6">'
        f'<thead style="text-align:left"><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _note(text: str) -> str:
    return f'<p style="color:{GREY}">{text}</p>'
