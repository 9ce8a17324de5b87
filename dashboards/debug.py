"""Why: two windows of nights beside each other."""

from typing import Any, Literal

import altair as alt
import pandas as pd
import streamlit as st

from dashboards import _shared as shared
from dashboards._shared import ONE, TWO
from leeway.monitoring import outcomes
from leeway.monitoring.outcomes import ConfusionCounts, Outcome
from leeway.views import debug
from leeway.views.debug import Comparison
from leeway.views.roster import RosterEntry
from leeway.views.words import NONE, number, percent, points, share_of

DRAWN, LISTED, WORST = 6, 15, 10


@shared.guarded
def page() -> None:
    """What moved between two ranges of nights, and what that did."""
    known = shared.classifier()
    if known is None:
        return
    nights = debug.nights(known.name)
    if not nights:
        shared.nothing(
            "No night has been scored yet.", "`leeway train` makes a champion; its first night is shown here."
        )
        return
    versions = list(dict.fromkeys(str(version) for _, version in reversed(nights)))
    version = shared.choose("Scored by version", versions, "version", _asked_version(nights))
    keys = [key for key, by in nights if by == int(version)]
    one, two = _windows(keys, outcomes.newest(known.name))
    found = debug.compare_windows(known, one, two, int(version))
    st.caption(f"First window: {_nights(found.one.nights)}. Second window: {_nights(found.two.nights)}.")
    _columns(found)
    left, right = st.columns(2)
    with left:
        _scores(found)
    with right:
        _calibration(found)
    _confusion(found)
    _slices(found)
    _worst(known, found)
    _beside(found)


def _asked_version(nights: list[tuple[str, int]]) -> str | None:
    """That of the night which the address asks for."""
    asked = st.query_params.get("night")
    return next((str(version) for key, version in reversed(nights) if key == asked), None)


def _windows(keys: list[str], mature: str | None) -> tuple[tuple[str, str], tuple[str, str]]:
    """Two ranges of nights, kept in the address."""
    one, two = debug.usual_windows(keys, mature, st.query_params.get("night"))
    defaults = {"a": one[0], "b": one[1], "c": two[0], "d": two[1]}
    labels = {"a": "First window from", "b": "to", "c": "Second window from", "d": "to "}
    chosen = {}
    for place, name in zip(st.columns(4), defaults, strict=True):
        with place:
            chosen[name] = shared.choose(labels[name], keys, name, defaults[name])
    return (chosen["a"], chosen["b"]), (chosen["c"], chosen["d"])


def _nights(count: int) -> str:
    return "1 night" if count == 1 else f"{count} nights"


def _columns(found: Comparison) -> None:
    st.subheader("Columns by impact", anchor=False)
    if not found.columns:
        shared.nothing("One of the windows has no events.", "Choose other nights.")
        return
    shared.table(
        ("Column", "Impact", "Distance", "Missing"),
        [
            (
                item.column,
                points(item.impact).removesuffix(" points"),
                f"{item.distance:.3f}",
                shared.lines(dict.fromkeys(percent(share, 1) for share in item.missing)),
            )
            for item in found.columns[:LISTED]
        ],
        numbers=("Impact", "Distance", "Missing"),
        cards=False,
    )
    st.caption(
        "Impact: points by which the column's change alone moves the mean score. Distance: Hellinger's, from 0, equal, to 1, "
        "disjoint. Missing: in the first window, and below it in the second where that differs."
    )
    drawn = [item for item in found.columns if item.bars][:DRAWN]
    places = st.columns(2)
    for at, item in enumerate(drawn):
        with places[at % 2]:
            st.markdown(f"**{shared.plain(item.column)}**")
            st.altair_chart(_bars(item.bars), width="stretch")
    hidden = [item.column for item in found.columns if not item.bars]
    if hidden:
        st.caption(f"Not drawn, for they are sensitive: {shared.plain(', '.join(hidden))}")


def _bars(bars: tuple[tuple[str, float, float], ...], *, scale: Literal["linear", "sqrt"] = "linear") -> Any:
    rows = [
        {"value": name, "window": window, "share": share}
        for name, one, two in bars
        for window, share in (("first", one), ("second", two))
    ]
    return (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar()
        .encode(
            y=alt.Y(
                "value:N", sort=[bar[0] for bar in bars], title=None, axis=alt.Axis(labelLimit=140, labelOverlap=False)
            ),
            yOffset="window:N",
            x=alt.X("share:Q", title="share of events", axis=alt.Axis(format="~%"), scale=alt.Scale(type=scale)),
            color=_colour(),
            tooltip=["value:N", "window:N", alt.Tooltip("share:Q", format=".2%")],
        )
        .properties(height=110 + 30 * len(bars))
    )


def _scores(found: Comparison) -> None:
    st.subheader("Scores", anchor=False)
    if found.scores:
        st.altair_chart(_bars(found.scores, scale="sqrt"), width="stretch")
        st.caption("By probability, of events whose label is mature. The axis is stretched where shares are small.")
    else:
        shared.nothing("No label is mature yet in these windows.", "Choose earlier nights.")


def _calibration(found: Comparison) -> None:
    st.subheader("Calibration", anchor=False)
    rows = [
        {"window": name, "probability": p, "share": share, "events": rows}
        for name, outcome in (("first", found.one.outcome), ("second", found.two.outcome))
        if outcome
        for p, share, rows in debug.calibration(outcome.all)
    ]
    if not rows:
        shared.nothing("No label is mature yet in these windows.", "Choose earlier nights.")
        return
    diagonal = alt.Chart(pd.DataFrame({"probability": [0, 1], "share": [0, 1]})).mark_line(
        strokeDash=[4, 4], color="gray"
    )
    points_ = (
        alt.Chart(pd.DataFrame(rows))
        .mark_line(point=alt.OverlayMarkDef(size=50))
        .encode(
            color=_colour(),
            strokeDash=alt.StrokeDash("window:N", legend=None),
            tooltip=[
                "window:N",
                alt.Tooltip("probability:Q", format=".2%"),
                alt.Tooltip("share:Q", format=".2%"),
                "events:Q",
            ],
        )
    )
    chart = alt.layer(diagonal, points_).encode(
        x=alt.X("probability:Q", title="mean probability", axis=alt.Axis(format="%")),
        y=alt.Y("share:Q", title="share that came true", axis=alt.Axis(format="%")),
    )
    st.altair_chart(chart.properties(height=370), width="stretch")


def _confusion(found: Comparison) -> None:
    st.subheader("Decisions at the threshold", anchor=False)
    kept = [(name, window.outcome) for name, window in (("first", found.one), ("second", found.two)) if window.outcome]
    if not kept:
        shared.nothing("No label is mature yet in these windows.", "Choose earlier nights.")
        return
    shared.table(DECISIONS, [_decisions(name, outcome) for name, outcome in kept], numbers=DECISIONS[1:])


DECISIONS = (
    "Window",
    "Flagged, rightly",
    "Flagged, wrongly",
    "Missed",
    "Rightly not flagged",
    "Precision",
    "Recall",
    "Calibration error",
)


def _decisions(name: str, outcome: Outcome) -> tuple[str, ...]:
    counts = outcome.all
    rest = counts.rows - counts.predicted_positive - counts.positives + counts.true_positives
    figures = (
        counts.true_positives,
        counts.predicted_positive - counts.true_positives,
        counts.positives - counts.true_positives,
        rest,
    )
    quality = (
        share_of(counts.true_positives, counts.predicted_positive),
        share_of(counts.true_positives, counts.positives),
    )
    return (name, *(number(figure) for figure in figures), *quality, percent(counts.calibration_error, 1))


def _slices(found: Comparison) -> None:
    st.subheader("Slices", anchor=False)
    kept = debug.slices(found.one.outcome, found.two.outcome)[:LISTED]
    if not kept:
        shared.nothing(
            "No category can be shown.",
            "Slices are by categories that are not sensitive, of nights with mature labels.",
        )
        return
    shared.table(
        ("Where", "Events", "Wrong, first", "Wrong, second", "Recall, first", "Recall, second"),
        [
            (
                f"{item.column} = {item.value}",
                number(item.two.rows),
                _wrong(item.one),
                _wrong(item.two),
                percent(item.one.recall),
                percent(item.two.recall),
            )
            for item in kept
        ],
        numbers=("Events", "Wrong, first", "Wrong, second", "Recall, first", "Recall, second"),
    )
    st.caption("Those with most wrong decisions in the second window. Events: of the second window.")


def _wrong(counts: ConfusionCounts) -> str:
    return f"{debug.wrong(counts):,} ({percent(debug.wrong(counts) / counts.rows, 1)})" if counts.rows else NONE


def _worst(known: RosterEntry, found: Comparison) -> None:
    st.subheader("Worst misjudged", anchor=False)
    worst = found.two.outcome.worst[:WORST] if found.two.outcome else []
    if not worst:
        shared.nothing("None in the second window.", "Rows are told once their labels are mature.")
        return
    shared.table(
        ("Event", "Night", "Was", "Called", "Probability of what it was", "What misled most"),
        [
            (
                row.event,
                row.partition,
                row.label,
                row.decision,
                percent(row.score, 1),
                shared.lines([debug.reason(item) for item in row.reasons] or ["nothing alone"]),
            )
            for row in worst
        ],
        numbers=("Probability of what it was",),
    )
    st.caption(
        "What misled: how the odds of what it was would change were this column as it usually is. Sensitive values are hidden."
    )


def _beside(found: Comparison) -> None:
    st.subheader("Beside the champion before", anchor=False)
    both = [
        (name, window.outcome, window.before)
        for name, window in (("first", found.one), ("second", found.two))
        if window.outcome and window.before
    ]
    if not both:
        shared.nothing(
            "There is none to compare with.", "A second champion is held against the first on the same events."
        )
        return
    rows = [_decisions(f"{name}: version {o.version}", o) for name, *pair in both for o in pair]
    shared.table(DECISIONS, rows, numbers=DECISIONS[1:])


def _colour() -> alt.Color:
    return alt.Color(
        "window:N",
        title=None,
        scale=alt.Scale(domain=["first", "second"], range=[ONE, TWO]),
        legend=alt.Legend(orient="top"),
    )
