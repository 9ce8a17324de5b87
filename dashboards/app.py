"""The dashboards: `streamlit run dashboards/app.py`; `leeway up` does."""

import streamlit as st

from dashboards import debug, on_call, overview, owner, reports, runbook, versions
from leeway.core.environment import prepare_libraries

PAGES = (
    (overview.page, "Overview", "overview", ":material/dashboard:"),
    (on_call.page, "On call", "on_call", ":material/notifications:"),
    (reports.page, "Reports", "reports", ":material/description:"),
    (versions.page, "Versions", "versions", ":material/history:"),
    (owner.page, "Owner", "owner", ":material/payments:"),
    (debug.page, "Debug", "debug", ":material/bug_report:"),
    (runbook.page, "Runbooks", "runbook", ":material/menu_book:"),
)


#: A sail. One of Streamlit's own icons would be fetched from another machine.
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath fill='%230072B2' d='M8 1v10h6zM7 4v7H2zM1 12h14l-2 3H3z'/%3E%3C/svg%3E"
)


def main() -> None:
    """Show the page that the address names."""
    prepare_libraries()
    st.set_page_config(page_title="Leeway", page_icon=ICON, layout="wide")
    pages = [
        st.Page(page, title=title, url_path=path, icon=icon, default=path == "overview")
        for page, title, path, icon in PAGES
    ]
    st.navigation(pages, position="top").run()


main()
