"""The two files of a new classifier: `models/NAME.py` and `expectations/NAME.py`."""

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from leeway.core.settings import settings
from leeway.definition import CSV
from leeway.definition.grains import DAY
from leeway.ingest import audit
from leeway.profiling.columns import ColumnProfile
from leeway.profiling.expect import Expectation
from leeway.profiling.profile import RANDOM_HOLDOUT, TIME_HOLDOUT, Profile
from leeway.profiling.querying import bound_by, replace_password
from leeway.profiling.questions import ANSWER
from leeway.profiling.source_code import Block, Call, Expression, Raw, calls, quoted, write

MANY_COLUMNS = 4  # of one value: it is written once for all of them
PREPARING = frozenset({"date_from_parts", "renamed"})  # of `leeway.definition.preparing`
COMMENT_WIDTH = 78
HISTORY_WINDOWS = tuple(timedelta(days=count) for count in (1, 7, 30, 90, 365))


def definition(found: Profile) -> str:
    """Write the text of `models/NAME.py`."""
    arguments: dict[str, Expression] = {"source": _source(found)}
    if found.event_id is not None:
        arguments["event_id"] = found.event_id
    if found.event_time is not None:
        arguments["event_time"] = found.event_time
    arguments["label"] = _label(found)
    arguments["columns"] = Block(
        {
            found.renamed.get(name, name): _column(used.column, used.use, known=used.known)
            for name, used in found.declared.items()
        },
        comments=_comments(found),
        after=list(_aside(found)),
    )
    if history := tuple(_history(found)):
        arguments["history"] = history
    if found.calendar:
        arguments["calendar"] = found.calendar
    if found.grain != DAY:
        arguments["partition"] = found.grain.name
    if found.empty_partitions:
        arguments["empty_partitions"] = True
    arguments["training"] = _training(found)
    if groups := tuple(found.renamed.get(name, name) for name in found.groups):
        # How much they may differ is a person's to say: nothing in the table does.
        arguments["gates"] = Call("Gates", {"groups": groups, "group_tolerance": None})
    if found.grain.cron != DAY.cron:
        arguments["schedule"] = Call("Schedule", {"cron": found.grain.cron})
    body = Call("classifier = Classifier", arguments)
    return f"{_title(found)}\n\n{_imports(body)}\n\n{write(body)}\n"


def _comments(found: Profile) -> dict[str, str]:
    """Return what a person should look at, above each column's line."""
    asked = {name: item for item in found.questions if not item.aside for name in item.columns}
    said = {
        name: [
            *([used.column.doubt] if used.column.doubt else []),
            *(textwrap.wrap(_printable(f"{asked[name]}; {ANSWER}"), COMMENT_WIDTH) if name in asked else []),
        ]
        for name, used in found.declared.items()
        if used.use == "feature"
    }
    return {found.renamed.get(name, name): "\n".join(lines) for name, lines in said.items() if lines}


def suite(found: Profile) -> str:
    """Write the text of `expectations/NAME.py`.

    Expectations that many columns share are tables at its top.
    """
    name, rows = found.options.name, found.sample.total
    title = (
        f'"""What a delivery of {name} must look like, as {rows:,} rows were.\n\n'
        "A row that breaks an expectation about a value is quarantined. A delivery of which\n"
        "fewer rows hold than `mostly`, or that breaks one about the table, is rejected.\n"
        '"""'
    )
    constants: list[str] = []
    items: list[Expression] = []
    for group in _groups(found.kept_expectations):
        table = _TABLES.get(group[0].name)
        if table is None or len(group) == 1:
            items += [Call(f"gxe.{item.name}", _arguments(found, item)) for item in group]
        else:
            constant, comprehension = table(found, group)
            constants.append(constant)
            items.append(Raw(comprehension))
    body = write(Block(items))
    tables = "".join(f"{constant}\n" for constant in constants) + ("\n" if constants else "")
    return f"{title}\n\nimport great_expectations.expectations as gxe\n\n{tables}expectations = {body}\n"


def rule(found: Profile, item: Expectation) -> str:
    """Write an expectation as messages name its rule."""
    return audit.rule(item.name, _arguments(found, item))


def _groups(expectations: Sequence[Expectation]) -> Iterator[list[Expectation]]:
    """Group expectations that fit into one table."""
    groups: dict[tuple[str, object], list[Expectation]] = {}
    for item in expectations:
        groups.setdefault((item.name, item.arguments.get("mostly")), []).append(item)
    yield from groups.values()


def _always_there(found: Profile, group: list[Expectation]) -> tuple[str, str]:
    names = [_arguments(found, item)["column"] for item in group]
    constant = _constant("ALWAYS_THERE", found, group)
    mostly = group[0].arguments["mostly"]
    return (
        f"{constant} = {write(names, 0, len(constant) + 3, 0)}",
        f"*(\n        gxe.{group[0].name}(column=name, mostly={mostly})\n        for name in {constant}\n    )",
    )


def _values(found: Profile, group: list[Expectation]) -> tuple[str, str]:
    known = {_arguments(found, item)["column"]: item.arguments["value_set"] for item in group}
    constant = _constant("VALUES", found, group)
    mostly = group[0].arguments["mostly"]
    return (
        f"{constant} = {write(Block(known))}",
        f"*(\n        gxe.{group[0].name}(column=name, value_set=known, mostly={mostly})\n"
        f"        for name, known in {constant}.items()\n    )",
    )


def _bounds(found: Profile, group: list[Expectation]) -> Block:
    return Block(
        {
            _arguments(found, item)["column"]: (item.arguments["min_value"], item.arguments["max_value"])
            for item in group
        }
    )


def _ranges(found: Profile, group: list[Expectation]) -> tuple[str, str]:
    constant = _constant("RANGES", found, group)
    mostly = group[0].arguments["mostly"]
    return (
        f"{constant} = {write(_bounds(found, group))}",
        f"*(\n        gxe.{group[0].name}(\n            column=name, min_value=least, max_value=most, mostly={mostly}\n"
        f"        )\n        for name, (least, most) in {constant}.items()\n    )",
    )


def _medians(found: Profile, group: list[Expectation]) -> tuple[str, str]:
    return (
        f"MEDIANS = {write(_bounds(found, group))}",
        f"*(\n        gxe.{group[0].name}(column=name, min_value=least, max_value=most)\n"
        "        for name, (least, most) in MEDIANS.items()\n    )",
    )


def _filled(found: Profile, group: list[Expectation]) -> tuple[str, str]:
    least = {_arguments(found, item)["column"]: item.arguments["min_value"] for item in group}
    return (
        f"FILLED = {write(Block(least))}",
        f"*(\n        gxe.{group[0].name}(\n            column=name, min_value=share\n        )\n"
        "        for name, share in FILLED.items()\n    )",
    )


def _constant(stem: str, found: Profile, group: list[Expectation]) -> str:
    same = [item for item in _groups(found.kept_expectations) if item[0].name == group[0].name and len(item) > 1]
    return stem if len(same) == 1 else f"{stem}_{round(100 * group[0].arguments['mostly'])}"


_TABLES: dict[str, Callable[[Profile, list[Expectation]], tuple[str, str]]] = {
    "ExpectColumnValuesToNotBeNull": _always_there,
    "ExpectColumnValuesToBeInSet": _values,
    "ExpectColumnValuesToBeBetween": _ranges,
    "ExpectColumnMedianToBeBetween": _medians,
    "ExpectColumnProportionOfNonNullValuesToBeBetween": _filled,
}


def _arguments(found: Profile, item: Expectation) -> dict[str, Any]:
    column = item.arguments.get("column")
    return {**item.arguments, **({"column": found.renamed[column]} if column in found.renamed else {})}


def _title(found: Profile) -> str:
    outcome = found.outcome
    label = ", ".join(outcome.columns)
    asks = {
        "binary": f"is `{label}` {outcome.classes[0]}?",
        "multiclass": f"which of {len(outcome.classes)} classes is `{label}`?",
        "multilabel": f"which of {len(outcome.classes)} labels hold?",
    }[outcome.kind]
    name = found.options.name.replace("_", " ").capitalize()
    return f'"""{name}: {_printable(asks)}"""'


def _printable(text: str) -> str:
    """Make a text fit for a one-line docstring."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(shown.split()).replace("\\", "\\\\").replace('"', "'")


def _imports(body: Expression) -> str:
    used = {name for name in calls(body) if not name.startswith("dict.")}
    modules = {"leeway.definition": used - PREPARING, "leeway.definition.preparing": used & PREPARING}
    return "\n".join(_import(module, names) for module, names in modules.items() if names)


def _import(module: str, names: set[str]) -> str:
    def order(name: str) -> tuple[int, str]:
        return (0 if name.isupper() else 1 if name[0].isupper() else 2), name

    ordered = sorted(names, key=order)
    line = f"from {module} import {', '.join(ordered)}"
    return (
        line if len(line) <= 88 else f"from {module} import (\n" + "".join(f"    {name},\n" for name in ordered) + ")"
    )


def _source(found: Profile) -> Call:
    table = found.sample.table
    arguments: dict[str, Expression] = {}
    kind = {"csv": "CSV", "parquet": "Parquet", "query": "Query"}[table.kind]
    if table.kind == "query":
        arguments |= {"url": _url(found), "sql": _bounded(found)}
    elif _grows(found) and table.folder is not None:
        kind = "Folder"
        arguments |= {"path": _path(table.folder[0]), "pattern": table.folder[1]}
        arguments |= {"format": "parquet"} if table.kind == "parquet" else {}
    else:
        named = table.kind == "parquet" and table.folder is not None and "**" in table.folder[1]
        arguments["path"] = _path(table.folder[0] if named and table.folder else table.where)  # a data set of folders
    if table.kind == "csv":
        arguments |= _form(table.form) if table.form is not None else {}
    shown = [used.column for used in found.used.values() if used.use != "set aside"]
    missing: dict[str, Expression] = {
        column.name: tuple(column.missing)  # as the source names it: `prepare` comes later
        for column in shown
        if column.missing and column.name not in found.outcome.columns
    }
    missing |= {name: spelled for name, spelled in found.outcome.missing.items() if spelled}
    if missing:
        arguments["missing"] = _by_column(missing)
    formats: dict[str, Expression] = {
        found.renamed.get(column.name, column.name): column.times.formats
        if len(column.times.formats) > 1
        else column.times.formats[0]
        for column in shown
        if column.times is not None and column.times.formats
    }
    if formats:
        arguments["time_formats"] = formats
    if prepare := list(_prepare(found)):
        arguments["prepare"] = prepare[0] if len(prepare) == 1 else tuple(prepare)
    return Call(kind, arguments)


def _by_column(given: dict[str, Expression]) -> Expression:
    """Return a value by column; where many have the same, it is written once."""
    values = list(given.values())
    if len(given) < MANY_COLUMNS or any(value != values[0] for value in values):
        return given
    return Call("dict.fromkeys", {}, (tuple(given), values[0]))


def _grows(found: Profile) -> bool:
    """Tell whether files appear in a folder, so that each is taken in once.

    One file alone may be written again and again: each of its versions would be kept. Without an id a corrected row would be
    another event. The columns that folders name are only read from a data set.
    """
    table = found.sample.table
    named = any("=" in file.parent.name for file in table.files)
    return table.folder is not None and len(table.files) > 1 and found.event_id is not None and not named


def _form(form: CSV) -> dict[str, Expression]:
    """Return what a text's form has that is not usual."""
    usual = CSV(path=form.path)
    arguments: dict[str, Expression] = {}
    for name in ("delimiter", "encoding", "quote", "escape", "header_lines", "skip", "leave_out"):
        if (value := getattr(form, name)) != getattr(usual, name):
            arguments[name] = value
    if str(arguments.get("encoding", "")).lower().replace("_", "-") in ("utf-8", "ascii"):
        arguments.pop("encoding")
    if form.header is not None:
        count = len(form.header)
        arguments["header"] = Raw(f'tuple(f"column_{{position}}" for position in range(1, {count + 1}))')
    return arguments


def _prepare(found: Profile) -> Iterator[Call]:
    if found.parts is not None:
        parts = found.parts
        names = {"year": parts.year, "month": parts.month, "day": parts.day}
        yield Call("date_from_parts", dict(names), (parts.name,))
    if found.renamed:
        yield Call("renamed", {}, (dict(found.renamed),))


def _path(where: str) -> str:
    path = Path(where).absolute()
    project = settings().project.absolute()
    resolved = Path(*(part for part in path.parts if part != ".")) if ".." not in path.parts else path.resolve()
    return str(resolved.relative_to(project)) if resolved.is_relative_to(project) else str(resolved)


def _url(found: Profile) -> str:
    """Return the URL with a placeholder for its password."""
    return replace_password(found.sample.table.where, f"${{{found.options.name.upper()}_PASSWORD}}")


def _bounded(found: Profile) -> str:
    sql = found.sample.table.sql
    if not re.search(r"['\"`]|--|/\*", sql):  # else blanks may be part of a value, or end a comment
        sql = " ".join(sql.split())
    if found.event_time is None or found.parts is not None:
        return sql
    times = found.used[found.event_time].column.times
    time = bound_by(found.sample.table.where, found.event_time, times.formats if times is not None else ())
    end = "\n" if "--" in sql else ""
    return f"SELECT * FROM ({sql}{end}) AS source WHERE {time} >= :start AND {time} < :end"  # noqa: S608 -- text of a file


def _label(found: Profile) -> Call:
    outcome = found.outcome
    arguments: dict[str, Expression]
    if outcome.kind == "binary":
        positive, negative = (_class(value) for value in outcome.classes)
        arguments = {"column": outcome.columns[0], "positive": positive, "negative": negative}
    elif len(outcome.columns) > 1:
        arguments = {"columns": outcome.columns}
    else:
        arguments = {"column": outcome.columns[0], "classes": tuple(outcome.classes)}
        if outcome.separator is not None:
            arguments["separator"] = outcome.separator
    if found.label_time is not None:
        arguments["time"] = found.label_time
    if found.label_time is None or found.options.label_delay is not None:
        arguments["delay"] = _duration(found.delay)
    return Call("Label", arguments)


def _class(value: str) -> Expression:
    if value in ("true", "false"):
        return value == "true"
    return int(value) if re.fullmatch(r"-?\d{1,15}", value) and str(int(value)) == value else value


def _duration(delay: timedelta) -> Call:
    for unit, seconds in (("weeks", 604_800), ("days", 86_400), ("hours", 3_600)):
        count = delay.total_seconds() / seconds
        if count == int(count) and (count or unit == "days"):
            return Call(unit, {}, (int(count),))
    return Call("hours", {}, (delay.total_seconds() / 3_600,))


def _column(column: ColumnProfile, use: str, *, known: bool) -> Call:
    arguments: dict[str, Expression] = {}
    if use == "entity":
        return Call("identifier", {"sensitive": True} if column.personal else {})
    kind = {"constant": "categorical", "empty": "categorical", "identifier": "identifier"}.get(
        column.holds, column.holds
    )
    if use == "feature" and kind == "identifier":
        kind = "categorical"
    if column.numbers is not None and kind == "numeric":
        style = column.numbers
        arguments |= {"unit": style.unit} if style.unit else {}
        arguments |= {"thousands": style.thousands} if style.thousands else {}
        arguments |= {"decimal": style.decimal} if style.decimal != "." else {}
        arguments |= {"suffixes": dict(style.suffixes)} if style.suffixes else {}
    if column.slice and kind in ("numeric", "categorical", "boolean"):
        arguments["slice"] = True
    if column.personal:
        arguments["sensitive"] = True
        if use == "feature":
            arguments["feature"] = True
    if known:
        arguments["known_at_event"] = True
    return Call(kind, arguments)


def _history(found: Profile) -> Iterator[Call]:
    """Yield rolling features of an entity.

    Their windows fit into the source several times.
    """
    entity = found.options.entity
    if entity is None or found.time is None:
        return
    by = found.renamed.get(entity, entity)
    span = timedelta(seconds=(found.time.max() - found.time.min()).total_seconds())
    windows = [window for window in HISTORY_WINDOWS if 4 * window <= span][-2:]
    for window in windows:
        yield Call("History", {"by": by, "window": _duration(window)})
    if windows and found.outcome.kind == "binary":
        rate: dict[str, Expression] = {"by": by, "window": _duration(windows[-1]), "aggregate": "positive_rate"}
        yield Call("History", rate)


def _aside(found: Profile) -> Iterator[str]:
    aside = {name: used.why for name, used in found.used.items() if used.use == "set aside"}
    if aside:
        yield "Set aside; declare one here to learn from it anyway:"
        for name, why in aside.items():
            yield f"{quoted(name)}: {why}"


def _training(found: Profile) -> Call:
    arguments: dict[str, Expression] = {"holdout": RANDOM_HOLDOUT if found.time is None else TIME_HOLDOUT}
    # With time, the holdout is the future, and grouped it would have no row of an entity that was there before.
    if found.options.entity is not None and found.time is None:
        arguments["group"] = found.renamed.get(found.options.entity, found.options.entity)
    return Call("Training", arguments)
