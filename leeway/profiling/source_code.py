"""Python source in the format of `ruff format`.

A call is on one line where it fits, else one argument a line.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

WIDTH = 88


@dataclass(frozen=True)
class Raw:
    """An expression as it stands."""

    text: str


@dataclass(frozen=True)
class Call:
    """A call with positional and keyword arguments."""

    name: str
    arguments: Mapping[str, "Expression"] = field(default_factory=dict)
    positional: tuple["Expression", ...] = ()


@dataclass(frozen=True)
class Block:
    """A dict or list with one item a line, and comments."""

    items: Mapping[str, "Expression"] | Sequence["Expression"]
    comments: Mapping[str, str] = field(default_factory=dict)
    after: Sequence[str] = ()


Expression = (
    Raw
    | Call
    | Block
    | str
    | int
    | float
    | bool
    | None
    | tuple["Expression", ...]
    | dict[str, "Expression"]
    | list["Expression"]
)


def write(value: Expression, indent: int = 0, before: int = 0, after: int = 1) -> str:
    """Write the source of an expression.

    Args:
        indent: of the line that it starts on.
        before, after: characters on its first line before it, and on its last line after it.
    """
    line = _one_line(value)
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, Block) and not value.items and not value.after:
        return "{}" if isinstance(value.items, Mapping) else "[]"
    if line is not None and (indent + before + len(line) + after <= WIDTH or not _parts(value)[2]):
        return line
    pad, inner = " " * indent, " " * (indent + 4)
    opening, closing, items = _parts(value)
    lines = [opening]
    comments = value.comments if isinstance(value, Block) else {}
    keys = list(value.items) if isinstance(value, Block) and isinstance(value.items, Mapping) else []
    for position, (prefix, item) in enumerate(items):
        if keys and keys[position] in comments:
            lines += [f"{inner}# {text}" for text in comments[keys[position]].splitlines()]
        lines.append(f"{inner}{prefix}{write(item, indent + 4, len(prefix))},")
    if isinstance(value, Block):
        lines += [f"{inner}# {text}".rstrip() for text in value.after]
    return "\n".join([*lines, f"{pad}{closing}"])


def quoted(text: str) -> str:
    """Write a string literal, in double quotes.

    Single quotes are used where they need fewer escapes.
    """
    literal = repr(text)
    body = literal[1:-1].replace("\\'", "'") if literal.startswith("'") else literal[1:-1]
    mark = "'" if text.count('"') > text.count("'") else '"'
    return mark + body.replace(mark, f"\\{mark}") + mark


def calls(value: Expression) -> Iterator[str]:
    """Yield the names of all functions that an expression calls."""
    if isinstance(value, Call):
        yield value.name.split()[-1]  # of `classifier = Classifier`, the latter
    for _, item in _parts(value)[2] if isinstance(value, Call | Block | dict | tuple | list) else ():
        yield from calls(item)


def _parts(value: Expression) -> tuple[str, str, list[tuple[str, Expression]]]:
    match value:
        case Call():
            items = [("", item) for item in value.positional]
            return f"{value.name}(", ")", items + [(f"{name}=", item) for name, item in value.arguments.items()]
        case Block(items=Mapping() as mapping):
            return "{", "}", [(f"{quoted(key)}: ", item) for key, item in mapping.items()]
        case Block(items=items):
            return "[", "]", [("", item) for item in items]
        case dict():
            return "{", "}", [(f"{quoted(key)}: ", item) for key, item in value.items()]
        case tuple():
            return "(", ")", [("", item) for item in value]
        case list():
            return "[", "]", [("", item) for item in value]
    return _one_line(value) or "", "", []


def _one_line(value: Expression) -> str | None:
    match value:
        case Block():
            return None
        case Raw():
            return value.text
        case str():
            return quoted(value)
        case bool() | int() | float() | None:
            return repr(value)
    opening, closing, items = _parts(value)
    written = [(prefix, _one_line(item)) for prefix, item in items]
    if any(item is None for _, item in written):
        return None
    inside = ", ".join(f"{prefix}{item}" for prefix, item in written)
    return f"{opening}{inside}{',' if isinstance(value, tuple) and len(value) == 1 else ''}{closing}"
