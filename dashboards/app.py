"""The dashboards: `streamlit run dashboards/app.py`; `leeway up` does."""

import streamlit as st

from dashboards import body_of
from leeway.core.environment import prepare_libraries
from leeway.views.pages import HOME, PAGES

#: A sail. One of Streamlit's own icons would be fetched from another machine.
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Cpath fill='%230072B2' d='M8 1v10h6zM7 4v7H2zM1 12h14l-2 3H3z'/%3E%3C/svg%3E"
)


def main() -> None:
    """Show the page that the address names."""
    prepare_libraries()
    st.set_page_config(page_title="Leeway", page_icon=ICON, layout="wide")
    shown = [
        st.Page(body_of(page), title=page.title, url_path=page.name, icon=page.icon, default=page is HOME)
        for page in PAGES
    ]
    st.navigation(shown, position="top").run()


main()
