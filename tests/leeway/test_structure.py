"""The shape of the code: what a stranger relies on who looks for something."""

import ast
from collections import Counter
from pathlib import Path
from statistics import median

import pytest

import leeway

ROOT = Path(leeway.__file__).parents[1]
MOST_ENTRIES, MOST_WORDS = 20, 9


@pytest.fixture(scope="module")
def trees():
    """The syntax trees of our modules."""
    files = [path for folder in ("leeway", "flows", "tasks", "dashboards") for path in (ROOT / folder).rglob("*.py")]
    return {path.relative_to(ROOT): ast.parse(path.read_text()) for path in files}


def test_the_library_has_few_entries_at_its_top():
    entries = [path.name for path in (ROOT / "leeway").iterdir() if path.name != "__pycache__"]
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


def test_no_class_name_is_in_two_modules(trees):
    names = Counter(node.name for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1] == []


def test_docstrings_begin_with_a_short_line(trees):
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, documented)]
    first_lines = [text.splitlines()[0] for text in map(ast.get_docstring, nodes) if text]
    assert median(len(line.split()) for line in first_lines) <= MOST_WORDS
