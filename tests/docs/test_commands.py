"""Every command that a text quotes exists, with its options: in the documentation, in messages and in docstrings."""

import ast
import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.exceptions import TyperException

from leeway.cli import output
from leeway.cli.app import app

pytestmark = pytest.mark.unit  # though others of this folder start processes

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")), ROOT / "dashboards" / "README.md"]
MODULES = [
    path for folder in ("leeway", "flows", "tasks", "dashboards") for path in sorted(ROOT.glob(f"{folder}/**/*.py"))
]
GROUP = typer.main.get_command(app)

FENCE = re.compile(r"^ *```[^\n]*\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"`+((?:[^`]*?[ =])?leeway\s[^`]+)`+")
AT_LINE_START = re.compile(r"^\W*(?:[A-Z_]+=\S+ )*(?:docker compose exec \w+ )?(leeway [^#\n]+)", re.MULTILINE)
AFTER_COLON = re.compile(
    r"(?:^\W*|[:;] )(leeway [^#;\n]+)", re.MULTILINE
)  # "Next: leeway check NAME; leeway train NAME"
ENDS = re.compile(r"\s{2,}|[;|&)]|\s#")  # of a command in a line that goes on
PLACEHOLDER = re.compile(r"^[A-Z][A-Z_]*$|…|\.\.\.")
A_VALUE = "1"  # reads as a name, a number and a text


def in_page(text):
    """The commands that a Markdown text quotes: in spans, and as lines of blocks."""
    blocks = FENCE.findall(text)
    yield from in_spans(FENCE.sub("", text))
    for block in blocks:
        yield from (found for found in AT_LINE_START.findall(block))


def in_spans(text):
    for span in SPAN.findall(text):
        yield re.sub(r"^.*?\bleeway ", "leeway ", " ".join(span.split()))


def in_module(source):
    """The commands that the strings of a module quote; what an f-string fills in is a placeholder."""
    tree = ast.parse(source)
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else "NAME" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            text = node.value
        else:
            continue
        yield from in_spans(text)
        yield from AFTER_COLON.findall(re.sub(r"`[^`]*`", "", text))


def wrong_with(quoted):
    """What the command line would say of a quoted command; None where it exists."""
    words = shlex.split(ENDS.split(quoted, maxsplit=1)[0])[1:]
    of_all = {option for parameter in GROUP.params for option in parameter.opts} | {"--help"}
    while words and words[0] in of_all:
        words = words[1:]
    if not words or PLACEHOLDER.search(words[0]):
        return None
    command = GROUP.commands.get(words[0])
    if command is None:
        return f"there is no command {words[0]}"
    given = words[1:]
    options = [option for parameter in command.params for option in parameter.opts + parameter.secondary_opts]
    unknown = [word for word in given if word.startswith("--") and word not in (*options, "--help")]
    if unknown:
        return f"{words[0]} has no {', '.join(unknown)}"
    is_named_only = not [word for word in given if word not in ("…", "...")]
    is_cut_short = any(
        word in ("…", "...") and (place == 0 or not given[place - 1].startswith("--"))
        for place, word in enumerate(given)
    )
    if is_named_only or is_cut_short or "--help" in given:
        return None
    try:
        command.make_context(words[0], [A_VALUE if PLACEHOLDER.search(word) else word for word in given])
    except TyperException as error:
        return error.format_message()
    return None


@pytest.fixture(autouse=True)
def _same_output(monkeypatch):
    """`--json` among what is quoted must not change what other tests print."""
    monkeypatch.setattr(output, "as_json", output.as_json)


def test_every_quoted_command_exists():
    quotes = [(path, quoted) for path in PAGES for quoted in in_page(path.read_text())]
    assert len(quotes) > 80
    in_code = [(path, quoted) for path in MODULES for quoted in in_module(path.read_text())]
    assert len(in_code) > 25
    wrong = [
        f"{path.relative_to(ROOT)}: {quoted}: {problem}"
        for path, quoted in quotes + in_code
        if (problem := wrong_with(quoted)) is not None
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "quoted",
    [
        "leeway backfil NAME",
        "leeway backfill NAME --missing --run",
        "leeway hold NAME",
        "leeway --debag status NAME",
        "leeway promote NAME first --reason R",
        "leeway down NAME",
        "leeway backfill NAME --stage sing",
    ],
)
def test_a_command_that_does_not_exist_is_found(quoted):
    assert wrong_with(quoted)


@pytest.mark.parametrize(
    "quoted",
    [
        "leeway COMMAND --help",
        "leeway --debug …",
        "leeway approve",
        "leeway hold …",
        "leeway hold NAME --reason …",
        "leeway report payments 2026-03-29     # the path",
        "leeway check churn; leeway no",
    ],
)
def test_a_command_that_exists_is_none(quoted):
    assert wrong_with(quoted) is None


def test_commands_are_found_in_spans_blocks_and_strings():
    page = "So `leeway\nlist` and\n\n```sh\nA=b leeway up  # on\ndocker compose exec runner leeway doctor\n```\n"
    assert list(in_page(page)) == ["leeway list", "leeway up  ", "leeway doctor"]
    module = 'x = f"see `leeway status {name}`" "; or"\nprint("  leeway list   all")\n'
    assert sorted(in_module(module)) == ["leeway list   all", "leeway status NAME"]
