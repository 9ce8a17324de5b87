"""Evaluation of a definition file, piece by piece.

So one error does not hide the others.
"""

import ast
import difflib
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from leeway import definition
from leeway.core.errors import LeewayError
from leeway.definition import Classifier, Column, catalog


def called(node: ast.Call) -> str:
    """Return the name of the called function; empty without one."""
    return (
        node.func.id
        if isinstance(node.func, ast.Name)
        else node.func.attr
        if isinstance(node.func, ast.Attribute)
        else ""
    )


class Unevaluated:
    """The mark of an argument that could not be evaluated."""


UNEVALUATED = Unevaluated()


@dataclass
class Evaluation:
    """The evaluation of a file, as far as it goes.

    Attributes:
        names: the file's names so far.
        findings: the errors, each with its line.
    """

    path: Path
    names: dict[str, Any]
    findings: list[tuple[int, str]] = field(default_factory=list)

    def run(self, statement: ast.stmt) -> None:
        """Run a statement of the file, or record why it fails."""
        module = ast.Module([statement], type_ignores=[])
        try:
            exec(compile(module, str(self.path), "exec"), self.names)  # noqa: S102 -- the user's own file
        except (Exception, SystemExit) as error:  # whatever a person's file raises
            self._raised(statement.lineno, error)

    def classifier(self, node: ast.Call, name: str) -> None:
        """Evaluate the call of `Classifier`, and check the whole."""
        self._call(node, {"name": name})

    def value(self, node: ast.expr) -> Any:
        """Evaluate an expression, or record why it fails.

        Returns:
            The value, or `UNEVALUATED`.
        """
        if isinstance(node, ast.Call) and self._is_ours(node):
            return self._call(node, {})
        if isinstance(node, ast.Tuple | ast.List):
            found = [self.value(item) for item in node.elts if not isinstance(item, ast.Starred)]
            if any(isinstance(item, ast.Starred) for item in node.elts):
                return self._plain(node)
            return tuple(item for item in found if item is not UNEVALUATED)
        if isinstance(node, ast.Dict) and all(isinstance(key, ast.Constant) for key in node.keys):
            items = [(key, self.value(item)) for key, item in zip(node.keys, node.values, strict=True)]
            return {key.value: item for key, item in items if isinstance(key, ast.Constant) and item is not UNEVALUATED}
        return self._plain(node)

    def _is_ours(self, node: ast.Call) -> bool:
        function = self.names.get(called(node))
        return function is not None and getattr(definition, called(node), None) is function

    def _plain(self, node: ast.expr) -> Any:
        try:
            return eval(compile(ast.Expression(node), str(self.path), "eval"), self.names)  # noqa: S307 -- likewise
        except (Exception, SystemExit) as error:  # whatever a person's file raises
            self._raised(node.lineno, error)
            return UNEVALUATED

    def _raised(self, line: int, error: BaseException) -> None:
        if isinstance(error, ValidationError):
            self.findings += [(line, text) for text in catalog.findings(error)]
        elif isinstance(error, LeewayError):
            self.findings.append((line, str(error)))
        else:
            self.findings.append((line, f"{type(error).__name__}: {error}"))

    def _call(self, node: ast.Call, given: dict[str, Any]) -> Any:
        function = self.names.get(called(node), getattr(definition, called(node), None))
        lines = {keyword.arg: keyword.lineno for keyword in node.keywords if keyword.arg}
        if not callable(function):
            return self._plain(node)
        known = _arguments(function)
        arguments: dict[str, Any] = dict(given)
        failed: set[str] = set()
        positional = [self.value(item) for item in node.args]
        for keyword in node.keywords:
            value = self.value(keyword.value)
            if keyword.arg is None:
                arguments |= value if isinstance(value, dict) else {}
            elif keyword.arg not in known:
                self.findings.append(
                    (keyword.lineno, f"{keyword.arg} is not a known name{_suggestion(keyword.arg, known)}")
                )
            elif value is UNEVALUATED:
                failed.add(keyword.arg)
            else:
                arguments[keyword.arg] = value
        if UNEVALUATED in positional:
            return UNEVALUATED
        try:
            return function(*positional, **arguments)
        except ValidationError as error:
            broken = self._refused(node, error, lines, failed)
            good = {name: value for name, value in arguments.items() if name not in broken or _is_stand_in(value)}
            return self._stand_in(function, good, node)
        except Exception as error:  # whatever a person's values make a function raise
            self._raised(node.lineno, error)
            return UNEVALUATED

    def _refused(self, node: ast.Call, error: ValidationError, lines: Mapping[str, int], failed: set[str]) -> set[str]:
        """Record pydantic's errors, each at its argument's line.

        Returns:
            The arguments that are wrong.
        """
        broken = set()
        for item in error.errors():
            argument = str(item["loc"][0]) if item["loc"] else ""
            broken.add(argument)
            if item["type"] == "missing" and argument in failed:
                continue  # it is there and wrong, which is recorded already
            for text in catalog.finding(item).split(" | "):
                if not any(text.endswith(said) for _, said in self.findings):  # of an argument that was refused itself
                    self.findings.append((lines.get(argument) or line_of(node, text) or node.lineno, text))
        return broken

    def _stand_in(self, function: Any, good: dict[str, Any], node: ast.Call) -> Any:
        """Build an unchecked value, so that its holder can be checked, too."""
        if not (isinstance(function, type) and issubclass(function, BaseModel)):
            return UNEVALUATED
        required = {name for name, item in function.model_fields.items() if item.is_required()}
        if function is not Classifier:
            return UNEVALUATED if required - set(good) else function.model_construct(**good)
        if not {"columns", "label"} <= set(good):
            return UNEVALUATED
        columns = {name: column for name, column in good["columns"].items() if isinstance(column, Column)}
        good = {**good, "columns": columns}  # another value was refused, and is none
        whole = Classifier.model_construct(**{"source": None, **good})
        for text in whole.contradictions():
            self.findings.append((line_of(node, text) or node.lineno, text))
        return UNEVALUATED


def _arguments(function: Any) -> list[str]:
    if isinstance(function, type) and issubclass(function, BaseModel):
        return list(function.model_fields)
    return list(inspect.signature(function).parameters) if callable(function) else []


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]}?)" if close else f"; known are {', '.join(known)}"


def _is_stand_in(value: Any) -> bool:
    """Say whether a value is one of ours.

    Its errors were recorded where it was made.
    """
    items = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
    return any(isinstance(item, BaseModel) for item in items)


def line_of(node: ast.AST, text: str) -> int | None:
    """Return the line of the first quoted name in a text.

    It is the line where the name is declared, else where it is used.
    """
    keys = [key for item in ast.walk(node) if isinstance(item, ast.Dict) for key in item.keys]
    for name in re.findall(r"'([^']+)'", text):
        for item in (*keys, *ast.walk(node)):
            if isinstance(item, ast.Constant) and item.value == name:
                return item.lineno
    return None
