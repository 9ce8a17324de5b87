"""Runbooks: what to do about each alert and each error."""

import streamlit as st

from dashboards import _shared as shared
from leeway.views import runbooks


@shared.guarded
def page() -> None:
    """One of them."""
    found = runbooks.names()
    if not found:
        shared.nothing("No runbook is installed here.", "They are in `docs/runbooks` of Leeway's sources.")
        return
    st.markdown(runbooks.text(shared.choose("About", found, "subject")))
