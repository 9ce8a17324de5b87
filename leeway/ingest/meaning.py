"""What stored rows mean: the parts of a definition that read them, and whether it says something else now.

The first publication writes the parts down. A later definition may say something else: amounts in cents, the classes of the
label exchanged, days that have become weeks. Its rows could not be told from the stored ones, so nothing is published until a
person has decided, by `leeway adopt`.
"""

import ast
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leeway.core.errors import DefinitionError
from leeway.core.outputs import class_text
from leeway.definition import Classifier, Column, Label, Rows
from leeway.store.database import database
from leeway.store.tables import meaning as table

PARTITION = "partition"
Parts = dict[str, str]


@dataclass(frozen=True)
class Change:
    """A part of a definition that says something else than when the stored rows were read.

    Attributes:
        part: such as `column amount`.
        effect: on the rows that are stored, in words.
    """

    part: str
    before: str
    now: str
    effect: str

    def __str__(self) -> str:
        return f"{self.part}: {self.now}, was {self.before}; {self.effect}"


def parts_of(classifier: Classifier) -> Parts:
    """Return what decides the meaning of rows, by part, in words that do not change with a version of Leeway."""
    source, label = classifier.source, classifier.label
    parts = {
        PARTITION: classifier.partition.name,
        "event id": classifier.event_id or "the content",
        "event time": classifier.event_time or "the arrival",
        "label": _label(label),
        **{f"column {name}": _column(column) for name, column in classifier.columns.items()},
        **_reading("source", source),
    }
    return parts | (_reading("label's source", label.source) if label.source is not None else {})


def changes(connection: Connection, classifier: Classifier) -> list[Change]:
    """List how a definition differs from the one that read the stored rows; empty before the first publication.

    A new column is no change, because stored rows have no value of it; nor is one that is gone.
    """
    before = _adopted(connection, classifier.name)
    if before is None:
        return []
    now = parts_of(classifier)
    given = [part for part in {**before, **now} if not part.startswith("column ") or (part in before and part in now)]
    return [
        Change(part, before.get(part, "nothing"), now.get(part, "nothing"), _effect(part))
        for part in given
        if before.get(part) != now.get(part)
    ]


def changes_of(classifier: Classifier) -> list[Change]:
    """Return the same, by a connection of its own."""
    with database().transaction() as connection:
        return changes(connection, classifier)


def must_be_adopted(connection: Connection, classifier: Classifier, action: str) -> None:
    """Refuse to write by a definition that says something else; write down what the first one says.

    Raises:
        DefinitionError: it says something else.
    """
    if found := changes(connection, classifier):
        raise DefinitionError(
            action,
            problem="the definition says something else than when the stored rows were read",
            found=" | ".join(str(change) for change in found),
            hint=f"undo the change, or decide by `leeway adopt {classifier.name}`; nothing was written",
        )
    before, now = _adopted(connection, classifier.name), parts_of(classifier)
    if before != now:  # a column more, or one less
        adopt(connection, classifier, read_again=False, actor="")


def adopt(connection: Connection, classifier: Classifier, *, read_again: bool, actor: str) -> None:
    """Write down what the definition says from now on.

    Args:
        read_again: whether stored partitions are to be read again.
    """
    values = {"classifier": classifier.name, "parts": parts_of(classifier), "read_again": read_again, "actor": actor}
    connection.execute(sa.insert(table).values(values))


def read_again_since(connection: Connection, name: str) -> datetime | None:
    """Return when a person last decided that stored partitions are to be read again."""
    mine = (table.c.classifier == name) & table.c.read_again
    found: datetime | None = connection.scalar(sa.select(sa.func.max(table.c.adopted_at)).where(mine))
    return found


def _adopted(connection: Connection, name: str) -> Parts | None:
    query = sa.select(table.c.parts).where(table.c.classifier == name).order_by(table.c.adopted_at.desc()).limit(1)
    found: Parts | None = connection.scalar(query)
    return found


def _effect(part: str) -> str:
    if part == PARTITION:
        return "stored days, their predictions and verdicts would be taken for other periods"
    if part == "label":
        return "stored labels would be mixed with labels of another meaning"
    if part in ("event id", "event time"):
        return "stored events would not be recognised, and come a second time"
    return "stored values would be mixed with values of another meaning"


def _label(label: Label) -> str:
    columns = " and ".join(label.source_columns)
    if label.kind == "binary":
        return f"{columns}, positive is {class_text(label.positive)}, negative is {class_text(label.negative)}"
    separated = f" separated by {label.separator!r}" if label.separator else ""
    return f"{columns}, {label.kind}{separated}"  # a class more or less leaves the others what they were


def _column(column: Column) -> str:
    style = {
        "unit": column.unit,
        "thousands": column.thousands,
        "decimal": None if column.decimal == "." else column.decimal,
        **{f"suffix {sign}": f"{factor:g}" for sign, factor in sorted(column.suffixes.items())},
    }
    given = [f"{name} {value}" for name, value in style.items() if value is not None]
    return ", ".join([column.kind, *given])


def _reading(what: str, source: Rows) -> Parts:
    missing = source.missing if isinstance(source.missing, Mapping) else {"every column": source.missing}
    parts = {
        f"{what}'s time zone": source.timezone,
        **{f"{what}'s times in {name}": " or ".join(source.formats(name)) for name in source.time_formats},
        **{
            f"{what}'s missing values in {name}": ", ".join(sorted(spelled))
            for name, spelled in missing.items()
            if spelled
        },
    }
    if code := list(_code(source.prepare, set())):
        parts[f"{what}'s prepare"] = hashlib.sha256("\n".join(code).encode()).hexdigest()[:12]
    return parts


def _code(function: Any, seen: set[int]) -> Iterator[str]:
    """Yield the code of `prepare`, and of the functions of the project that it calls, without comments and form."""
    if function is None or id(function) in seen:
        return
    seen.add(id(function))
    if isinstance(function, tuple):
        for part in function:
            yield from _code(part, seen)
    elif isinstance(function, partial):
        yield repr((function.args, sorted(function.keywords.items())))
        yield from _code(function.func, seen)
    elif isinstance(function, FunctionType):
        yield _text(function)
        for name in _names(function.__code__):
            called = function.__globals__.get(name)
            if isinstance(called, FunctionType) and "site-packages" not in called.__code__.co_filename:
                yield from _code(called, seen)
            elif isinstance(called, int | float | str | tuple | frozenset):
                yield f"{name} = {called!r}"
    else:
        yield repr(function)


def _names(code: Any) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            yield from _names(constant)


def _text(function: FunctionType) -> str:
    """Return a function's code as Python's own parser writes it."""
    path, line = function.__code__.co_filename, function.__code__.co_firstlineno
    try:
        tree = ast.parse(Path(path).read_text())
    except (OSError, SyntaxError, UnicodeDecodeError):  # it was made by no file
        return function.__qualname__
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.FunctionDef)
            and node.name == function.__name__
            and line == min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        ):
            return "\n".join(ast.unparse(statement) for statement in node.body)
    lambdas = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Lambda) and node.lineno == line]
    return "\n".join(lambdas) or function.__qualname__
