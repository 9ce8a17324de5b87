"""What whoever is on call needs at three in the morning: what was done, what waits, what failed, and what to do."""

import html
from datetime import datetime

import streamlit as st

from dashboards import _shared as shared
from dashboards._shared import COLOURS, Cell, Markup
from leeway import alerts
from leeway.alerts import muting
from leeway.core.errors import NotFound
from leeway.definition import Classifier
from leeway.lifecycle import retraining
from leeway.lifecycle.retraining import Request
from leeway.store.ledger import STAGES
from leeway.views import links, on_call, overview, roster, runs
from leeway.views.on_call import Day
from leeway.views.roster import RosterEntry
from leeway.views.words import NONE, ago, moment, number, percent, span

SIGNS = {"done": "✓", "alarm": "▲", "late": "!", "failed": "✕", "quarantined": "q", "stale": "~", "none": "·"}
MEANS = {
    "done": "done",
    "alarm": "done, and it found an alert or a breach",
    "late": "late: was due, is not done",
    "failed": "failed or rejected",
    "quarantined": "set aside: many rows in quarantine, or a night with a data fault",
    "stale": "stale: what it worked from has changed",
    "none": "not done, not due",
}


@shared.guarded
def page() -> None:
    """The ledger, what waits for a person, what happened, and which runs failed."""
    known, now = shared.classifier(), roster.present()
    if known is None:
        return
    _waiting(known, now)
    if known.definition is not None:
        _ledger(known.definition, now)
        _labels(known.definition)
    _happened(known, now)
    _failed(now)


def _waiting(known: RosterEntry, now: datetime) -> None:
    """What a person must do, and the requests that are held."""
    st.subheader("Waits for a person", anchor=False)
    if (hold := on_call.held_back(known.name)) is not None:
        st.info(
            f"{shared.plain(hold)}. `leeway release {known.name} --reason …` lets it go on.", icon=":material/info:"
        )
    if said := st.session_state.pop("settled", None):
        st.success(shared.plain(said), icon=":material/check:")
    row = overview.row(known, now)
    if not row.waits:
        st.markdown("Nothing.")
        return
    shared.table(("What to do",), [(shared.act(text),) for text in row.waits], cards=False)
    held = [request for request in retraining.all_of(known.name) if request.state == "held"]
    if not held:
        return
    may = shared.may_act()
    who = shared.actor() if may else ""
    for request in held:
        _held(request, may, who)


def _held(request: Request, may: bool, who: str) -> None:
    with st.container(border=True):
        st.markdown(
            f"**Retrain {shared.plain(request.key)}** as of {moment(request.as_of)}: {shared.plain(request.reason)}"
        )
        with st.container(horizontal=True):
            yes = st.button("Approve", key=f"approve {request.key}", type="primary", disabled=not may)
            no = st.button("Reject", key=f"reject {request.key}", disabled=not may)
    if may and (yes or no):
        settled = retraining.settle(request.key, yes, who)
        st.session_state["settled"] = (
            f"{request.key} is {'approved' if yes else 'rejected'}: {retraining.NEXT[settled.state]}"
        )
        st.rerun()


def _ledger(classifier: Classifier, now: datetime) -> None:
    st.subheader("The ledger", anchor=False)
    chosen = st.query_params.get("night")
    try:
        days = on_call.calendar(classifier, now, at=chosen)
    except NotFound as error:
        shared.say(error)
        chosen, days = None, on_call.calendar(classifier, now)
    if not days:
        shared.nothing(
            "Nothing has been ingested yet.",
            f"`leeway nightly {classifier.name}` does a night now; its schedule does the next one by itself.",
        )
        return
    st.html(_calendar(classifier, days, chosen))
    ways = [] if (night := on_call.earlier(classifier, days)) is None else [("earlier nights", {"night": night})]
    ways += [] if chosen is None else [("the last nights", {})]
    if ways:
        shown = (shared.link(text, "on_call", classifier=classifier.name, **way).text for text, way in ways)
        st.html(f'<p class="lw-ways">{" · ".join(shown)}</p>')
    st.html(
        '<div class="lw-legend">'
        + "".join(
            f'<span><b style="background:{COLOURS[name]}">{SIGNS[name]}</b>{text}</span>'
            for name, text in MEANS.items()
        )
        + "<span>In each: ingest, score, monitor. A click tells more.</span></div>"
    )
    if chosen is not None:
        _night(classifier, chosen, now)


def _calendar(classifier: Classifier, days: list[Day], chosen: str | None) -> str:
    heads = "".join(f"<th>{name}</th>" for name in classifier.partition.heads)
    rows = "".join(
        "<tr>" + "".join(_day(classifier, day, chosen) for day in week) + "</tr>"
        for week in on_call.weeks(days, classifier)
    )
    return f'<div class="lw-scroll"><table class="lw-cal"><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def _day(classifier: Classifier, day: Day | None, chosen: str | None) -> str:
    if day is None:
        return "<td></td>"
    way = f'href="{html.escape(links.relative("on_call", classifier=classifier.name, night=day.partition))}" target="_self"'
    cells = "".join(
        f'<a class="cell" {way} style="background:{COLOURS[cell.state]}" '
        f'title="{html.escape(f"{day.partition} {stage}: {cell.state}. {cell.says}")}">{SIGNS[cell.state]}</a>'
        for stage, cell in day.cells.items()
    )
    on = " on" if day.partition == chosen else ""
    return f'<td class="day{on}"><a class="key" {way}>{html.escape(classifier.partition.short(day.partition))}</a>{cells}</td>'


def _night(classifier: Classifier, key: str, now: datetime) -> None:
    """All that is known of one night, with the ways to it."""
    name = classifier.name
    found = on_call.detail(classifier, key, now)
    st.markdown(f"#### {shared.plain(name)} {shared.plain(found.day.partition)}")
    rows: list[tuple[Cell, ...]] = []
    for stage in STAGES:
        cell = found.day.cells[stage]
        entry = cell.entry
        at = f"{moment(entry.finished_at)}" if entry and entry.finished_at else NONE
        took = f"{number(round(entry.seconds, 1))} s" if entry and entry.seconds is not None else NONE
        rows.append((stage, f"{SIGNS[cell.state]} {cell.state}", cell.says, at, took))
    shared.table(("Stage", "State", "What came of it", "Done at", "Took"), rows)
    if found.broken:
        shared.table(
            ("Rows in quarantine", "Rule that they broke"), [(f"{n:,}", rule) for rule, n in found.broken.items()]
        )
    if found.lineage:
        st.caption(f"From: {shared.plain(' → '.join(str(step) for step in found.lineage))}")
    ways: list[Cell] = []
    if found.night is not None:
        ways.append(shared.link("the report", "reports", classifier=name, night=found.day.partition))
        ways.append(
            shared.link("its columns, beside the week before", "debug", classifier=name, night=found.day.partition)
        )
    if (run := runs.named(f"{name} {found.day.partition}")) is not None:
        ways.append(shared.outside("the run in Prefect's pages", run))
    if found.delivery is not None:
        ways.append(Markup(f"the batch as it came: <code>{html.escape(found.delivery)}</code>"))
    if any(cell.state == "failed" for cell in found.day.cells.values()):
        ways.append(shared.link("the runbook of a rejected delivery", "runbook", subject="delivery-rejected"))
    if any(cell.state == "late" for cell in found.day.cells.values()):
        ways.append(shared.link("the runbook of a missing night", "runbook", subject="missing-night"))
    shown = " · ".join(way.text if isinstance(way, Markup) else html.escape(way) for way in ways)
    st.html(f'<p class="lw-ways">Go to: {shown or "nothing is there yet"}</p>')


def _labels(classifier: Classifier) -> None:
    known = on_call.labels_known(classifier.name)
    if not known:
        return
    last = known[-1]
    st.markdown(
        f"**Labels** are held against decisions {span(classifier.label.maturity)} after the night: {percent(last['share'])} of "
        f"the events of {last['partition']} had one by then, {percent(known[0]['share'])} of those of {known[0]['partition']}."
    )


def _happened(known: RosterEntry, now: datetime) -> None:
    st.subheader("What happened", anchor=False)
    if (mute := muting.of(known.name, now)) is not None:
        way = "--all" if mute.classifier is None else known.name
        st.info(f"Nobody is told: {shared.plain(mute)}. `leeway unmute {way}` ends it.", icon=":material/info:")
    found = alerts.recent_alerts(known.name)
    if not found:
        st.markdown("Nothing that people are told of.")
        return
    shared.table(
        ("What", "Since", "How bad", "Told", "What to do"),
        [
            (
                item.what,
                ago(item.since, now),
                item.how_bad,
                f"{item.state}: {item.why}" if item.why else item.state,
                shared.link("runbook", "runbook", subject=item.runbook),
            )
            for item in found
        ],
    )


def _failed(now: datetime) -> None:
    st.subheader("Runs that failed", anchor=False)
    failed = runs.failed(now)
    if failed is None:
        shared.nothing("The platform does not run here.", "`leeway up` starts it; its runs are told of on this page.")
    elif not failed:
        st.markdown("None in the last three days that did not succeed since.")
    else:
        shared.table(
            ("Run", "When", "Error", "What to do"),
            [
                (
                    shared.outside(run.name, run.link) if run.link else run.name,
                    ago(run.at, now),
                    run.error,
                    shared.link("runbook", "runbook", subject=run.runbook),
                )
                for run in failed
            ],
        )
