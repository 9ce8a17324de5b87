"""The dashboards' pages. A new one is a module of `dashboards` with a function `page`, and one line in the list."""

from dataclasses import dataclass

from leeway.core.errors import NotFound


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        name: of its module, and in its address.
        title: in the navigation.
        icon: one of Streamlit's.
    """

    name: str
    title: str
    icon: str


#: In the order of the navigation; the first is shown where the address names none.
PAGES: tuple[Page, ...] = (
    Page("overview", "Overview", ":material/dashboard:"),
    Page("on_call", "On call", ":material/notifications:"),
    Page("reports", "Reports", ":material/description:"),
    Page("versions", "Versions", ":material/history:"),
    Page("owner", "Owner", ":material/payments:"),
    Page("debug", "Debug", ":material/bug_report:"),
    Page("runbook", "Runbooks", ":material/menu_book:"),
)
HOME = PAGES[0]


def named(name: str) -> Page:
    """The page with a name.

    Raises:
        NotFound: there is none.
    """
    for page in PAGES:
        if page.name == name:
            return page
    raise NotFound(
        "linking to a page of the dashboards",
        problem="there is no such page",
        found=name,
        hint=f"there are {', '.join(page.name for page in PAGES)}",
    )
