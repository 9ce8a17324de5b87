"""The reference of the documentation site is written from the code, and is complete."""

import importlib.util
import re
from pathlib import Path

import pytest

from leeway import definition
from leeway.cli.app import app
from leeway.core.settings import Settings

pytestmark = pytest.mark.unit  # though others of this folder start processes

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site():
    spec = importlib.util.spec_from_file_location("site_pages", ROOT / "docs" / "site_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows(page):
    return [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]


def test_every_command_is_there_with_every_option_explained(site):
    page = site.commands_page()
    assert {command.name for command in app.registered_commands} == set(
        re.findall(r"^## ([\w-]+)$", page, re.MULTILINE)
    )
    assert "| `--as-of AS_OF` | Use nothing that became known later; now by default. |" in page
    assert "leeway report NAME [PARTITION] [OPTIONS]" in page


def test_every_setting_is_there_with_its_meaning(site):
    found = {row[0].strip("`"): row[-1] for row in rows(site.settings_page())}
    assert set(found) == {f"LEEWAY_{name.upper()}" for name in Settings.model_fields}
    assert [name for name, meaning in found.items() if not meaning] == []
    assert "`LEEWAY_HOME`" in found["LEEWAY_DATABASE_URL"]


def test_every_part_of_a_definition_is_there(site):
    page = site.definition_page()
    wanted = {name for name in definition.__all__ if callable(getattr(definition, name)) and not name.isupper()}
    wanted = {name for name in wanted if getattr(getattr(definition, name), "__module__", "").startswith("leeway")}
    assert wanted - set(re.findall(r"^### (\w+)$", page, re.MULTILINE)) == set()
    assert "| `alarms_per_year` | number | `2.0` | " in page
    assert "| `cooldown` | duration | 1 week | " in page


def test_links_of_pages_from_the_top_folder_lead_where_they_did(site):
    text = "[server](docs/server.md), [security](SECURITY.md), [here](https://example.com)"
    assert site.project_page(text) == "[server](../server.md), [security](security.md), [here](https://example.com)"
