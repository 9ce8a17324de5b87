import asyncio
from pathlib import Path

import httpx
import pytest

from dashboards.report_server import _hosts, app
from leeway.core.settings import settings
from leeway.definition.grains import DAY
from leeway.definition.partitions import Partition
from leeway.store.database import database
from leeway.store.tables import monitoring


class Pages:
    """What a browser gets."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host

    def get(self, path: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{self._host}") as client:
                return await client.get(path)

        return asyncio.run(ask())


@pytest.fixture
def pages(project):
    return Pages()


def tell(project, partition: str, why: str = "all is well", name: str = "toy") -> Path:
    path = project.home / "reports" / name / f"{partition}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"<html>{partition}</html>")
    values = {"version": 1, "verdict": "quiet", "why": why, "rows": 5, "evidence": {}, "report": str(path)}
    with database().transaction() as connection:
        key = Partition.parse(partition, DAY).key
        connection.execute(monitoring.insert().values(classifier=name, partition=key, **values))
    return path


def test_every_report_has_an_address_that_stays(pages, project):
    tell(project, "2026-03-01")
    tell(project, "2026-03-02")
    assert pages.get("/reports/toy/2026-03-01").text == "<html>2026-03-01</html>"
    assert 'href="/reports/toy/2026-03-02"' in pages.get("/reports/toy").text
    first = pages.get("/").text
    assert 'href="/reports/toy"' in first
    assert "2026-03-02" in first
    assert "2026-03-01" not in first  # only the last of each


def test_an_empty_platform_says_when_something_will_be_there(pages):
    assert "appear here with the first night" in pages.get("/").text


def test_a_report_that_is_not_there_is_one_line(pages, project):
    path = tell(project, "2026-03-01")
    missing = pages.get("/reports/toy/2026-03-09")
    assert (missing.status_code, len(missing.text.splitlines())) == (404, 1)
    path.unlink()
    assert "no longer kept" in pages.get("/reports/toy/2026-03-01").text


@pytest.mark.parametrize(
    "path",
    [
        "/reports/toy/..%2f..%2fsecret",
        "/reports/..%2f..%2fetc/passwd",
        "/reports/'--/x",
        "/reports/%00",
        "/reports/toy/%00",
        "/cards/%00/1",
    ],
)
def test_no_other_file_can_be_asked_for(pages, project, path):
    tell(project, "2026-03-01")
    (project.home / "secret").write_text("secret")
    answer = pages.get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace("secret: the partition", "")


def test_what_a_page_shows_of_the_data_is_text(pages, project):
    tell(project, "2026-03-01", "<script>alert(1)</script>")
    assert "<script>" not in pages.get("/reports/toy").text
    assert "sandbox" in pages.get("/reports/toy/2026-03-01").headers["content-security-policy"]


def test_another_sites_name_for_this_machine_is_refused(project):
    assert Pages("evil.example").get("/").status_code == 400


def test_the_name_that_people_know_it_by_is_its_own(project, monkeypatch):
    monkeypatch.setenv("LEEWAY_REPORTS_URL", "https://reports.example.com")
    settings.cache_clear()
    assert "reports.example.com" in _hosts()
    assert "evil.example" not in _hosts()
