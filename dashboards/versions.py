"""Who became champion, who did not, and why; cards, differences, and the way back."""

from typing import Any

import streamlit as st

from dashboards import _shared as shared
from dashboards._shared import Cell, Markup
from leeway.evaluation import card_store
from leeway.lifecycle import registry, verdict
from leeway.lifecycle.registry import Promotion
from leeway.lifecycle.verdict import GateVerdict
from leeway.operations.platform import state
from leeway.views import versions
from leeway.views.roster import RosterEntry

SIGNS = {"pass": "✓", "fail": "✕", "not applicable": "–"}


@shared.guarded
def page() -> None:
    """The history of a classifier's versions."""
    known = shared.classifier()
    if known is None:
        return
    past = versions.history(known.name)
    if not past:
        shared.nothing("No version has been decided on yet.", f"`leeway train {known.name}` trains the first one.")
        return
    champion = versions.champion(past)
    shared.table(
        ("Version", "Outcome", "When", "Learnt as of", "By", "Reason", "Gates"), [_row(item, champion) for item in past]
    )
    _roll_back(known, past)
    numbers = list(dict.fromkeys(str(item.version) for item in past))
    if len(numbers) > 1:
        _difference(known, numbers)
    _card(known, numbers)


def _row(item: Promotion, champion: Promotion | None) -> list[Cell]:
    own = item == champion
    outcome = item.outcome.replace("_", " ")
    return [
        shared.lines([shared.bold(f"{item.version}"), shared.dim("champion")]) if own else f"{item.version}",
        outcome,
        f"{item.created_at:%Y-%m-%d %H:%M}",
        f"{item.as_of:%Y-%m-%d}",
        item.actor,
        item.reason,
        _gates(item.evidence) if item.evidence else shared.dim("a person's decision"),
    ]


def _gates(evidence: list[dict[str, Any]]) -> Markup:
    """What decided, and behind a click all others."""
    verdicts = [GateVerdict(**gate) for gate in evidence]
    deciding, rest = verdict.deciding(verdicts)
    others = [_line(verdict) for verdict in verdicts if verdict not in deciding]
    shown: list[Cell] = [_line(verdict) for verdict in deciding]
    return shared.lines([*shown, shared.folded(rest, others)] if others else shown)


def _line(verdict: GateVerdict) -> str:
    return f"{SIGNS[verdict.outcome]} {verdict.gate}: {verdict.why}"


def _roll_back(known: RosterEntry, past: list[Promotion]) -> None:
    st.subheader("Roll back", anchor=False)
    if said := st.session_state.pop("brought back", None):
        st.success(said, icon=":material/check:")
    before = versions.before(past)
    if before is None:
        st.markdown("There was no other champion that could come back.")
        return
    if not shared.may_act():
        return
    who = shared.actor()
    reason = st.text_input("Why", key="reason", max_chars=200)
    sure = st.checkbox(f"Version {before.version} is to decide from the next night on")
    if st.button(f"Bring back version {before.version}", disabled=not sure, type="primary"):
        why = " ".join((reason or "").split()) or "rolled back on the dashboards"
        with st.spinner(f"Bringing back version {before.version}"):
            registry.rollback(known.name, reason=why, actor=who)
        st.session_state["brought back"] = f"Version {before.version} is champion again, from the next night on."
        st.rerun()


def _difference(known: RosterEntry, numbers: list[str]) -> None:
    st.subheader("What differs", anchor=False)
    left, right = st.columns(2)
    with left:
        one = shared.choose("Version", numbers, "one", numbers[-1])
    with right:
        two = shared.choose("and version", numbers, "two", numbers[0])
    found = versions.differences(versions.card(known.name, int(one)), versions.card(known.name, int(two)))
    rows = [(item.what, item.one, item.two if item.one == item.two else shared.bold(item.two)) for item in found]
    shared.table(("", f"Version {one}", f"Version {two} "), rows, cards=False)


def _card(known: RosterEntry, numbers: list[str]) -> None:
    st.subheader("Model card", anchor=False)
    number = shared.choose("Card of version", numbers, "card", numbers[0])
    if versions.has_card(known.name, int(number)):
        if address := state.card_link(known.name, int(number)):
            st.html(shared.outside("The whole card: gates, metrics, curves, slices, importance", address).text)
        page = card_store.page(known.name, int(number))
        st.download_button("Download the whole card", page, f"{known.name}-{number}.html", "text/html", key="download")
    facts = versions.facts(versions.card(known.name, int(number)))
    shared.table(("", f"Version {number}"), list(facts.items()), cards=False)
