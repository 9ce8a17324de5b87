"""Every night's report, opened in place; each has an address that stays."""

import html
from contextlib import suppress

import streamlit as st

from dashboards import _shared as shared
from leeway.core.errors import LeewayError, NotFound
from leeway.monitoring import report_index
from leeway.operations.platform.state import report_link

HEIGHT = 900


@shared.guarded
def page() -> None:
    """The nights of a classifier with their verdicts, and the report of one."""
    known = shared.classifier()
    if known is None:
        return
    nights = report_index.last(known.name)
    if not nights:
        shared.nothing(
            "No night has been monitored yet.",
            f"The first report comes with `leeway nightly {known.name}`, or its schedule.",
        )
        return
    told = {night.partition: night for night in nights}
    asked = st.query_params.get("night")
    if asked is not None and asked not in told and asked.isprintable():  # PostgreSQL takes no NUL
        with suppress(NotFound):
            told[asked] = report_index.told(known.name, asked)  # older than those that are listed
    key = shared.choose("Night", list(told), "night")
    night = told[key]
    st.markdown(
        f"**{shared.plain(night.verdict.capitalize())}** on {shared.plain(f'{night.rows:,}')} events by version "
        f"{night.version}: {shared.plain(night.why)}"
    )
    try:
        content = report_index.page(known.name, key)
    except LeewayError as error:
        shared.say(error)
    else:
        _open(content, known.name, key)
    st.subheader("All nights", anchor=False)
    shared.table(
        ("Night", "Verdict", "Why", "Events", "Version"),
        [
            (
                shared.link(item.partition, "reports", classifier=known.name, night=item.partition),
                item.verdict,
                item.why,
                f"{item.rows:,}",
                str(item.version),
            )
            for item in nights
        ],
        numbers=("Events", "Version"),
    )


def _open(content: bytes, name: str, key: str) -> None:
    """The report in a frame that reaches nothing: neither this page nor another one."""
    with st.container(horizontal=True):
        st.download_button("Download", content, file_name=f"{name}-{key}.html", mime="text/html", on_click="ignore")
        if alone := report_link(name, key):
            st.link_button("Open alone", alone)
    inner = html.escape(content.decode("utf-8", errors="replace"))
    st.iframe(
        f'<!doctype html><html><body style="margin:0"><iframe sandbox="allow-scripts" title="Report" srcdoc="{inner}" '
        f'style="border:0;width:100%;height:{HEIGHT - 10}px;background:#fff"></iframe></body></html>',
        height=HEIGHT,
    )
