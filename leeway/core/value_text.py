"""One spelling for one value: `3`, `3.0` and ` 3 ` are the same entity, category, key or class, whatever the source."""

import re
import unicodedata
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

WHOLE = re.compile(r"([-+]?\d+)\.0+")
EXACT = 2.0**53  # whole floats beyond it may stand for several integers


def value_text(value: object) -> str:
    """Return a value's one spelling.

    A whole number has no decimal point, text no space around it, and a letter with an accent is one sign (Unicode's NFC).
    """
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, Decimal):
        return _without_zeros(f"{value:f}")
    if isinstance(value, float | np.floating):
        value = float(value)
        return str(int(value)) if value.is_integer() and abs(value) < EXACT else repr(value)
    text = unicodedata.normalize("NFC", str(value)).strip()
    return whole[1] if (whole := WHOLE.fullmatch(text)) else text


def as_text(raw: "pd.Series[Any]") -> "pd.Series[str]":
    """Return values in their one spelling.

    A text that PostgreSQL cannot store becomes missing.
    """
    if pd.api.types.is_bool_dtype(raw.dtype) or pd.api.types.is_integer_dtype(raw.dtype):
        return raw.astype("string").astype("str").mask(raw.isna())
    if raw.dtype == "str":
        return _texts(raw)
    if pd.api.types.is_datetime64_any_dtype(raw.dtype):
        return raw.astype("string").astype("str").mask(raw.isna())
    distinct = raw.map(value_text, na_action="ignore")
    return _texts(distinct.astype("str").mask(raw.isna()))


def _texts(raw: "pd.Series[str]") -> "pd.Series[str]":
    given = pa.array(raw, pa.large_string(), from_pandas=True)
    given = given.combine_chunks() if isinstance(given, pa.ChunkedArray) else given  # of rows read in pieces
    values = pc.utf8_trim_whitespace(_composed(given))
    values = pc.replace_substring_regex(values, rf"^{WHOLE.pattern}$", r"\1")
    values = pc.if_else(pc.match_substring(values, "\0"), None, values)  # PostgreSQL's text cannot hold it
    return pd.Series(values.to_pandas().array, index=raw.index, name=raw.name, dtype="str")


def _composed(values: pa.Array) -> pa.Array:
    # Not by Arrow: its utf8_normalize leaves composed what is, and decomposed what is, by NFC too (seen with 25).
    if pc.all(pc.string_is_ascii(values)).as_py() is not False:
        return values
    distinct = values.dictionary_encode()
    spelled = [unicodedata.normalize("NFC", text) for text in distinct.dictionary.to_pylist()]
    return pc.take(pa.array(spelled, values.type), distinct.indices)


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
