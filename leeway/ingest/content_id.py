"""Ids of rows without one, by a hash of their content.

The hash does not change with the version of a library.
"""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

TEXT = pa.large_string()
DIGEST = 16  # bytes: two of 10^12 rows share a hash once in 10^14 times


def content_hashes(rows: pd.DataFrame) -> "pd.Series[str]":
    """Hash each row's values with their names, in hexadecimal.

    Missing values and the columns' order do not count.
    """
    hashes = [hashlib.blake2b(text.encode(), digest_size=DIGEST).hexdigest() for text in _texts(rows).to_pylist()]
    return pd.Series(hashes, index=rows.index, dtype="str")


def short_hashes(rows: pd.DataFrame) -> "npt.NDArray[np.uint64]":
    """Hash each row as `content_hashes` does, far faster and in 8 bytes: to see a change, and not to identify."""
    return pd.util.hash_array(_texts(rows).to_numpy(zero_copy_only=False), categorize=False)


def _texts(rows: pd.DataFrame) -> pa.Array:
    written = [_written(str(name), rows[name]) for name in sorted(rows.columns, key=str)]
    empty = pa.array([""] * len(rows), TEXT)
    return pc.binary_join_element_wise(empty, *written, pa.scalar("", TEXT), null_handling="skip")


def numbered(hashes: "pd.Series[str]", order: pd.DataFrame) -> "pd.Series[str]":
    """Make ids from hashes and the number of the occurrence.

    Args:
        order: columns to sort equal rows by, missing values last; rows that are equal in them, too, keep their order.
    """
    names = list(order.columns)
    sequence = order.reset_index(drop=True).sort_values(names, kind="stable").index if names else order.index
    ordered = hashes.reset_index(drop=True).loc[sequence]
    occurrence = ordered.groupby(ordered).cumcount().sort_index().astype("str")
    return pd.Series((hashes.reset_index(drop=True) + "-" + occurrence).array, index=hashes.index)


def _written(name: str, values: "pd.Series[Any]") -> pa.Array:
    """Write each value as name, length and text.

    So two different rows never have the same text. A missing value stays missing.
    """
    text = _text(values)
    length = pc.cast(pc.binary_length(text), TEXT)
    return pc.binary_join_element_wise(pa.scalar(name, TEXT), length, text, pa.scalar("\x1f", TEXT))


def _text(values: "pd.Series[Any]") -> pa.Array:
    missing = values.isna().to_numpy(dtype=bool)
    if pd.api.types.is_float_dtype(values.dtype) and not isinstance(values.dtype, pd.api.extensions.ExtensionDtype):
        bits = (values.astype("float64") + 0.0).to_numpy().view("int64")  # + 0.0: no minus zero
        return pc.cast(pa.array(bits, mask=missing), TEXT)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        micros = values.dt.as_unit("us").astype("int64").to_numpy()
        return pc.cast(pa.array(micros, mask=missing), TEXT)
    return pa.array(values.astype("str").mask(missing).array, TEXT, from_pandas=True)
