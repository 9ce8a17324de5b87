"""The dashboards as a process of their own, as `leeway up` runs them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from leeway.operations.platform.local import answers, free_port
from leeway.operations.platform.services import ROOT, STREAMLIT

WIDE, PHONE = (1280, 900), (390, 844)
STILL = "() => document.querySelector('[data-test-script-state=notRunning] h1')"


@contextmanager
def serving(log: Path, **environment: str) -> Iterator[str]:
    """Serve until the block ends; yields the address."""
    port = free_port(0)
    given = {**os.environ, **STREAMLIT, "STREAMLIT_SERVER_PORT": str(port), "PYTHONPATH": str(ROOT), **environment}
    with log.open("wb") as output:
        command = [sys.executable, "-m", "dashboards.serve"]
        process = subprocess.Popen(command, env=given, stdout=output, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + 120
            while not answers(f"http://127.0.0.1:{port}/_stcore/health"):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def opened(page: Page, address: str) -> Page:
    """Open a page, and wait until all of it is there."""
    page.goto(address)
    page.wait_for_function(STILL, timeout=60_000)
    return page


def whole(page: Page, path: Path, most: int = 4000) -> None:
    """A picture of the page from top to bottom."""
    wide = page.viewport_size or {"width": WIDE[0], "height": WIDE[1]}
    page.wait_for_timeout(2500)  # charts and reports draw themselves after the page is still
    height = page.evaluate("() => document.querySelector('.stMainBlockContainer').getBoundingClientRect().height")
    page.set_viewport_size({"width": wide["width"], "height": min(int(height) + 40, most)})
    page.wait_for_timeout(700)
    page.screenshot(path=path)
    page.set_viewport_size(wide)
