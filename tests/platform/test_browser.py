"""What a person sees: from a table to a night whose report opens from Prefect's pages. The tests share one platform."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("playwright")

from playwright.sync_api import Page, expect

from flows.automations import DESCRIPTION, NAME
from tests.browser import CHROMIUM, browsing, picture
from tests.conftest import SHARED_DATA
from tests.platform.conftest import Platform, to_be_run

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("platform"),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]
TELCO = SHARED_DATA / "telco_churn.csv"
ENDED = ["COMPLETED", "FAILED", "CRASHED"]


def _customers(path: Path, count: int = 1500) -> None:
    """Customers of whom those with a short contract and a high price tend to leave."""
    rng = np.random.default_rng(7)
    contract, price = rng.choice(["Month-to-month", "One year", "Two year"], count), rng.uniform(20, 110, count)
    odds = -3 + 2 * (contract == "Month-to-month") + (price - 60) / 25
    customers = {
        "customerID": [f"{number:04}-CUST" for number in range(count)],
        "Contract": contract,
        "MonthlyCharges": price.round(2),
        "tenure": rng.integers(0, 72, count),
        "Churn": np.where(rng.random(count) < 1 / (1 + np.exp(-odds)), "Yes", "No"),
    }
    pd.DataFrame(customers).to_csv(path, index=False)


@pytest.fixture(scope="module")
def churn() -> Iterator[Platform]:
    """`leeway new` on a table, a schedule that is due every minute, and `leeway up`."""
    # Not in pytest's own folder: the server of a superuser runs as another user, who must get there.
    made = Platform(Path(tempfile.mkdtemp(prefix="leeway-browser-")))
    with to_be_run(made):
        table = TELCO
        if not table.exists():
            table = made.root / "customers.csv"
            _customers(table)
        written = made.leeway("new", "churn", str(table), "--label", "Churn")
        assert written.returncode == 0, written.stderr
        model = made.root / "models" / "churn.py"
        begin = "classifier = Classifier(\n"
        due = f'from leeway.definition import Schedule\n\n{begin}    schedule=Schedule(cron="* * * * *"),\n'
        model.write_text(model.read_text().replace(begin, due))
        made.up()
        yield made


@pytest.fixture(scope="module")
def night(churn: Platform) -> dict[str, Any]:
    """The first scheduled night, once it has ended."""

    def ended() -> list[dict[str, Any]]:
        nightly = {"any_": [churn.deployment("nightly")["id"]]}
        found = churn.post(
            "/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ENDED}}}, "deployments": {"id": nightly}}
        )
        return sorted(found, key=lambda run: run["start_time"])

    churn.until(ended, 180, lambda: str(churn.runs()))
    return ended()[0]


@pytest.fixture(scope="module")
def page(churn: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browsing(tmp_path_factory.mktemp("browser")) as page:
        page.goto(churn.url("prefect"))
        page.get_by_placeholder("admin:pass").fill(churn.secret)
        page.get_by_role("button", name="Login").click()
        expect(page).not_to_have_url(re.compile("login"))
        yield page


@pytest.fixture(autouse=True)
def stays_here(page: Page) -> Iterator[None]:
    """No page asks another machine for anything."""
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    yield
    assert asked
    assert [
        url for url in asked if not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))
    ] == []


def test_the_automation_of_a_breach_says_what_it_waits_for(churn, page, tmp_path):
    page.goto(f"{churn.url('prefect')}/automations")
    expect(page.get_by_text(NAME)).to_be_visible()
    expect(page.get_by_text(DESCRIPTION)).to_be_visible()
    expect(page.get_by_text("leeway.breach")).to_be_visible()
    expect(page.get_by_role("link", name="sweep")).to_be_visible()
    picture(page, "automation", tmp_path)


def test_the_runs_page_shows_the_scheduled_night_by_its_name(churn, night, page, tmp_path):
    assert (night["state_name"], night["auto_scheduled"]) == ("Completed", True)
    assert night["name"].startswith("churn 20")
    page.goto(f"{churn.url('prefect')}/runs")
    expect(page.locator(f"a[href*='{night['id']}']", has_text=night["name"]).first).to_be_visible()
    picture(page, "runs", tmp_path)


def test_the_report_opens_from_the_run(churn, night, page, tmp_path):
    page.goto(f"{churn.url('prefect')}/runs")
    page.locator(f"a[href*='{night['id']}']", has_text=night["name"]).first.click()
    page.locator("#artifacts").click()
    page.get_by_text("churn-night").first.click()
    link = page.get_by_role("link", name="Open the report")
    expect(link).to_be_visible()
    expect(page.get_by_text(f"{night['name']}: quiet")).to_be_visible()
    picture(page, "night", tmp_path)
    with page.context.expect_page() as opened:
        link.click()
    report = opened.value
    expect(report.get_by_role("heading", name="Quiet")).to_be_visible()
    expect(report.get_by_text("What to do:")).to_be_visible()
    expect(report.get_by_role("cell", name="Contract", exact=True).first).to_be_visible()
    report.wait_for_load_state("networkidle")
    picture(report, "report", tmp_path)
    report.close()


def test_columns_have_no_spreads_where_the_reference_is_too_short_to_know_them(churn, night, page, tmp_path):
    page.goto(f"{churn.url('prefect')}/artifacts/key/churn-columns")
    page.locator("a[href*='/artifacts/artifact/']").last.click()
    row = page.get_by_role("row").filter(has_text="Contract")
    expect(row).to_contain_text("–")
    expect(row).not_to_contain_text("-100")
    picture(page, "columns", tmp_path)


def test_the_form_offers_the_classifiers_and_a_date_and_starts_a_run(churn, page, tmp_path):
    page.goto(f"{churn.url('prefect')}/deployments/deployment/{churn.deployment('nightly')['id']}/run")
    expect(page.get_by_text("partition (Optional)")).to_be_visible()
    expect(page.get_by_text('Property is type "None"')).to_have_count(0)
    expect(page.locator(".schema-form-property-string .p-date-input, .p-date-input").first).to_be_visible()
    page.locator("button.p-select-button__control").first.press("ArrowDown")
    page.locator(".p-select-option__text", has_text="churn").click()
    expect(page.locator(".p-select-button__value").first).to_have_text("churn")
    picture(page, "form", tmp_path)
    page.locator(".flow-run-name-input input").fill("by hand")
    page.get_by_role("button", name="Submit").click()
    page.wait_for_url(lambda url: not url.endswith("/run"))
    assert [run["parameters"] for run in churn.runs() if not run["auto_scheduled"]] == [{"classifier": "churn"}]
