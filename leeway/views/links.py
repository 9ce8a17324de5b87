"""Where the dashboards' pages are: addresses that carry their state, for alerts, Prefect's pages and people."""

from urllib.parse import urlencode

from leeway.core.settings import settings
from leeway.operations.platform import state
from leeway.views import pages


def base() -> str | None:
    """Where a browser finds the dashboards: at the address that the settings name, or on the platform that runs."""
    platform = state.current()
    url = settings().dashboards_url.rstrip("/") or (platform.url(state.DASHBOARDS) if platform else None)
    return url or None


def page(name: str, **shown: str) -> str | None:
    """A page, with what it shows; None where no dashboards are served."""
    url = base()
    return f"{url}/{relative(name, **shown)}" if url else None


def relative(name: str, **shown: str) -> str:
    """The same, from one page to another.

    Raises:
        NotFound: there is no such page.
    """
    path = "." if pages.named(name) is pages.HOME else name  # a page of its own name it has not
    return path + (f"?{urlencode(shown)}" if shown else "")
