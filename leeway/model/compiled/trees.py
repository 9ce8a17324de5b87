"""Trees as Python source: nested conditional expressions, compiled once."""

import math
import struct
from collections.abc import Callable, Sequence

import numpy as np

from leeway.model.compiled.description import Boosted, Forest, Tree

DEEPEST = 60  # of nested expressions, of which Python's parser bears some more

Numbers = Sequence[float]


def boosted(estimator: Boosted) -> Callable[[Numbers], list[float]]:
    """Make the function from slots to the sums of the trees."""
    source = _Source()
    names: dict[str, object] = {f"codes{slot}": own for slot, own in estimator.codes.items()}
    lines, sums = [], []
    for k, (start, trees) in enumerate(zip(estimator.start, estimator.trees, strict=True)):
        values = [source.value(tree) for tree in trees]
        if estimator.in_four_bytes:
            sums.append(f"sum_in_four_bytes([{', '.join([repr(start), *values])}])")
        else:
            lines += [f"s{k} = {start!r}", *(f"s{k} += {value}" for value in values)]
            sums.append(f"s{k}")
    numbers = "x"
    if estimator.in_four_bytes:
        numbers, names = "rounded", {**names, "in_four_bytes": _in_four_bytes, "sum_in_four_bytes": _sum_in_four_bytes}
        lines = ["rounded = in_four_bytes(x)", *lines]
    unpacked = [
        f"x{slot} = codes{slot}.get(x[{slot}], -1)" if slot in estimator.codes else f"x{slot} = {numbers}[{slot}]"
        for slot in sorted(source.slots)
    ]
    first = 1 if estimator.in_four_bytes else 0
    return source.function([*lines[:first], *unpacked, *lines[first:]], f"[{', '.join(sums)}]", names)


def forest(estimator: Forest) -> Callable[[Numbers], list[float]]:
    """Make the function from slots to the mean of the leaves.

    Numbers are rounded to 4 bytes, as scikit-learn does; one that has no such number is an OverflowError.
    """
    source = _Source()
    width = len(next(leaf for leaf in estimator.trees[0].leaf if leaf))
    lines = [f"s{k} = 0.0" for k in range(width)]
    for tree in estimator.trees:
        lines.append(f"leaf = {source.value(tree)}")
        lines += [f"s{k} += leaf[{k}]" for k in range(width)]
    result = f"[{', '.join(f's{k} / {len(estimator.trees)}' for k in range(width))}]"
    unpacked = [f"x{slot} = rounded[{slot}]" for slot in sorted(source.slots)]
    return source.function(["rounded = in_four_bytes(x)", *unpacked, *lines], result, {"in_four_bytes": _in_four_bytes})


def _in_four_bytes(numbers: Numbers) -> tuple[float, ...]:
    form = f"<{len(numbers)}f"
    return struct.unpack(form, struct.pack(form, *numbers))


def _sum_in_four_bytes(numbers: Numbers) -> float:
    return float(np.add.accumulate(np.array(numbers, dtype=np.float32))[-1])


class _Source:
    """The source of trees that share their slots."""

    def __init__(self) -> None:
        self.slots: set[int] = set()
        self._helpers: list[str] = []

    def value(self, tree: Tree) -> str:
        """Write the expression of a tree's value."""
        own = sorted({slot for slot in tree.slot if slot >= 0})
        self.slots.update(own)
        return self._node(tree, 0, 0, ", ".join(f"x{slot}" for slot in own))

    def function(self, lines: Sequence[str], result: str, names: dict[str, object]) -> Callable[[Numbers], list[float]]:
        """Compile the function of a slot list."""
        body = "\n    ".join([*lines, f"return {result}"])
        scope: dict[str, object] = {"inf": math.inf, **names}
        text = "\n".join([*self._helpers, f"def compiled(x):\n    {body}"])
        exec(compile(text, "compiled trees", "exec"), scope)  # noqa: S102 -- numbers of a checked description, and our own words
        made: Callable[[Numbers], list[float]] = scope["compiled"]  # type: ignore[assignment]
        return made

    def _node(self, tree: Tree, node: int, depth: int, slots: str) -> str:
        slot = tree.slot[node]
        if slot < 0:
            leaf = tree.leaf[node]
            return repr(leaf[0]) if len(leaf) == 1 else f"({', '.join(map(repr, leaf))})"
        if depth == DEEPEST:
            name = f"below{len(self._helpers)}"
            self._helpers.append("")  # its place, before those that it needs itself
            place = len(self._helpers) - 1
            self._helpers[place] = f"def {name}({slots}):\n    return {self._node(tree, node, 0, slots)}"
            return f"{name}({slots})"
        left, right = (self._node(tree, side[node], depth + 1, slots) for side in (tree.left, tree.right))
        members, threshold = tree.members[node], tree.threshold[node]
        if members is not None:
            among = ", ".join(map(str, sorted({*members, -1} if tree.missing_left[node] else members)))
            return f"({left} if x{slot} in {{{among}}} else {right})" if among else right
        limit = "inf" if threshold is None else repr(float(threshold))
        # A comparison with a missing number is false.
        if tree.missing_left[node]:
            return f"({right} if x{slot} > {limit} else {left})"
        return f"({left} if x{slot} <= {limit} else {right})"
