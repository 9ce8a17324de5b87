"""The runbooks: one for each alert and error."""

import re
import sys
from pathlib import Path

import leeway
from leeway.core import errors
from leeway.core.errors import LeewayError, NotFound
from leeway.views import links

#: Beside the code, or where the package is installed.
FOLDERS = (Path(leeway.__file__).parents[1] / "docs" / "runbooks", Path(sys.prefix) / "share" / "leeway" / "runbooks")
UNEXPECTED = "unexpected-error"
DIED = "run-died"


def names() -> list[str]:
    """Return the names of all runbooks."""
    return sorted(path.stem for path in _folder().glob("*.md") if path.stem != "README")


def text(name: str) -> str:
    """Return a runbook as Markdown.

    Raises:
        NotFound: there is no runbook of this name.
    """
    if name not in names():
        raise NotFound(
            "finding a runbook",
            problem="there is no such runbook",
            found=name,
            hint=f"choose one of {', '.join(names())}",
        )
    return (_folder() / f"{name}.md").read_text(encoding="utf-8")


def of_error(message: str) -> str:
    """Return the runbook for a failed run's message.

    The message names the kind of error.
    """
    for name in of_kinds():
        if re.search(rf"\b{name}\b", message):
            return of_kinds()[name]
    return DIED if not message or "died" in message or "no sign of life" in message else UNEXPECTED


def of_kinds() -> dict[str, str]:
    """Return the runbook of each kind of error."""
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, LeewayError)]
    return {kind.__name__: _dashed(kind.__name__) for kind in kinds if kind is not LeewayError}


def link(name: str) -> str | None:
    """Return a runbook's address on the dashboards."""
    return links.page("runbook", subject=name)


def _folder() -> Path:
    return next((folder for folder in FOLDERS if folder.is_dir()), FOLDERS[0])


def _dashed(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
