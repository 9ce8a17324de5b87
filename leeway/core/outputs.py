"""The outputs of a classifier: the K probabilities that it gives an event, whatever kind of label it learns.

A binary label has one, that of the positive class; a multiclass label one for each class, and they sum to one; a multilabel
label one for each class, on its own. In memory, labels and decisions are boolean matrices of shape (n, K), and probabilities
floats of that shape. Stored, a binary label is a truth value `positive`; another one is `label`, a class or a list of them.
"""

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

LabelKind = Literal["binary", "multiclass", "multilabel"]
Count = int | dict[str, int]

ARROW_TYPES: dict[LabelKind, pa.DataType] = {
    "binary": pa.bool_(),
    "multiclass": pa.string(),
    "multilabel": pa.list_(pa.string()),
}


def class_text(value: object) -> str:
    """A class in the one spelling that is stored: whole numbers without a point, truth in lower case, no spaces around."""
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, int | float | np.number) and float(value).is_integer():
        return str(int(value))
    text = re.sub(r"^(-?\d+)\.0+$", r"\1", str(value).strip())  # 1.0 for 1: a CSV column of whole numbers with gaps
    return text.lower() if text.lower() in ("true", "false") else text


@dataclass(frozen=True)
class Outputs:
    """What a classifier's probabilities are of.

    Attributes:
        names: the classes in the order of the columns; of a binary label, the positive class alone.
    """

    kind: LabelKind
    names: tuple[str, ...]

    @property
    def exclusive(self) -> bool:
        """Whether exactly one class holds for each event, so that probabilities sum to one."""
        return self.kind == "multiclass"

    @property
    def several(self) -> bool:
        """Whether there is more to say than of one class."""
        return self.kind != "binary"

    @property
    def least(self) -> str:
        """What there must be labels of to learn anything, in words."""
        return "two classes" if self.several else "both classes"

    @property
    def column(self) -> str:
        """The name of the stored label."""
        return "label" if self.several else "positive"

    @property
    def score_columns(self) -> tuple[str, ...]:
        """The columns of a scored frame that hold the probabilities."""
        return tuple(f"score_{name}" for name in self.names) if self.several else ("score",)

    @property
    def arrow_type(self) -> pa.DataType:
        """The type of a stored label or decision."""
        return ARROW_TYPES[self.kind]

    def matrix(self, stored: "pd.Series[Any]") -> npt.NDArray[np.bool_]:
        """Which classes hold, shape (n, K), from stored labels. A class that is not among the outputs holds nowhere."""
        values = pa.array(stored, type=self.arrow_type, from_pandas=True)
        holds = np.zeros((len(values), len(self.names)), dtype=bool)
        if self.kind == "binary":
            holds[:, 0] = values.fill_null(False).to_numpy(zero_copy_only=False)
            return holds
        several = self.kind == "multilabel"
        flat, rows = (values.flatten(), pc.list_parent_indices(values)) if several else (values, None)
        codes = pc.index_in(flat, pa.array(self.names)).fill_null(-1).to_numpy(zero_copy_only=False)
        places = np.arange(len(values)) if rows is None else rows.to_numpy(zero_copy_only=False)
        holds[places[codes >= 0], codes[codes >= 0]] = True
        return holds

    def stored(self, holds: npt.NDArray[np.bool_]) -> pa.Array:
        """Decisions of shape (n, K) as they are stored; the inverse of `matrix`."""
        if self.kind == "binary":
            return pa.array(holds[:, 0])
        names = pa.array(self.names, type=pa.string())
        if self.exclusive:
            return names.take(pa.array(holds.argmax(axis=1)))
        offsets = np.concatenate([[0], np.cumsum(holds.sum(axis=1))])
        return pa.ListArray.from_arrays(pa.array(offsets, type=pa.int32()), names.take(pa.array(holds.nonzero()[1])))

    def count(self, holds: npt.NDArray[np.bool_]) -> Count:
        """In how many rows the positive class holds; by class where there are several."""
        return self.named(holds.sum(axis=0))

    def named(self, counts: npt.NDArray[np.integer[Any]]) -> Count:
        """One count for each class, shape (K,), by their names; the positive class's alone where there is but one."""
        return dict(zip(self.names, counts.tolist(), strict=True)) if self.several else int(counts[0])

    def align(self, p: npt.NDArray[np.float64], to: "Outputs") -> npt.NDArray[np.float64]:
        """Probabilities in the order of other outputs; a class unknown to these has the probability zero."""
        if self.names == to.names:
            return p
        aligned = np.zeros((len(p), len(to.names)))
        for place, name in enumerate(to.names):
            if name in self.names:
                aligned[:, place] = p[:, self.names.index(name)]
        return aligned


def describe(count: Count) -> str:
    """A count in words: "12 positive", or the commonest classes with their numbers."""
    if isinstance(count, int):
        return f"{count} positive"
    shown = sorted(((name, rows) for name, rows in count.items() if rows), key=lambda item: -item[1])
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return (", ".join(f"{rows} {name}" for name, rows in shown[:5]) or "none of any class") + more
