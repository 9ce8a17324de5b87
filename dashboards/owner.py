"""Whether a classifier earns its keep."""

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from dashboards import _shared as shared
from dashboards._shared import ONE, THIRD, TWO
from leeway.monitoring.outcomes import interval
from leeway.views import owner
from leeway.views.owner import Course, Week
from leeway.views.words import NONE, number, percent, share_of

HEIGHT = 240


@shared.guarded
def page() -> None:
    """What the decisions of one classifier were worth, week by week."""
    known = shared.classifier()
    if known is None:
        return
    course = owner.course(known)
    if course.total is None:
        shared.nothing(
            "No label is mature yet.",
            "As soon as the labels of a night are, this page holds its decisions against them.",
        )
        return
    _figures(course)
    weeks = course.weeks
    if course.unit is None:
        shared.nothing(
            "Nobody has said what decisions are worth.",
            'Give the definition `costs=Costs(false_positive=…, false_negative=…, unit="€")`, and this page counts in it.',
        )
    else:
        st.subheader(f"Saved each week, in {shared.plain(course.unit)}", anchor=False)
        st.caption(
            "What the decisions cost less than to call nothing (no model), and than those of the champion before would have."
        )
        _show(_bars(weeks), course)
    st.subheader("Precision and recall", anchor=False)
    st.caption(
        "By week of the events; the band is the 95 % interval. Dashed: a promotion, where the new version began to decide."
    )
    _show(_quality(weeks), course)
    st.subheader("Decisions", anchor=False)
    st.caption(
        "On an average day of each week; and the share that was flagged, with what share of those the label overruled."
    )
    left, right = st.columns(2)
    with left:
        _show(_daily(weeks), course)
    with right:
        _show(_flagged(weeks), course)
    if course.total.sent:
        st.subheader("Sent to people", anchor=False)
        st.caption(
            "The share of events that the definition's review sends to a person, and of those whose label is known by now, "
            "the share where it overruled the decision."
        )
        _show(_shares(_reviewed(weeks), ["sent to people", "of those, overruled"]), course)


def _figures(course: Course) -> None:
    assert course.total is not None
    counts = course.total.all
    unit = f" {course.unit}" if course.unit else ""
    saved = number(course.saved) + unit if course.saved is not None else NONE
    before = number(course.saved_before) + unit if course.saved_before is not None else NONE
    with st.container(horizontal=True):
        st.metric("Saved, against no model", saved, help=f"over {len(course.weeks)} weeks whose labels are mature")
        st.metric(
            "Saved, against the champion before",
            before,
            help=f"on the same events, since {course.since}"
            if course.since
            else "there was none, or its labels are not mature",
        )
        st.metric("Decisions a day", number(round(course.weeks[-1].daily)), help="in the last of these weeks")
        st.metric(
            "Precision", percent(counts.precision), help=share_of(counts.true_positives, counts.predicted_positive)
        )
        st.metric("Recall", percent(counts.recall), help=share_of(counts.true_positives, counts.positives))


def _bars(weeks: tuple[Week, ...]) -> Any:
    rows = [
        {**_within(week, *place), "week": f"{week.start}", "against": against, "saved": value}
        for week in weeks
        for against, value, place in (
            ("no model", week.saved, (0.5, 3.4)),
            ("the champion before", week.saved_before, (3.6, 6.5)),
        )
        if value is not None
    ]
    return (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar()
        .encode(
            x=_time("from"),
            x2="to:T",
            y=alt.Y("saved:Q", title=None, axis=alt.Axis(format="~s")),
            y2=alt.datum(0),
            color=_colour("against", ["no model", "the champion before"], [ONE, TWO]),
            tooltip=["week:N", "against:N", alt.Tooltip("saved:Q", format=",.0f")],
        )
    )


def _quality(weeks: tuple[Week, ...]) -> Any:
    rows = []
    for week in weeks:
        counts = week.outcome.all
        for name, of in (("precision", counts.predicted_positive), ("recall", counts.positives)):
            found = interval(counts.true_positives, of)
            if found is not None:
                share = {"of": name, "share": counts.true_positives / of, "low": found[0], "high": found[1]}
                rows.append({**_within(week, 3.5, 3.5), "week": f"{week.start}", **share})
    base = alt.Chart(pd.DataFrame(rows)).encode(
        x=_time("from"), color=_colour("of", ["precision", "recall"], [ONE, TWO])
    )
    share_axis = alt.Y("share:Q", title=None, axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]))
    shown = [alt.Tooltip(f"{name}:Q", format=".1%") for name in ("share", "low", "high")]
    return alt.layer(
        base.mark_area(opacity=0.18).encode(y=alt.Y("low:Q", title=None), y2="high:Q"),
        base.mark_line(point=True).encode(
            y=share_axis, strokeDash=alt.StrokeDash("of:N", legend=None), tooltip=["week:N", "of:N", *shown]
        ),
    )


def _daily(weeks: tuple[Week, ...]) -> Any:
    rows = [{**_within(week, 0.5, 6.5), "week": f"{week.start}", "decisions": week.daily} for week in weeks]
    return (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar(color=ONE)
        .encode(
            x=_time("from"),
            x2="to:T",
            y=alt.Y("decisions:Q", title="decisions a day", axis=alt.Axis(format="~s")),
            y2=alt.datum(0),
            tooltip=["week:N", alt.Tooltip("decisions:Q", format=",.0f")],
        )
    )


def _flagged(weeks: tuple[Week, ...]) -> Any:
    rows: list[dict[str, Any]] = []
    for week in weeks:
        counts = week.outcome.all
        rows += _share(week, "flagged", counts.predicted_positive, counts.rows)
        rows += _share(
            week, "of those, overruled", counts.predicted_positive - counts.true_positives, counts.predicted_positive
        )
    return _shares(rows, ["flagged", "of those, overruled"])


def _reviewed(weeks: tuple[Week, ...]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for week in weeks:
        rows += _share(week, "sent to people", week.outcome.sent, week.outcome.decided)
        rows += _share(week, "of those, overruled", week.outcome.overruled, week.outcome.answered)
    return rows


def _share(week: Week, what: str, part: int, of: int) -> list[dict[str, Any]]:
    return [{**_within(week, 3.5, 3.5), "week": f"{week.start}", "of": what, "share": part / of}] if of else []


def _shares(rows: list[dict[str, Any]], names: list[str]) -> Any:
    return (
        alt.Chart(pd.DataFrame(rows))
        .mark_line(point=True)
        .encode(
            x=_time("from"),
            y=alt.Y("share:Q", title="share", axis=alt.Axis(format="%")),
            color=_colour("of", names, [THIRD, TWO]),
            strokeDash=alt.StrokeDash("of:N", legend=None),
            tooltip=["week:N", "of:N", alt.Tooltip("share:Q", format=".1%")],
        )
    )


def _show(chart: Any, course: Course) -> None:
    marks = [
        {"from": pd.Timestamp(item.as_of.date()), "version": f"v{item.version}"}
        for item in course.promotions
        if course.weeks and course.weeks[0].start <= item.as_of.date()
    ]
    layers: list[Any] = [chart]
    if marks:
        base = alt.Chart(pd.DataFrame(marks)).encode(x="from:T")
        layers += [
            base.mark_rule(strokeDash=[4, 4], color="gray"),
            base.mark_text(align="left", dx=3, baseline="bottom", color="gray").encode(
                y=alt.value(-1), text="version:N"
            ),
        ]
    st.altair_chart(alt.layer(*layers).properties(height=HEIGHT), width="stretch")


def _within(week: Week, begin: float, end: float) -> dict[str, Any]:
    """From one day of a week to another."""
    start = pd.Timestamp(week.start)
    return {"from": start + pd.Timedelta(days=begin), "to": start + pd.Timedelta(days=end)}


def _time(name: str) -> alt.X:
    return alt.X(f"{name}:T", title=None, axis=alt.Axis(format="%d %b", tickCount=8, labelOverlap=True))


def _colour(name: str, domain: list[str], colours: list[str]) -> alt.Color:
    legend = alt.Legend(orient="top", symbolOpacity=1, symbolType="square")
    return alt.Color(f"{name}:N", title=None, scale=alt.Scale(domain=domain, range=colours), legend=legend)
