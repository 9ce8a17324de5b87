"""A browser for the tests: the machine's Chromium, without a window, that reaches nothing but this machine."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",  # which root has no use of
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


@contextmanager
def browsing(folder: Path) -> Iterator[Page]:
    """An open page.

    Args:
        folder: where the browser keeps what it keeps.
    """
    with sync_playwright() as driver:
        browser = driver.chromium.launch_persistent_context(
            folder, executable_path=CHROMIUM, args=FLAGS, viewport={"width": 1400, "height": 1000}, timezone_id="UTC"
        )
        browser.set_default_timeout(20_000)
        yield browser.pages[0]
        browser.close()


def picture(page: Page, name: str, folder: Path) -> None:
    """Keep what a page looks like, in `LEEWAY_SCREENSHOTS` or the folder."""
    page.screenshot(path=Path(os.environ.get("LEEWAY_SCREENSHOTS") or folder) / f"{name}.png")
