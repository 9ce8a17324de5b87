"""The curves of a model card, as SVG.

Each needs no other file, and comes with a description in words.
"""

import html
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from leeway.core import charts
from leeway.core.charts import EDGE, INK, PALE
from leeway.core.metrics import Bools, Floats

SIZE, POINTS, GROUPS = 240, 120, 10
BAR = 18  # pixels of a line of bars


def roc(y: Bools, p: Floats) -> tuple[Markup, str]:
    """Draw the true over the false positive rate."""
    false, true, _ = roc_curve(y, p)
    return _curve(false, true, "ROC curve", diagonal=True), f"Area {roc_auc_score(y, p):.3f}; dashed: chance."


def precision_recall(y: Bools, p: Floats, decided: Bools | None) -> tuple[Markup, str]:
    """Draw precision over recall, and mark the decisions."""
    precision, recall, _ = precision_recall_curve(y, p)
    mark = (
        (float(y[decided].sum() / y.sum()), float(y[decided].mean())) if decided is not None and decided.any() else None
    )
    at = f"; of the decisions: precision {mark[1]:.3f}, recall {mark[0]:.3f}" if mark else ""
    return _curve(recall, precision, "Precision over recall", mark=mark), f"Positive events: {y.mean():.1%}{at}."


def reliability(y: Bools, p: Floats) -> tuple[Markup, str]:
    """Draw the observed share over the predicted probability.

    Groups have equally many events.
    """
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, GROUPS) if len(part)]
    points = [(len(part), float(p[part].mean()), float(y[part].mean())) for part in parts]
    furthest = max(points, key=lambda point: abs(point[1] - point[2]))
    words = f"Largest difference: {furthest[1]:.1%} predicted, {furthest[2]:.1%} observed, of {furthest[0]:,} events."
    return Markup(charts.reliability(points, title="Share over score")), words  # noqa: S704 -- ours, without other text


def steps(names: Sequence[str], values: Sequence[float]) -> tuple[Markup, str]:
    """Draw a bar for each bin of a column.

    Bars below the mean go left, bars above it right.
    """
    most = max((abs(value) for value in values), default=0.0) or 1.0
    bars = []
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        y, half = place * BAR, 100 * value / most
        left = 300 + min(0.0, half)
        title = html.escape(f"{name}: {value:+.2%}")
        bars.append(
            f'<text x="190" y="{y + 13}" font-size="11" text-anchor="end">{html.escape(name[:28])}</text>'
            f'<rect x="{left:.1f}" y="{y + 3}" width="{abs(half):.1f}" height="{BAR - 6}" fill="{INK}">'
            f"<title>{title}</title></rect>"
        )
    height = BAR * max(1, len(names))
    drawn = (
        f'<svg viewBox="0 0 420 {height}" role="img" style="width:100%;max-width:420px;background:#f6f8fa">'
        f'<line x1="300" x2="300" y1="0" y2="{height}" stroke="{PALE}"/>{"".join(bars)}</svg>'
    )
    low, high = min(values, default=0.0), max(values, default=0.0)
    return Markup(drawn), f"From {low:+.2%} to {high:+.2%} around the mean; other columns keep their values."  # noqa: S704 -- escaped


def _curve(
    x: Floats, y: Floats, title: str, *, diagonal: bool = False, mark: tuple[float, float] | None = None
) -> Markup:
    keep = np.unique(np.linspace(0, len(x) - 1, min(POINTS, len(x))).round().astype(int))
    points = " ".join(f"{_at(a):.1f},{SIZE - _at(b):.1f}" for a, b in zip(x[keep], y[keep], strict=True))
    line = (
        f'<polyline points="{_at(0)},{SIZE - _at(0)} {_at(1)},{SIZE - _at(1)}" stroke="{PALE}" stroke-dasharray="4"/>'
    )
    dot = f'<circle cx="{_at(mark[0]):.1f}" cy="{SIZE - _at(mark[1]):.1f}" r="5" fill="{INK}"/>' if mark else ""
    return Markup(  # noqa: S704 -- numbers, and a title of ours
        f'<svg viewBox="0 0 {SIZE} {SIZE}" role="img" aria-label="{title}" style="width:100%;max-width:{SIZE * 1.4:.0f}px;'
        f'background:#f6f8fa">{line if diagonal else ""}<polyline fill="none" stroke="{INK}" stroke-width="2" '
        f'points="{points}"/>{dot}</svg>'
    )


def _at(value: float) -> float:
    return EDGE + (SIZE - 2 * EDGE) * float(value)
