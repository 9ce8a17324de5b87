"""What a fitted pipeline does, as plain data that is written as JSON.

A member is an encoder and an estimator. The encoder makes a list of numbers, its slots, of a row; an estimator makes
probabilities of them.
"""

import base64
import gzip
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from leeway.core.metrics import Floats

Number = float | None


class Plain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="is"):
    """A part of a description; `is` names its class."""


class NumberSlot(Plain, frozen=True, tag="number"):
    """A number as it is."""

    feature: str


class ScaledSlot(Plain, frozen=True, tag="scaled"):
    """A number, or `fill` where there is none, less `mean` and divided by `scale`."""

    feature: str
    fill: float
    mean: float
    scale: float


class GapSlot(Plain, frozen=True, tag="gap"):
    """1 where a number is missing, else 0; less `mean` and divided by `scale`."""

    feature: str
    mean: float
    scale: float


class ValueSlots(Plain, frozen=True, tag="values"):
    """Numbers that stand for a category.

    Attributes:
        known: of each category, `width` numbers.
        unseen, missing: of any other category, and of none.
    """

    feature: str
    known: dict[str, list[Number]]
    unseen: list[Number]
    missing: list[Number]


class TextSlots(Plain, frozen=True, tag="text"):
    """The TF-IDF weights of a text, and what they are multiplied with.

    Attributes:
        parts: words and characters, each hashed into buckets of its own.
        directions: the topics, as `encoded` writes an array of shape (buckets of all parts, topics); None where the weights
            themselves are the slots.
    """

    feature: str
    parts: "list[TextPart]"
    directions: str | None


class TextPart(Plain, frozen=True, tag="part"):
    """How a part of a text is hashed.

    Attributes:
        unit: words, or characters within words.
        shortest, longest: of a run of units.
        idf: the weight of each bucket, as `encoded` writes it; its length is the number of buckets.
    """

    unit: Literal["word", "character"]
    shortest: int
    longest: int
    idf: str


Slots = NumberSlot | ScaledSlot | GapSlot | ValueSlots | TextSlots


class Tree(Plain, frozen=True, tag="tree"):
    """A tree's nodes as lists of the same length; node 0 is the root.

    Attributes:
        slot: that a node asks; -1 at a leaf.
        threshold: a number goes left where it is not above; None for one that no number is above, and where a set decides.
        members: of codes that go left; None where a threshold decides.
        missing_left: whether a missing number, or a code of no set, goes left.
        left, right: nodes; of a leaf -1.
        leaf: the leaf's numbers, one for each output of the tree; empty within.
    """

    slot: list[int]
    threshold: list[Number]
    members: list[list[int] | None]
    missing_left: list[bool]
    left: list[int]
    right: list[int]
    leaf: list[list[float]]


class Boosted(Plain, frozen=True, tag="boosted"):
    """A sum of trees, and a link.

    Attributes:
        start: of each output.
        trees: of each output, in the order in which they are summed.
        codes: of the slots that are asked by sets, the code that each number stands for in the trees; others are missing.
        in_four_bytes: whether numbers, sums and the link have 4 bytes.
    """

    start: list[float]
    trees: list[list[Tree]]
    codes: dict[int, dict[float, int]]
    in_four_bytes: bool = False


class Forest(Plain, frozen=True, tag="forest"):
    """The mean of trees whose leaves are probabilities; numbers are rounded to 4 bytes first."""

    trees: list[Tree]


class Linear(Plain, frozen=True, tag="linear"):
    """Weights of slots, shape (outputs, slots) as `encoded` writes it, and intercepts."""

    weights: str
    intercepts: list[float]


class Constant(Plain, frozen=True, tag="constant"):
    """The same probabilities for every row."""

    p: list[float]


class Several(Plain, frozen=True, tag="several"):
    """An estimator for each label; the probability of its positive class is the label's."""

    estimators: "list[Estimator]"


class Vote(Plain, frozen=True, tag="vote"):
    """The weighted mean of estimators that see the same slots."""

    estimators: "list[Estimator]"
    weights: list[float]


Estimator = Boosted | Forest | Linear | Constant | Several | Vote


class Member(Plain, frozen=True, tag="member"):
    """An encoder and its estimator."""

    slots: list[Slots]
    estimator: Estimator


class Temperature(Plain, frozen=True, tag="temperature"):
    """An exponent."""

    exponent: float


class Sigmoid(Plain, frozen=True, tag="sigmoid"):
    """A logistic regression on the log odds."""

    weight: float
    intercept: float


class Isotonic(Plain, frozen=True, tag="isotonic"):
    """A line through points, and flat beyond them."""

    x: list[float]
    y: list[float]


Calibrator = Temperature | Sigmoid | Isotonic | None


class Description(Plain, frozen=True, tag="bundle"):
    """A bundle's whole way from a row to probabilities.

    Attributes:
        form: of this description; another one is made anew.
        features: with their kinds, in order.
        kind: of the label.
        classes: of its probabilities, in order; of a binary label the positive one.
        known: places of the classes that the estimators know.
        members, weights: of a vote; they are one without an ensemble.
        calibrators: by class.
    """

    form: int
    features: dict[str, str]
    kind: Literal["binary", "multiclass", "multilabel"]
    classes: list[str]
    known: list[int]
    members: list[Member]
    weights: list[float]
    calibrators: list[Calibrator]


FORM = 1


def write(description: Description, path: Path) -> None:
    """Write a description, the same bytes for the same one."""
    path.write_bytes(gzip.compress(msgspec.json.encode(description), mtime=0))


def read(path: Path) -> Description | None:
    """Read a description; None of a form that this version does not know."""
    data = gzip.decompress(path.read_bytes())
    if msgspec.json.decode(data, type=_Numbered).form != FORM:
        return None
    return msgspec.json.decode(data, type=Description)


class _Numbered(msgspec.Struct):
    form: int


def encoded(numbers: Floats) -> str:
    """Write an array of 8-byte floats as text, without a loss."""
    return base64.b64encode(np.ascontiguousarray(numbers, dtype="<f8").tobytes()).decode()


def decoded(text: str) -> Floats:
    """Read what `encoded` wrote, as one dimension."""
    return np.frombuffer(base64.b64decode(text), dtype="<f8")
