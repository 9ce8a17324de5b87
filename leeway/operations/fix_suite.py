"""The suite follows its definition: expectations of columns that are no longer declared are dropped."""

import ast
import re
from collections.abc import Iterator

from leeway.core.errors import DefinitionError
from leeway.core.files import replacing
from leeway.definition import Classifier, catalog
from leeway.ingest.audit import HOURS_TO_END, columns_of, load_suite

Span = tuple[int, int]


def drop_undeclared(classifier: Classifier) -> list[str]:
    """Drop the expectations of columns that the definition does not declare.

    Everything else in the file stays as it is.

    Returns:
        The columns; the file is written only where there are any.

    Raises:
        DefinitionError: the suite does not load, or its file is written in a way that leaves some of them.
    """
    name = classifier.name
    before, path = load_suite(name), catalog.expectations_path(name)
    undeclared = columns_of(before) - {*classifier.source_columns, HOURS_TO_END}
    if not undeclared:
        return []
    text = path.read_text()
    _write(classifier, without(text, undeclared))
    try:
        after = load_suite(name)
        right = _others(before, undeclared) == _others(after, undeclared) and not columns_of(after) & undeclared
    except DefinitionError:
        right = False
    if not right:
        _write(classifier, text)
        raise DefinitionError(
            f"dropping expectations from {path}",
            problem="the file is written in a way that does not show which lines are about a column",
            found=", ".join(sorted(undeclared)),
            hint="edit it by hand; nothing was changed",
        )
    return sorted(undeclared)


def without(text: str, names: set[str]) -> str:
    """Return a suite's text without what is about some columns."""
    starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(line: int, column: int) -> int:
        begun = starts[line - 1]
        return begun + len(text[begun:].encode()[:column].decode())

    spans = [
        _with_its_comma(
            text, place(first.lineno, first.col_offset), place(last.end_lineno or 0, last.end_col_offset or 0)
        )
        for first, last in _about(ast.parse(text), names)
    ]
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + text[end:]
    return text


def _about(tree: ast.Module, names: set[str]) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield the first and the last part of what is about the columns.

    These are entries of the file's tables and lists, and expectations. Values in an expectation are none, though one may be
    spelled as a column is.
    """
    for statement in tree.body:
        if not isinstance(statement, ast.Assign):
            continue
        containers = [
            statement.value,
            *(item.iter for item in ast.walk(statement) if isinstance(item, ast.comprehension)),
        ]
        for container in containers:
            if isinstance(container, ast.Dict):
                pairs = zip(container.keys, container.values, strict=True)
                yield from ((key, value) for key, value in pairs if key is not None and _is_one(key, names))
            elif isinstance(container, ast.List | ast.Tuple | ast.Set):
                yield from ((item, item) for item in container.elts if _is_one(item, names) or _expects(item, names))


def _is_one(node: ast.expr, names: set[str]) -> bool:
    return isinstance(node, ast.Constant) and node.value in names


def _expects(node: ast.expr, names: set[str]) -> bool:
    return isinstance(node, ast.Call) and any(
        keyword.arg in ("column", "column_A", "column_B") and _is_one(keyword.value, names) for keyword in node.keywords
    )


def _with_its_comma(text: str, start: int, end: int) -> Span:
    if comma := re.compile(r"\s*,[ \t]*").match(text, end):
        end = comma.end()
    elif before := re.search(r",\s*$", text[:start]):
        start = before.start() + 1  # the comma stays: a tuple of one is none without it
    line = text.rfind("\n", 0, start) + 1
    rest = re.compile(r"[ \t]*(#[^\n]*)?\n").match(text, end)
    return (line, rest.end()) if rest and not text[line:start].strip() else (start, end)


def _others(suite: object, names: set[str]) -> list[str]:
    """Describe the expectations that are about none of the columns."""
    configured = [item.configuration.to_json_dict() for item in suite.expectations]  # type: ignore[attr-defined]
    described = [(item["type"], item["kwargs"], item.get("severity")) for item in configured]
    return sorted(repr(item) for item in described if not names & set(map(str, item[1].values())))


def _write(classifier: Classifier, text: str) -> None:
    path = catalog.expectations_path(classifier.name)
    with replacing(path, f"writing {path}") as beside:
        beside.write_text(text)
