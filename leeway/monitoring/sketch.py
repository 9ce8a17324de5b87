"""Sketches: a partition's columns and scores as counts in the reference's bins, so that nights compare without raw rows."""

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

Counts = npt.NDArray[np.int64]


class Binning(BaseModel):
    """How one column is counted. The last two bins are other-or-unseen values and nulls.

    Attributes:
        edges: for numbers, the inner edges of quantile bins of the reference.
        values: for categories, the commonest values of the reference, one bin each.
        seen: for categories, every value of the reference, to tell the rare from the unseen.
    """

    model_config = ConfigDict(frozen=True)

    edges: tuple[float, ...] | None = None
    values: tuple[str, ...] | None = None
    seen: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The number of bins, the two special ones included."""
        own = len(self.edges) + 1 if self.edges is not None else len(self.values or ())
        return own + 2

    @classmethod
    def learn(cls, column: "pd.Series[Any]", kind: Kind) -> "Binning":
        """The bins that the reference's rows suggest."""
        present = column.dropna()
        if kind == "categorical":
            counts = present.value_counts()
            return cls(values=tuple(sorted(counts.index[:COMMONEST])), seen=tuple(sorted(counts.index)))
        numbers = present.to_numpy(dtype="float64")
        inner = np.quantile(numbers, np.linspace(0, 1, BINS + 1)[1:-1], method="lower") if len(numbers) else []
        return cls(edges=tuple(float(edge) for edge in np.unique(inner)))

    def bin(self, column: "pd.Series[Any]") -> npt.NDArray[np.intp]:
        """Each row's bin."""
        null = column.isna().to_numpy()
        bins: npt.NDArray[np.integer[Any]]
        if self.edges is not None:
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


def shares(counts: npt.NDArray[Any]) -> Floats:
    """Counts as shares along the last axis; zeros where there is no row."""
    totals = counts.sum(axis=-1, keepdims=True)
    return np.asarray(counts / np.maximum(totals, 1), dtype="float64")


def hellinger(p: Floats, q: Floats) -> Floats:
    """Hellinger's distance of discrete distributions along the last axis, from 0 (equal) to 1 (disjoint)."""
    return np.asarray(np.sqrt(np.maximum(0.0, 1 - np.sqrt(p * q).sum(axis=-1))))
