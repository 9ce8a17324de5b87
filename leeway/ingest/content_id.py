"""Ids of rows without one, by a hash of their content.

The hash does not change with the version of a library.
"""

import hashlib
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Words = npt.NDArray[np.uint64]
TEXT = pa.large_string()
PIECE = 1 << 18  # bytes of text that are hashed at once: what fits a processor's cache
MULTIPLIER = 0x9E3779B97F4A7C15  # odd, so that it has an inverse
DIGEST = 16  # bytes: two of 10^12 rows share a hash once in 10^14 times


def content_hashes(rows: pd.DataFrame) -> "pd.Series[str]":
    """Hash each row's values with their names, in hexadecimal.

    Missing values and the columns' order do not count.
    """
    hashes = [hashlib.blake2b(text.encode(), digest_size=DIGEST).hexdigest() for text in _texts(rows).to_pylist()]
    return pd.Series(hashes, index=rows.index, dtype="str")


def short_hashes(rows: pd.DataFrame) -> Words:
    """Hash each row as `content_hashes` does, far faster and in 8 bytes: to see a change, and not to identify.

    A value's hash is a polynomial of its bytes modulo 2^64, made for a whole column at once; it is mixed with the column's
    name, so that values which change places are another row.
    """
    total = np.zeros(len(rows), np.uint64)
    for name in rows.columns:
        own = int.from_bytes(hashlib.blake2b(str(name).encode(), digest_size=8).digest())
        total += np.where(
            rows[name].isna().to_numpy(dtype=bool), np.uint64(0), _mixed(_words(rows[name]) + np.uint64(own))
        )
    return _mixed(total)


def _mixed(words: Words) -> Words:
    """Spread every bit of each word over all of it (SplitMix64; Steele, Lea and Flood 2014)."""
    mixed = words ^ (words >> np.uint64(30))
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _words(values: "pd.Series[Any]") -> Words:
    """Make eight bytes of each value, the same for the same value; any eight for a missing one."""
    text = _text(values)
    if pa.types.is_integer(text.type):
        integers: npt.NDArray[np.int64] = pc.fill_null(text, 0).to_numpy()
        return integers.view(np.uint64)
    offsets = np.frombuffer(text.buffers()[1], np.int64, len(text) + 1, text.offset * 8)
    data = np.frombuffer(text.buffers()[2] or b"", np.uint8)
    powers, inverses = _powers()
    found = np.zeros(len(text), np.uint64)
    first = 0
    while first < len(text):
        last = int(np.searchsorted(offsets, offsets[first] + PIECE, side="right")) - 1
        if last <= first:  # one value that is longer
            digest = hashlib.blake2b(data[offsets[first] : offsets[first + 1]].tobytes(), digest_size=8).digest()
            found[first] = int.from_bytes(digest)
            first += 1
            continue
        starts = offsets[first : last + 1] - offsets[first]
        terms = np.zeros(starts[-1] + 1, np.uint64)  # one more, where an empty text at the end may begin
        np.add(data[offsets[first] : offsets[last]], np.uint64(1), out=terms[:-1])  # a zero byte counts, too
        terms *= powers[: len(terms)]
        sums = np.add.reduceat(terms, starts[:-1]) * inverses[starts[:-1]]
        found[first:last] = np.where(starts[1:] > starts[:-1], sums, np.uint64(0))
        first = last
    return found


@cache
def _powers() -> tuple[Words, Words]:
    """Powers of the multiplier, and of its inverse, modulo 2^64."""
    inverse = pow(MULTIPLIER, -1, 2**64)
    factors = np.full((2, PIECE + 1), [[MULTIPLIER], [inverse]], dtype=np.uint64)
    factors[:, 0] = 1
    powers, inverses = np.multiply.accumulate(factors, axis=1)
    return powers, inverses


def _texts(rows: pd.DataFrame) -> pa.Array:
    written = [_named(str(name), rows[name]) for name in sorted(rows.columns, key=str)]
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


def _named(name: str, values: "pd.Series[Any]") -> pa.Array:
    """Write each value as name, length and text.

    So two different rows never have the same text. A missing value stays missing.
    """
    text = pc.cast(_text(values), TEXT)
    length = pc.cast(pc.binary_length(text), TEXT)
    return pc.binary_join_element_wise(pa.scalar(name, TEXT), length, text, pa.scalar("\x1f", TEXT))


def _text(values: "pd.Series[Any]") -> pa.Array:
    """Write each value as text, or the bits of a float and the microseconds of an instant as integers."""
    missing = values.isna().to_numpy(dtype=bool)
    if pd.api.types.is_float_dtype(values.dtype) and not isinstance(values.dtype, pd.api.extensions.ExtensionDtype):
        bits = (values.astype("float64") + 0.0).to_numpy().view("int64")  # + 0.0: no minus zero
        return pa.array(bits, mask=missing)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        micros = values.dt.as_unit("us").astype("int64").to_numpy()
        return pa.array(micros, mask=missing)
    text = values.astype("str")
    found = pa.array((text.mask(missing) if missing.any() else text).array, TEXT, from_pandas=True)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found
