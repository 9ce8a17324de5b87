"""What the documentation names exists: files, modules, links, make targets and settings."""

import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import leeway
from leeway.core.settings import Settings
from leeway.definition import catalog  # noqa: F401 - which keeps modules importable from where they were
from leeway.store.tables import metadata

pytestmark = pytest.mark.unit  # though others of this folder start processes

ROOT = Path(leeway.__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")), ROOT / "dashboards" / "README.md"]
#: A change log tells of what was, too.
OF_TODAY = [page for page in PAGES if page.name != "CHANGELOG.md"]

FOLDERS = "leeway|flows|tasks|dashboards|tests|benchmarks|docs|deploy"
A_PATH = re.compile(rf"(?<![\w/.])((?:{FOLDERS})/[\w./-]*\w/?)")
A_MODULE = re.compile(r"(?<![\w/.@])(leeway(?:\.\w+)+)")
A_LINK = re.compile(r"\]\(([^)\s]+)\)")
A_TARGET = re.compile(r"\bmake ([a-z][a-z-]+)\b")
A_SETTING = re.compile(r"\bLEEWAY_[A-Z_]+\b")
#: Variables that compose, and not the program, reads; and the event of a breach.
OF_COMPOSE, EVENTS = {"LEEWAY_DB_PASSWORD"}, {"leeway.breach"}
TEMPLATES = ("NAME", "test_<module>")


def quoted(text):
    """What stands in code, in spans and in blocks."""
    return "\n".join(
        [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^```[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)]
    )


def is_there(name):
    """Whether a dotted name is a module, something that a module defines, a table or an event."""
    if name in EVENTS or name in metadata.tables or name in sys.modules:
        return True
    module, _, last = name.rpartition(".")
    if (ROOT / f"{name.replace('.', '/')}.py").is_file() or (ROOT / name.replace(".", "/")).is_dir():
        return True
    spec = find_spec(module) if module != "leeway" else None
    return spec is not None and re.search(rf"\b{last}\b", Path(str(spec.origin)).read_text()) is not None


@pytest.mark.parametrize("page", OF_TODAY, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_and_module_that_a_page_names_exists(page):
    text = quoted(page.read_text())
    paths = [found for found in A_PATH.findall(text) if not any(word in found for word in TEMPLATES)]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert [name for name in A_MODULE.findall(text) if not is_there(name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page):
    links = [link.partition("#")[0] for link in A_LINK.findall(page.read_text()) if not re.match(r"[a-z]+:|#", link)]
    of_the_site = (
        () if page.parent == ROOT else ("reference/", "project/")
    )  # written when it is built, which checks them
    links = [link for link in links if not link.removeprefix("../").startswith(of_the_site)]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_make_target_that_is_named_exists():
    targets = set(re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split())
    named = {target for page in PAGES for target in A_TARGET.findall(quoted(page.read_text()))}
    assert named - targets == set()


def test_the_readme_has_every_setting_and_no_page_has_another():
    settings = {f"LEEWAY_{name.upper()}" for name in Settings.model_fields}
    assert settings - set(A_SETTING.findall((ROOT / "README.md").read_text())) == set()
    named = {name for page in PAGES for name in A_SETTING.findall(page.read_text())}
    assert named - settings - OF_COMPOSE == set()


def test_a_name_that_is_nowhere_is_found():
    assert is_there("leeway.detection.monitor.judge")
    assert is_there("leeway.outcome")
    assert not is_there("leeway.detection.monitor.nothing_of_the_kind")
    assert not is_there("leeway.preparing_no")
