"""Every classifier as one row. Red is only where a person must do something."""

from datetime import datetime

import streamlit as st

from dashboards import _shared as shared
from dashboards._shared import Cell
from leeway.views import overview, roster
from leeway.views.overview import Row
from leeway.views.words import NONE, ago, number, percent, share_of

HEADS = (
    "Classifier",
    "What to do",
    "Last night",
    "Champion",
    "Precision",
    "Recall",
    "Calibration error",
    "Alarms this year",
    "Next run",
)


@shared.guarded
def page() -> None:
    """The classifiers, those first that someone must look at."""
    now = roster.present()
    rows = overview.rows(now)
    if not rows:
        shared.nothing(
            "There is no classifier yet.",
            "Declare one: `leeway new NAME TABLE --label COLUMN` writes it from a table; `leeway demo` shows a whole life.",
        )
        return
    waiting = sum(row.mark == "act" for row in rows)
    st.markdown(
        f"**{waiting} of {len(rows)}** {'classifier waits' if len(rows) == 1 else 'classifiers wait'} for a person."
        if waiting
        else "**Nothing waits for a person.**"
    )
    shared.table(HEADS, [_cells(row, now) for row in rows])
    st.caption(
        "Precision and recall: of the four weeks whose labels are mature, with 95 % intervals. Calibration error: how far "
        "probabilities lie from what came true, on average. Alarms: in the last year, of those that the budget allows."
    )


def _cells(row: Row, moment: datetime) -> list[Cell]:
    to_do: list[Cell] = [shared.act(text) for text in row.waits] or [shared.dim("nothing")]
    counts = row.outcome.all if row.outcome else None
    night, champion = row.night, row.champion
    return [
        shared.link(row.name, "owner", classifier=row.name),
        shared.lines([*to_do, shared.link("on call", "on_call", classifier=row.name)]) if row.waits else to_do[0],
        shared.lines(
            [
                shared.link(
                    f"{night.verdict} · {night.partition}", "reports", classifier=row.name, night=night.partition
                ),
                shared.dim(night.why),
            ]
        )
        if night
        else "no night yet",
        shared.lines(
            [
                shared.link(f"version {champion.version}", "versions", classifier=row.name),
                shared.dim(f"learnt as of {champion.as_of:%Y-%m-%d}, {ago(champion.as_of, moment)}"),
            ]
        )
        if champion
        else "none yet",
        share_of(counts.true_positives, counts.predicted_positive) if counts else NONE,
        share_of(counts.true_positives, counts.positives) if counts else NONE,
        percent(counts.calibration_error, 1) if counts else NONE,
        f"{row.alarms} of {number(row.budget)}" if row.budget is not None else NONE,
        ago(row.next_run, moment) if row.next_run else NONE,
    ]
