"""The outputs of a classifier: K probabilities per event.

A binary label has one output, the positive class. A multiclass label has one for each class, and they sum to one. A multilabel
label has one for each class, independent of the others. In memory, labels and decisions are boolean matrices of shape (n, K),
and probabilities floats of that shape. Stored, a binary label is a truth value `positive`; another one is `label`, a class or a
list of classes.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from leeway.core.value_text import value_text

LabelKind = Literal["binary", "multiclass", "multilabel"]
Count = int | dict[str, int]

ARROW_TYPES: dict[LabelKind, pa.DataType] = {
    "binary": pa.bool_(),
    "multiclass": pa.string(),
    "multilabel": pa.list_(pa.string()),
}


def class_text(value: object) -> str:
    """Return the stored spelling of a class.

    Whole numbers have no decimal point, truth values are in lower case, and there is no space around.
    """
    text = value_text(value)
    return text.lower() if text.lower() in ("true", "false") else text


@dataclass(frozen=True)
class Outputs:
    """The classes that a classifier's probabilities belong to.

    Attributes:
        names: the classes in the order of the columns; of a binary label, only the positive class.
    """

    kind: LabelKind
    names: tuple[str, ...]

    @property
    def exclusive(self) -> bool:
        """Whether each event has exactly one class."""
        return self.kind == "multiclass"

    @property
    def several(self) -> bool:
        """Whether there are several outputs."""
        return self.kind != "binary"

    @property
    def least(self) -> str:
        """The classes that training needs, in words."""
        return "two classes" if self.several else "both classes"

    @property
    def column(self) -> str:
        """The name of the stored label."""
        return "label" if self.several else "positive"

    @property
    def score_columns(self) -> tuple[str, ...]:
        """The probability columns of a scored frame."""
        return tuple(f"score_{name}" for name in self.names) if self.several else ("score",)

    @property
    def arrow_type(self) -> pa.DataType:
        """The type of a stored label or decision."""
        return ARROW_TYPES[self.kind]

    def matrix(self, stored: "pd.Series[Any]") -> npt.NDArray[np.bool_]:
        """Turn stored labels into a matrix, shape (n, K).

        A class that is not among the outputs is dropped.
        """
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
        """Turn a matrix into stored decisions; inverts `matrix`."""
        if self.kind == "binary":
            return pa.array(holds[:, 0])
        names = pa.array(self.names, type=pa.string())
        if self.exclusive:
            return names.take(pa.array(holds.argmax(axis=1)))
        offsets = np.concatenate([[0], np.cumsum(holds.sum(axis=1))])
        return pa.ListArray.from_arrays(pa.array(offsets, type=pa.int32()), names.take(pa.array(holds.nonzero()[1])))

    def count(self, holds: npt.NDArray[np.bool_]) -> Count:
        """Count the rows of each class."""
        return self.named(holds.sum(axis=0))

    def named(self, counts: npt.NDArray[np.integer[Any]]) -> Count:
        """Name the counts of the classes.

        Args:
            counts: one for each class, shape (K,).

        Returns:
            The counts by name; for a binary label, the count of the positive class.
        """
        return dict(zip(self.names, counts.tolist(), strict=True)) if self.several else int(counts[0])

    def align(self, p: npt.NDArray[np.float64], to: "Outputs") -> npt.NDArray[np.float64]:
        """Reorder probabilities for other outputs.

        A class that is unknown here gets the probability zero.
        """
        if self.names == to.names:
            return p
        aligned = np.zeros((len(p), len(to.names)))
        for place, name in enumerate(to.names):
            if name in self.names:
                aligned[:, place] = p[:, self.names.index(name)]
        return aligned


def describe(count: Count) -> str:
    """Describe a count in words, such as "12 positive".

    With several classes, it names the most frequent ones with their counts.
    """
    if isinstance(count, int):
        return f"{count} positive"
    shown = sorted(((name, rows) for name, rows in count.items() if rows), key=lambda item: -item[1])
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return (", ".join(f"{rows} {name}" for name, rows in shown[:5]) or "none of any class") + more
