"""Every entry of a list in the code has its row in the table that describes it."""

import re
from pathlib import Path

import pytest

import leeway
from leeway.evaluation.gates import GATES
from leeway.ingest.sources.kinds import KINDS
from leeway.views.pages import PAGES

pytestmark = pytest.mark.unit

DOCS = Path(leeway.__file__).parents[1] / "docs"
LISTED = {
    "gates.md": [gate.name for gate in GATES],
    "dashboards.md": [page.title for page in PAGES],
    "late-rows.md": [kind.declaration.__name__ for kind in KINDS],
}


@pytest.mark.parametrize("page", LISTED)
def test_every_entry_of_a_list_has_its_row(page):
    firsts = re.findall(r"^\| ([^|]+) \|", (DOCS / page).read_text(), re.MULTILINE)
    described = {name.strip(" `") for first in firsts for name in first.split(",")}
    assert [name for name in LISTED[page] if name not in described] == []
