"""Sketches: a partition's columns and scores as counts in bins.

The bins are the reference's. So nights are compared without raw rows. A text is counted by two numbers: its length, and the
share of its words that are rare in the reference. Words are kept only as hashes of 32 bits.
"""

import math
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from itertools import combinations
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict

from leeway.core.metrics import Bools, Floats
from leeway.core.outputs import Outputs
from leeway.definition import Kind

BINS = 32
COMMONEST = 30
KEPT_VALUES = 5  # of a number's commonest
MOST_PAIRED = 30  # numbers whose correlations are monitored: 435 pairs
BLOCK = 65_536  # rows that are counted at once: their bins stay in the processor's cache
FEWEST_EDGES = 3  # of a number among them
TEXT_BINS = 4  # by length, and as many by rare words: BINS together
COMMON_WORDS = 2_000
COMMON = 10  # texts of the reference that have a word which is not rare

BinCounts = npt.NDArray[np.int64]
Bins = npt.NDArray[np.intp]


class Binning(BaseModel):
    """The bins of one column.

    The last two bins are other-or-unseen values and nulls.

    Attributes:
        edges: for numbers, the inner edges of quantile bins of the reference.
        lengths, rarities: for texts, the inner edges of their length in characters, and of the share of rare words.
        words: for texts, the hashes of the reference's most frequent words.
        values: for categories, the most frequent values of the reference, one bin each.
        seen: for categories, every value of the reference, to separate rare values from unseen ones.
        least, most: for numbers, the reference's range.
        given: whether it is a column of the source; only these are checked for faults.
    """

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    edges: tuple[float, ...] | None = None
    lengths: tuple[float, ...] | None = None
    rarities: tuple[float, ...] = ()
    words: tuple[int, ...] = ()
    values: tuple[str, ...] | None = None
    seen: tuple[str, ...] = ()
    least: float = -math.inf
    most: float = math.inf
    given: bool = False

    @property
    def size(self) -> int:
        """The number of bins, the two special ones included."""
        if self.lengths is not None:
            return (len(self.lengths) + 1) * (len(self.rarities) + 1) + 2
        own = len(self.edges) + 1 if self.edges is not None else len(self.values or ())
        return own + 2

    @classmethod
    def learn(cls, column: "pd.Series[Any]", kind: Kind) -> "Binning":
        """Choose bins from the reference's rows."""
        present = column.dropna()
        if kind == "categorical":
            counts = present.value_counts()
            return cls(values=tuple(sorted(counts.index[:COMMONEST])), seen=tuple(sorted(counts.index)))
        if kind == "text":
            texts = present[present != ""]
            words = _common_words(texts)
            lengths, rarities = _lengths(texts), _rarities(texts, frozenset(words))
            return cls(lengths=_edges(lengths, TEXT_BINS), rarities=_edges(rarities, TEXT_BINS), words=words)
        numbers = present.to_numpy(dtype="float64")
        if not len(numbers):
            return cls(edges=())
        return cls(edges=_edges(numbers, BINS), least=float(numbers.min()), most=float(numbers.max()))

    def bin(self, column: "pd.Series[Any]") -> Bins:
        """Return each row's bin."""
        null = column.isna().to_numpy()
        bins: npt.NDArray[np.integer[Any]]
        if self.lengths is not None:
            null = null | (column == "").to_numpy(dtype=bool)
            texts = column.where(~null, "")
            length = np.searchsorted(np.asarray(self.lengths), _lengths(texts), side="left")
            rarity = np.searchsorted(np.asarray(self.rarities), _rarities(texts, frozenset(self.words)), side="left")
            bins = np.asarray(length * (len(self.rarities) + 1) + rarity, dtype=np.intp)
        elif self.edges is not None:
            numbers = column.to_numpy(dtype="float64")
            bins = np.zeros(len(numbers), dtype=np.uint8)
            for edge in self.edges:  # a fifth of the time of a search: nothing for the processor to guess
                bins += numbers > edge
        else:
            place = {value: position for position, value in enumerate(self.values or ())}
            codes, values = pd.factorize(column)  # each value is looked up once, not each row's
            bins = np.array([place.get(value, self.size - 2) for value in values] + [self.size - 1], dtype=np.intp)[
                codes
            ]
        return np.where(null, self.size - 1, bins).astype(np.intp, copy=False)

    def count(self, column: "pd.Series[Any]") -> BinCounts:
        """Count the rows in each bin."""
        return np.bincount(self.bin(column), minlength=self.size)

    def unseen(self, column: "pd.Series[Any]") -> int:
        """Count the rows with an unseen category."""
        if self.values is None:
            return 0
        (codes, values), seen = pd.factorize(column), frozenset(self.seen)
        return int(np.array([value not in seen for value in values] + [False])[codes].sum())

    def outside(self, column: "pd.Series[Any]") -> int:
        """Count the rows far outside the reference's range.

        Far is farther than the range is wide. A number that only grows needs long to get there.
        """
        room, numbers = self.most - self.least, column.to_numpy(dtype="float64")
        if room <= 0:  # a constant has no scale, and no model has learnt from it
            return 0
        return int(np.count_nonzero(numbers < self.least - room) + np.count_nonzero(numbers > self.most + room))


@dataclass(frozen=True)
class Sketch:
    """A scored partition as counts; the counts of its parts add up.

    Attributes:
        counts: for every monitored column, the rows in each of its bins.
        unseen: for every category, the rows with an unseen value.
        outside: for every number, the rows far outside the reference's range.
        common: for every number, its most frequent values with their rows.
        products: for each pair of numbers, the sum of the products of their ranks, as `pairs` has them.
    """

    rows: int
    counts: dict[str, list[int]]
    unseen: dict[str, int]
    outside: dict[str, int]
    common: dict[str, list[tuple[float, int]]]
    products: list[float]

    @classmethod
    def of(cls, binnings: Mapping[str, Binning], columns: pd.DataFrame) -> "Sketch":
        """Count a partition.

        Args:
            columns: the monitored columns, scores included; shape (n, columns).
        """
        parts = (cls._of(binnings, columns.iloc[start : start + BLOCK]) for start in range(0, len(columns) or 1, BLOCK))
        common = {name: _commonest(columns[name]) for name, binning in binnings.items() if binning.edges is not None}
        return replace(reduce(add, parts), common=common)

    @classmethod
    def _of(cls, binnings: Mapping[str, Binning], columns: pd.DataFrame) -> "Sketch":
        """Count a part, without the most frequent values.

        Those of the whole do not follow from those of its parts.
        """
        bins = {name: binning.bin(columns[name]) for name, binning in binnings.items()}
        numbers = [name for name, binning in binnings.items() if binning.edges is not None]
        return cls(
            rows=len(columns),
            counts={name: np.bincount(bins[name], minlength=item.size).tolist() for name, item in binnings.items()},
            unseen={  # a value with a bin of its own has been seen
                name: item.unseen(columns[name][bins[name] == item.size - 2])
                for name, item in binnings.items()
                if item.values is not None
            },
            outside={name: binnings[name].outside(columns[name]) for name in numbers},
            common={},
            products=products(binnings, bins).tolist(),
        )

    def __add__(self, other: "Sketch") -> "Sketch":
        """Add up two sketches."""
        return Sketch(
            rows=self.rows + other.rows,
            counts={name: _sum(own, other.counts[name]) for name, own in self.counts.items()},
            unseen={name: count + other.unseen[name] for name, count in self.unseen.items()},
            outside={name: count + other.outside[name] for name, count in self.outside.items()},
            common={name: _together(own, other.common[name]) for name, own in self.common.items()},
            products=[one + two for one, two in zip(self.products, other.products, strict=True)],
        )


def pairs(binnings: Mapping[str, Binning]) -> list[tuple[str, str]]:
    """Return the pairs of numbers whose correlation is monitored.

    They are of the source's own columns, at most `MOST_PAIRED` of them.
    """
    numbers = [name for name, item in binnings.items() if item.given and len(item.edges or ()) >= FEWEST_EDGES]
    return list(combinations(numbers[:MOST_PAIRED], 2))


def products(binnings: Mapping[str, Binning], bins: Mapping[str, Bins]) -> Floats:
    """Sum the products of ranks over rows, for each pair.

    Ranks are from -1/2 to 1/2; that of a null is 0.
    """
    names = list(dict.fromkeys(name for pair in pairs(binnings) for name in pair))
    if not names:
        return np.zeros(0)
    ranked = np.stack([ranks(binnings[name])[bins[name]] for name in names])
    return np.asarray((ranked @ ranked.T)[np.triu_indices(len(names), 1)])


def ranks(binning: Binning) -> Floats:
    """Return the middle rank of each bin."""
    count = binning.size - 2
    return np.append((np.arange(count) + 0.5) / count - 0.5, [0.0, 0.0])


def _commonest(column: "pd.Series[float]") -> list[tuple[float, int]]:
    numbers = np.sort(column.dropna().to_numpy(dtype="float64"))  # a fifth of the time of hashing each
    first = np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1])[: len(numbers)])
    counts = np.diff(np.append(first, len(numbers)))
    most = np.argpartition(-counts, KEPT_VALUES)[:KEPT_VALUES] if len(counts) > KEPT_VALUES else np.arange(len(counts))
    most = most[np.lexsort((most, -counts[most]))]
    return list(zip(numbers[first[most]].tolist(), counts[most].tolist(), strict=True))


def _together(one: list[tuple[float, int]], two: list[tuple[float, int]]) -> list[tuple[float, int]]:
    counts: Counter[float] = Counter()
    for value, count in [*one, *two]:
        counts[value] += count
    return counts.most_common(KEPT_VALUES)


def _sum(one: list[int], two: list[int]) -> list[int]:
    return [first + second for first, second in zip(one, two, strict=True)]


@dataclass(frozen=True)
class LabelResiduals:
    """The labels of a scored partition compared with its scores.

    Attributes:
        rows: the number of rows with a label.
        rates, expected: the share of each monitored class by the labels, and by the scores.
        errors: for every column, the sum of y - p of the rows in each of its bins, for each class; shape (bins, K).
    """

    rows: int
    rates: list[float]
    expected: list[float]
    errors: dict[str, list[list[float]]]

    @classmethod
    def of(cls, binnings: Mapping[str, Binning], columns: pd.DataFrame, y: Bools, p: Floats) -> "LabelResiduals":
        """Sum up labels less scores.

        Args:
            y, p: labels and scores of the monitored classes, shape (n, K).
        """
        found, errors = {}, y - p
        for name, binning in binnings.items():
            bins = binning.bin(columns[name])
            sums = [np.bincount(bins, weights=column, minlength=binning.size) for column in errors.T]
            found[name] = np.column_stack(sums).tolist()
        return cls(len(columns), y.mean(axis=0).tolist(), p.mean(axis=0).tolist(), found)


def with_scores(x: pd.DataFrame, p: Floats, outputs: Outputs) -> pd.DataFrame:
    """Add the scores of the classes as columns."""
    scores = pd.DataFrame(p, columns=list(outputs.score_columns), index=x.index)
    return pd.concat([x, scores], axis=1)


def _edges(numbers: Floats, bins: int) -> tuple[float, ...]:
    if not len(numbers):
        return ()
    inner = np.quantile(numbers, np.linspace(0, 1, bins + 1)[1:-1], method="lower")
    return tuple(float(edge) for edge in np.unique(inner))


def _common_words(texts: "pd.Series[str]") -> tuple[int, ...]:
    having = Counter(word for text in texts for word in set(_words(text)))
    return tuple(sorted(word for word, count in having.most_common(COMMON_WORDS) if count >= COMMON))


def _lengths(texts: "pd.Series[str]") -> Floats:
    return np.asarray(texts.str.len(), dtype=np.float64)


def _rarities(texts: "pd.Series[str]", common: frozenset[int]) -> Floats:
    """Return the share of rare words of each text.

    A text without words has 0.
    """
    found = ([word not in common for word in _words(text)] for text in texts)
    return np.array([sum(rare) / max(1, len(rare)) for rare in found], dtype=np.float64)


def _words(text: str) -> list[int]:
    return [zlib.crc32(word.encode(errors="replace")) for word in text.lower().split()]


def shares(counts: npt.NDArray[Any]) -> Floats:
    """Turn counts into shares along the last axis.

    Without rows, they are zeros.
    """
    totals = counts.sum(axis=-1, keepdims=True)
    return np.asarray(counts / np.maximum(totals, 1), dtype="float64")


def hellinger(p: Floats, q: Floats) -> Floats:
    """Return Hellinger's distance along the last axis.

    It is 0 for equal discrete distributions, 1 for disjoint ones.
    """
    return np.asarray(np.sqrt(np.maximum(0.0, 1 - np.sqrt(p * q).sum(axis=-1))))
