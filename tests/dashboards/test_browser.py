"""The pages in a real browser: what a person clicks leads to where it should."""

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import expect

from leeway.lifecycle import registry, retraining
from leeway.views import pages
from tests.browser import CHROMIUM, browsing, picture
from tests.dashboards.conftest import EVIL, REQUEST
from tests.dashboards.serving import opened, serving

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("dashboards"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
PAGES = tuple("" if page is pages.HOME else page.name for page in pages.PAGES)
expect.set_options(timeout=20_000)
LOCAL = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")


@pytest.fixture(scope="module")
def address(lived, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("serving") / "dashboards.log") as url:
        yield url


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with browsing(tmp_path_factory.mktemp("browser")) as page:
        yield page


@pytest.fixture
def page(browser):
    """A page of its own, that asks no other machine for anything, and has no box and no error in its console."""
    page, asked, errors = browser.context.new_page(), [], []

    def on_console(message):
        # Streamlit looks for its server below the page's own path first, and finds it above.
        if message.type == "error" and "/_stcore/" not in str(message.location):
            errors.append(message.text)

    page.on("request", lambda request: asked.append(request.url))
    page.on("console", on_console)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: (errors.append(dialog.message), dialog.dismiss()))
    yield page
    page.close()
    assert asked
    assert [url for url in asked if not url.startswith(LOCAL)] == []
    assert errors == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_without_an_error_and_fits_its_width(page, address, lived, name, width, tmp_path):
    page.set_viewport_size({"width": width, "height": 900})
    opened(page, f"{address}/{name}?classifier={lived.name}")
    expect(page.locator("[data-testid=stException], [data-testid=stAlertContentError]")).to_have_count(0)
    beyond = page.evaluate("() => document.querySelector('.stMainBlockContainer').scrollWidth - innerWidth")
    assert beyond <= 0
    picture(page, f"{name or 'overview'}-{width}", tmp_path)


def test_the_ledgers_click_leads_to_the_night_and_on_to_its_report(page, address, lived):
    opened(page, f"{address}/on_call?classifier={lived.name}")
    page.locator("a.cell[title^='2026-03-24 monitor']").click()
    page.wait_for_url("**/on_call?classifier=toy&night=2026-03-24")
    expect(page.get_by_role("heading", name="toy 2026-03-24")).to_be_visible()
    page.get_by_role("link", name="the report", exact=True).click()
    page.wait_for_url("**/reports?classifier=toy&night=2026-03-24")
    report = page.frame_locator("iframe").frame_locator("iframe[title=Report]")
    expect(report.get_by_text("What to do:")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "toy-2026-03-24.html"
    assert "What to do" in download.value.path().read_text()


def test_approve_does_what_it_says(page, address, lived):
    lived.hold()
    opened(page, f"{address}/on_call?classifier={lived.name}")
    expect(page.get_by_text(EVIL).first).to_be_visible()  # a reason with HTML in it, as text
    page.get_by_label("Your name, for the history").fill("ann")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)
    assert retraining.get(REQUEST).history[-1]["why"] == "approved by ann"
    lived.hold()


def test_roll_back_does_what_it_says(page, address, lived):
    opened(page, f"{address}/versions?classifier={lived.name}")
    page.get_by_label("Why").fill("seen in a browser")
    page.get_by_text("Version 1 is to decide from the next night on").click()
    page.get_by_role("button", name="Bring back version 1").click()
    expect(page.get_by_role("cell", name="seen in a browser")).to_be_visible()
    last = registry.history(lived.name)[0]
    assert (last.version, last.outcome, last.reason) == (1, "rolled_back", "seen in a browser")
    registry.promote(lived.name, 2, reason="back again", actor="test")


def test_what_is_chosen_is_in_the_address(page, address, lived):
    opened(page, f"{address}/debug?classifier={lived.name}")
    page.wait_for_function("() => location.search.includes('version=2') && location.search.includes('d=')")
    shown = opened(page, page.url)
    expect(shown.get_by_text("First window:")).to_be_visible()
