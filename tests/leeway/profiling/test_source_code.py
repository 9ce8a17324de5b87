import ast
import subprocess
import sys
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from leeway.profiling.source_code import Block, Call, calls, quoted, write

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
PLAIN = st.recursive(
    TEXT | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=5) | st.lists(inner, max_size=5).map(tuple) | st.dictionaries(TEXT, inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_a_text_is_read_back_from_its_literal(text):
    assert ast.literal_eval(quoted(text)) == text


@settings(max_examples=60, deadline=None)
@given(PLAIN)
def test_a_value_is_read_back_from_its_source(value):
    assert ast.literal_eval(write(value)) == value


def test_a_block_is_one_item_a_line_with_its_comments():
    block = Block({"a": 1, "b": Call("f", {"x": 2})}, comments={"b": "look"}, after=["the end"])
    assert write(block) == '{\n    "a": 1,\n    # look\n    "b": f(x=2),\n    # the end\n}'
    assert write(Block({})) == "{}"
    assert write(Block([])) == "[]"


def test_the_calls_of_an_expression_are_named():
    expression = Call("c = C", {"a": Call("f"), "b": (Call("g"), "h(")}, (Block({"k": Call("i")}),))
    assert set(calls(expression)) == {"C", "f", "g", "i"}


def made(random, depth):
    """An expression of any shape."""
    letters = "abc xyz'\"\\äß\n{}#%,"
    text = "".join(random.choices(letters, k=random.randint(0, 30)))
    if depth == 0 or random.random() < 0.3:
        return random.choice([text, random.randint(-(10**6), 10**6), random.random(), True, None])
    parts = [made(random, depth - 1) for _ in range(random.randint(1, 5))]
    named = {f"{text}{number}": part for number, part in enumerate(parts)}
    keywords = {f"argument_{number}": part for number, part in enumerate(parts)}
    return random.choice(
        [Call("Thing", keywords), Call("thing", {}, tuple(parts)), tuple(parts), parts, named, Block(named)]
    )


def test_the_formatter_leaves_what_is_written_as_it_is(tmp_path):
    random = Random(0)
    for number in range(300):
        text = write(Call("made = Make", {"argument": made(random, 3)}))
        (tmp_path / f"f{number}.py").write_text(f"{text}\n")
    ruff = Path(sys.executable).with_name("ruff")
    found = subprocess.run(
        [ruff, "format", "--diff", "--isolated", "--no-cache", "--line-length", "88", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout[:3_000]
