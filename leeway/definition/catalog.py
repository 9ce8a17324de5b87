"""The catalog of definitions and suites.

They are the files `models/NAME.py` and `expectations/NAME.py`.
"""

import difflib
import hashlib
import importlib.util
import sys
from functools import cache
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Never

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from leeway import definition
from leeway.core.errors import DefinitionError, NotFound
from leeway.core.settings import settings
from leeway.definition import Classifier, preparing

# A definition that was written for an older Leeway imports them from where they were.
sys.modules.setdefault("leeway.preparing", preparing)


def names() -> list[str]:
    """Return the names of all declared classifiers."""
    return sorted(path.stem for path in (settings().project / "models").glob("*.py") if not path.stem.startswith("_"))


@cache
def load(name: str) -> Classifier:
    """Load a definition.

    Raises:
        NotFound: there is no such file.
        DefinitionError: the file does not run, or is not valid.
    """
    return load_anew(name)


def load_anew(name: str) -> Classifier:
    """Load a definition as its file is now.

    Raises:
        NotFound: there is no such file.
        DefinitionError: the file does not run, or is not valid.
    """
    path = definition_path(name)
    module = _run(path, f"loading {path.name}")
    found = list({id(value): value for value in vars(module).values() if isinstance(value, Classifier)}.values())
    if len(found) != 1:
        raise DefinitionError(
            f"loading {path}",
            problem="it has no Classifier" if not found else "it has more than one Classifier",
            found=len(found),
            hint="write `classifier = Classifier(…)` once, and one file per classifier",
        )
    try:
        return Classifier.model_validate({**_fields(found[0]), "name": name})
    except ValidationError as error:
        raise definition_error(f"loading {path}", error) from None


def load_expectations(name: str) -> list[object]:
    """Load the list `expectations` of a suite file, unchecked.

    Its items are Great Expectations' own objects, or their configurations.

    Raises:
        DefinitionError: there is no such file, it does not run, or it holds no such list.
    """
    path = expectations_path(name)
    if not path.exists():
        raise DefinitionError(
            f"loading the suite of {name}",
            problem="the classifier has no suite, so nothing checks its data",
            found=f"no file {path}",
            hint="write it; expectations/payments.py is an example",
        )
    found = getattr(_run(path, f"loading {path}"), "expectations", None)
    if not isinstance(found, list | tuple):
        raise DefinitionError(
            f"loading {path}",
            problem="it has no list named `expectations`",
            found=type(found).__name__,
            hint="write `expectations = [gxe.Expect…(…), …]`",
        )
    return list(found)


def definition_path(name: str) -> Path:
    """Return the path of a definition.

    Raises:
        NotFound: there is no definition of this name.
    """
    path = settings().project.absolute() / "models" / f"{name}.py"
    if path.parent.name != "models" or not path.exists():
        close = difflib.get_close_matches(name, names(), n=1)
        hint = f"did you mean {close[0]}?" if close else f"declared here: {', '.join(names()) or 'none'}"
        raise NotFound("finding a classifier", problem="there is no such file in models/", found=name, hint=hint)
    return path


def expectations_path(name: str) -> Path:
    """Return the path of a suite, which may not exist."""
    return settings().project.absolute() / "expectations" / f"{name}.py"


def fingerprint(name: str) -> str:
    """Hash the definition's text."""
    return hashlib.sha256(definition_path(name).read_bytes()).hexdigest()[:16]


def load_as(name: str, expected: str) -> Classifier:
    """Load a definition that must equal another process's.

    It is loaded anew where the file has changed, because a worker may live for weeks.

    Args:
        expected: the fingerprint in the other process.

    Raises:
        DefinitionError: the definition differs here.
    """
    if (here := fingerprint(name)) != expected:
        raise DefinitionError(
            f"working on a part of {name}",
            problem="this worker has another definition",
            found=f"{here} instead of {expected}",
            hint="bring the same models/ to every worker",
        )
    if _loaded_as.get(name) != expected:
        load.cache_clear()
        _loaded_as[name] = expected
    return load(name)


_loaded_as: dict[str, str] = {}


def audit_fingerprint(name: str) -> str:
    """Hash the suite's text and the definition's contract.

    A delivery is audited by these.
    """
    classifier = load(name)
    contract = (
        classifier.event_id,
        classifier.event_time,
        classifier.label,
        classifier.columns,
        classifier.source.timezone,
        classifier.source.time_formats,
        classifier.quarantine_limit,
    )
    suite = expectations_path(name)
    text = suite.read_bytes() if suite.exists() else b""
    return hashlib.sha256(text + repr(contract).encode()).hexdigest()[:16]


def definition_error(action: str, error: ValidationError) -> DefinitionError:
    """Turn all of pydantic's errors into one."""
    found = findings(error)
    return DefinitionError(
        action,
        problem=" | ".join(found),
        hint=f"correct {'it' if len(found) == 1 else 'them'} and load it again",
    )


def findings(error: ValidationError) -> list[str]:
    """Return all of pydantic's errors in words."""
    return [finding(item) for item in error.errors()]


def finding(item: ErrorDetails) -> str:
    """Return one of pydantic's errors in words."""
    where, kind = item["loc"], item["type"]
    name = ".".join(str(part) for part in where)
    if kind == "extra_forbidden":
        return f"{name} is not a known name{_suggestion(str(where[-1]))}"
    if kind == "missing":
        return f"{name} is missing"
    text = item["msg"].removeprefix("Value error, ")
    shown = "" if kind == "value_error" else f", got {item.get('input')!r}"
    return f"{name}: {text}{shown}" if name else f"{text}{shown}"


def _suggestion(name: str) -> str:
    values = [value for value in vars(definition).values() if isinstance(value, type) and issubclass(value, BaseModel)]
    known = {field for value in values for field in value.model_fields}
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def _fields(classifier: Classifier) -> dict[str, object]:
    return {field: getattr(classifier, field) for field in classifier.model_fields_set}


class _FreshLoader(SourceFileLoader):
    """A loader without bytecode.

    Bytecode would hide a second change within one second.
    """

    def path_stats(self, path: str) -> Never:
        raise OSError


def _run(path: Path, action: str) -> ModuleType:
    # A name of its own: `models` and `expectations` are folders of the user, not packages to import.
    loader = _FreshLoader(f"_leeway_{path.parent.name}_{path.stem}", str(path))
    spec = ModuleSpec(loader.name, loader, origin=loader.path)
    spec.has_location = True  # so that the file knows its `__file__`
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module
    try:
        loader.exec_module(module)
    except ValidationError as error:
        raise definition_error(action, error) from error
    except (Exception, SystemExit) as error:  # whatever a person's file raises; one that ends does not end the others
        line = _line_in(path, error)
        raise DefinitionError(
            action,
            problem="the file does not run",
            found=f"{type(error).__name__}: {error}{line}",
            hint="correct it and run this again",
        ) from error
    return module


def _line_in(path: Path, error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f" in line {error.lineno}"
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f" in line {line}" if line else ""
