"""Sketches: a partition's columns and scores as counts in the reference's bins, so that nights compare without raw rows.

A text counts by two numbers of its own: how long it is, and which share of its words the reference's texts rarely had. Its
words themselves are kept nowhere but as hashes of 32 bits.
"""

import zlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict

from leeway.definition import Kind
from leeway.metrics import Floats

BINS = 16
COMMONEST = 30
TEXT_BINS = 4  # by length, and as many by rare words: BINS together
COMMON_WORDS = 2_000
COMMON = 10  # texts of the reference that have a word which is not rare

Counts = npt.NDArray[np.int64]


class Binning(BaseModel):
    """How one column is counted. The last two bins are other-or-unseen values and nulls.

    Attributes:
        edges: for numbers, the inner edges of quantile bins of the reference.
        lengths, rarities: for texts, the inner edges of their length in characters, and of the share of rare words.
        words: for texts, the hashes of the reference's commonest words.
        values: for categories, the commonest values of the reference, one bin each.
        seen: for categories, every value of the reference, to tell the rare from the unseen.
    """

    model_config = ConfigDict(frozen=True)

    edges: tuple[float, ...] | None = None
    lengths: tuple[float, ...] | None = None
    rarities: tuple[float, ...] = ()
    words: tuple[int, ...] = ()
    values: tuple[str, ...] | None = None
    seen: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The number of bins, the two special ones included."""
        if self.lengths is not None:
            return (len(self.lengths) + 1) * (len(self.rarities) + 1) + 2
        own = len(self.edges) + 1 if self.edges is not None else len(self.values or ())
        return own + 2

    @classmethod
    def learn(cls, column: "pd.Series[Any]", kind: Kind) -> "Binning":
        """The bins that the reference's rows suggest."""
        present = column.dropna()
        if kind == "categorical":
            counts = present.value_counts()
            return cls(values=tuple(sorted(counts.index[:COMMONEST])), seen=tuple(sorted(counts.index)))
        if kind == "text":
            texts = present[present != ""]
            words = _common_words(texts)
            lengths, rarities = _lengths(texts), _rarities(texts, frozenset(words))
            return cls(lengths=_edges(lengths, TEXT_BINS), rarities=_edges(rarities, TEXT_BINS), words=words)
        return cls(edges=_edges(present.to_numpy(dtype="float64"), BINS))

    def bin(self, column: "pd.Series[Any]") -> npt.NDArray[np.intp]:
        """Each row's bin."""
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
            bins = np.asarray(np.searchsorted(np.asarray(self.edges), numbers, side="left"), dtype=np.intp)
        else:
            place = {value: position for position, value in enumerate(self.values or ())}
            bins = column.map(place).fillna(self.size - 2).to_numpy(dtype=np.intp)
        return np.where(null, self.size - 1, bins)

    def count(self, column: "pd.Series[Any]") -> Counts:
        """How many rows fall into each bin."""
        return np.bincount(self.bin(column), minlength=self.size)

    def unseen_share(self, column: "pd.Series[Any]") -> float:
        """The share of rows with a category that the reference never had."""
        if self.values is None or column.empty:
            return 0.0
        return float((column.notna() & ~column.isin(self.seen)).mean())


def learn(x: pd.DataFrame, features: Mapping[str, Kind]) -> dict[str, Binning]:
    """The bins of every feature."""
    return {name: Binning.learn(x[name], kind) for name, kind in features.items()}


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
    """The share of each text's words that are not among the common ones; 0 where it has no word."""
    found = ([word not in common for word in _words(text)] for text in texts)
    return np.array([sum(rare) / max(1, len(rare)) for rare in found], dtype=np.float64)


def _words(text: str) -> list[int]:
    return [zlib.crc32(word.encode(errors="replace")) for word in text.lower().split()]


def shares(counts: npt.NDArray[Any]) -> Floats:
    """Counts as shares along the last axis; zeros where there is no row."""
    totals = counts.sum(axis=-1, keepdims=True)
    return np.asarray(counts / np.maximum(totals, 1), dtype="float64")


def hellinger(p: Floats, q: Floats) -> Floats:
    """Hellinger's distance of discrete distributions along the last axis, from 0 (equal) to 1 (disjoint)."""
    return np.asarray(np.sqrt(np.maximum(0.0, 1 - np.sqrt(p * q).sum(axis=-1))))
