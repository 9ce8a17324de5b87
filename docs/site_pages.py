"""What the documentation site takes from the code when it is built: the reference, and the lists of runbooks and decisions.

`mkdocs.yml` names this file as a hook. Nothing here is imported by Leeway.
"""

import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer
from pydantic import AwareDatetime, BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from leeway import definition
from leeway.cli.app import app
from leeway.core.settings import Settings
from leeway.definition import preparing
from leeway.definition.grains import GRAINS, Grain

ROOT = Path(__file__).parents[1]
PROJECT_PAGES = ("CONTRIBUTING", "CHANGELOG", "SECURITY")
FIRST = ("classifier", "source", "label", "column", "history")  # of a definition, in the order that people write them
TYPES = {type(None): "None", timedelta: "duration", Any: "any", str: "text", int: "whole number", float: "number"}
TYPES |= {Grain: " or ".join(f"`{grain!r}`" for grain in GRAINS)}
TYPES |= {bool: "True or False", SecretStr: "text, never shown", AwareDatetime: "time with a zone"}


def on_config(config: Any) -> Any:
    """Replace each folder in the navigation by the list of its pages."""
    config.nav = [_listed(item) for item in config.nav]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are written from the code, and those that lie above the folder of the documentation."""
    from mkdocs.structure.files import File

    pages = {"reference/definition.md": definition_page(), "reference/commands.md": commands_page()}
    pages["reference/settings.md"] = settings_page()
    for name in PROJECT_PAGES:
        pages[f"project/{name.lower()}.md"] = project_page((ROOT / f"{name}.md").read_text(encoding="utf-8"))
    for path, content in pages.items():
        files.append(File.generated(config, path, content=content))
    return files


def project_page(text: str) -> str:
    """A page of the repository's top folder, with links as they are from the site's folder `project`."""
    text = re.sub(r"\]\(docs/", "](../", text)
    return re.sub(r"\]\((CONTRIBUTING|CHANGELOG|SECURITY)\.md", lambda found: f"]({found[1].lower()}.md", text)


def commands_page() -> str:
    """Every command with its arguments and options."""
    group: Any = typer.main.get_command(app)
    parts = [
        "# Command line",
        "Exit codes: 0 if all went well, 1 if the work failed or was refused, 2 for wrong usage. "
        "`leeway --debug COMMAND` shows the traceback of an error.",
    ]
    for name, command in group.commands.items():
        arguments = [item for item in command.params if item.param_type_name == "argument"]
        options = [item for item in command.params if item.param_type_name == "option"]
        usage = " ".join(["leeway", name, *(_as_argument(item) for item in arguments)])
        parts += [f"## {name}", _text(command.help or ""), f"```\n{usage}{' [OPTIONS]' if options else ''}\n```"]
        rows = [(f"`{_as_argument(item)}`", _cell(item.help or "")) for item in arguments]
        rows += [(f"`{_as_option(item)}`", _cell(_with_default(item))) for item in options]
        parts.append(_table(("argument or option", "meaning"), rows))
    return "\n\n".join(parts) + "\n"


def settings_page() -> str:
    """Every environment variable."""
    told = _attributes(Settings)
    names = "|".join(Settings.model_fields)

    def meaning(name: str) -> str:
        return _cell(re.sub(rf"`({names})`", lambda found: f"`LEEWAY_{found[1].upper()}`", told.get(name, "")))

    rows = [
        (f"`LEEWAY_{name.upper()}`", _type(field.annotation), _default(field), meaning(name))
        for name, field in Settings.model_fields.items()
    ]
    intro = (
        "Settings are environment variables. Lists are JSON. `PREFECT_API_URL` names a Prefect server to run under; without "
        "it, that of `leeway up` is used, or a private one for each command."
    )
    return "\n\n".join(["# Settings", intro, _table(("variable", "type", "default", "meaning"), rows)]) + "\n"


def definition_page() -> str:
    """Everything that a file in `models/` can say."""
    parts = ["# Definition", _text(inspect.getdoc(definition) or "")]
    parts.append("All of it is imported by `from leeway.definition import *`. Arguments are keywords.")
    for module, names in _by_module().items():
        heading = (inspect.getdoc(sys.modules[module]) or module).splitlines()[0].rstrip(".")
        parts.append(f"## {heading}")
        for name in names:
            parts += _described(name, getattr(definition, name))
    parts += ["## Ready functions for `prepare`", "They are in `leeway.definition.preparing`."]
    for name, function in inspect.getmembers(preparing, inspect.isfunction):
        if function.__module__ == preparing.__name__ and not name.startswith("_"):
            parts += _function(name, function)
    return "\n\n".join(parts) + "\n"


def _listed(item: Any) -> Any:
    if isinstance(item, list):
        return [_listed(part) for part in item]
    if not isinstance(item, dict):
        return item
    return {title: _pages_of(value) if str(value).endswith("/") else _listed(value) for title, value in item.items()}


def _pages_of(folder: str) -> list[str]:
    others = sorted(path.name for path in (ROOT / "docs" / folder).glob("*.md") if path.name != "README.md")
    return [f"{folder}{name}" for name in ("README.md", *others)]


def _by_module() -> dict[str, list[str]]:
    """The names of the definition by the module or package that has them, in the order in which people write them."""
    found: dict[str, list[str]] = {f"{definition.__name__}.{module}": [] for module in FIRST}
    for name, value in vars(definition).items():
        if name not in definition.__all__ or not (inspect.isclass(value) or inspect.isfunction(value)):
            continue
        if value.__module__.startswith(definition.__name__):
            found.setdefault(".".join(value.__module__.split(".")[:3]), []).append(name)
    return found


def _described(name: str, value: Any) -> list[str]:
    if inspect.isclass(value) and issubclass(value, BaseModel):
        return _model(name, value)
    if inspect.isfunction(value):
        return _function(name, value)
    return [f"### {name}", _text(_summary(inspect.getdoc(value) or ""))]


def _model(name: str, model: type[BaseModel]) -> list[str]:
    told = _attributes(model)
    rows = [
        (f"`{field}`", _type(info.annotation), _default(info), _cell(told.get(field, "")))
        for field, info in model.model_fields.items()
        if field != "name" and (field != "kind" or field in told)  # filled in by itself
    ]
    parts = [f"### {name}", _text(_summary(inspect.getdoc(model) or ""))]
    return [*parts, _table(("argument", "type", "default", "meaning"), rows)] if rows else parts


def _function(name: str, function: Callable[..., Any]) -> list[str]:
    given = ", ".join(
        item.name if item.default is item.empty else f"{item.name}={item.default!r}"
        for item in inspect.signature(function).parameters.values()
    )
    told = _named(inspect.getdoc(function) or "", "Args")
    rows = [(f"`{argument}`", _cell(text)) for argument, text in told.items()]
    parts = [f"### {name}", f"```python\n{name}({given})\n```", _text(_summary(inspect.getdoc(function) or ""))]
    return [*parts, _table(("argument", "meaning"), rows)] if rows else parts


def _attributes(model: type) -> dict[str, str]:
    """What docstrings say of a class's attributes, those of its bases too."""
    told: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base.__module__.startswith("leeway") and base.__doc__:
            told |= _named(inspect.cleandoc(base.__doc__), "Attributes")
    return told


def _named(docstring: str, section: str) -> dict[str, str]:
    """The entries of a section of a docstring, as Google writes them; `a, b: text` is of both."""
    found = re.search(rf"^{section}:\n((?:    .*\n?|\n)+)", docstring, re.MULTILINE)
    if found is None:
        return {}
    entries: dict[str, str] = {}
    for names, text in re.findall(r"^    ([\w, ]+):[ \n](.*(?:\n {5,}.*)*)", found[1], re.MULTILINE):
        entries |= dict.fromkeys((name.strip() for name in names.split(",")), text)
    return entries


def _summary(docstring: str) -> str:
    return re.split(r"^(?:Attributes|Args|Returns|Raises):$", docstring, maxsplit=1, flags=re.MULTILINE)[0]


def _type(annotation: Any) -> str:
    text = " or ".join(dict.fromkeys(_alternatives(annotation)))
    return _cell(text)


def _alternatives(annotation: Any) -> Iterator[str]:
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        yield from _alternatives(parts[0])
    elif origin in (typing.Union, types.UnionType):
        for part in parts:
            yield from _alternatives(part)
    elif origin is typing.Literal:
        yield from (f"`{part!r}`" for part in parts)
    elif origin is tuple:
        inner = " or ".join(dict.fromkeys(_alternatives(parts[0])))
        yield f"tuple of {inner}"
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield f"mapping from {' or '.join(_alternatives(parts[0]))} to {' or '.join(_alternatives(parts[1]))}"
    elif origin is not None and "Callable" in str(origin):
        yield "function"
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation.__name__ in vars(definition):
        yield f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    else:
        yield TYPES.get(annotation) or getattr(annotation, "__name__", str(annotation)).lower()


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default is PydanticUndefined:
        return "depends on the machine" if field.default_factory is not None else ""
    return _cell(_value(field.default))


def _value(value: Any) -> str:
    if isinstance(value, BaseModel):
        return f"`{type(value).__name__}()`" if not value.model_fields_set else f"a {type(value).__name__}"
    if isinstance(value, timedelta):
        return "none" if not value else _duration(value)
    if isinstance(value, tuple) and any(isinstance(item, BaseModel) for item in value):
        return "see [How a bundle is learnt](../learning.md)"
    if isinstance(value, Path):
        return f"`{value}`"
    if isinstance(value, SecretStr) or value in ("", None, ()) or value == {}:
        return ""
    return f"`{value!r}`"


def _duration(value: timedelta) -> str:
    for unit in ("weeks", "days", "hours", "minutes"):
        count, rest = divmod(value, timedelta(**{unit: 1}))
        if not rest:
            return f"{count} {unit if count > 1 else unit[:-1]}"
    return f"{value.total_seconds():g} seconds"


def _as_argument(argument: Any) -> str:
    shown = argument.name.upper()
    return shown if argument.required else f"[{shown}]"


def _as_option(option: Any) -> str:
    names = "/".join([*option.opts, *option.secondary_opts])
    return names if option.is_flag else f"{names} {option.name.upper()}"


def _with_default(option: Any) -> str:
    told = str(option.help or "")
    if option.required:
        return f"{told} Required."
    return told


def _text(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = tuple(heads)
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
