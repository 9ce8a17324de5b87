"""Numbers of any source, as floats: signs, digits and separators of many hands, and units and suffixes as declared."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

MINUS = "\u2212\u2012\u2013\ufe63\uff0d"  # signs that are written for a minus
SPACE = "[ \u00a0\u202f\u2009]"  # also those that do not break, or are thin


@dataclass(frozen=True)
class Style:
    """How the numbers of a column are written.

    Attributes:
        unit: a sign before or after a number; one without it is read as well.
        suffixes: signs after a number, with what it is multiplied by.
    """

    unit: str | None = None
    thousands: str | None = None
    decimal: str = "."
    suffixes: Mapping[str, float] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """Whether there is nothing but digits, a point and a sign."""
        return self.unit is None and self.thousands is None and self.decimal == "." and not self.suffixes


def read_numbers(raw: "pd.Series[Any]", style: Style | None = None) -> "pd.Series[float]":
    """Read numbers; missing where a value is none, or is not finite.

    A minus may be any of Unicode's, stand behind the number, or be a pair of brackets around it; digits may be of any script.
    """
    if pd.api.types.is_numeric_dtype(raw.dtype) or pd.api.types.is_bool_dtype(raw.dtype):
        return _finite(raw.astype("float64"))
    style = style or Style()
    text = raw.astype("string").astype("str").str.strip()
    plain = _plain(text) if style.plain else pd.Series(np.nan, index=raw.index)
    left = plain.isna() & text.notna()
    if left.any():
        distinct = text[left].drop_duplicates()
        read = _written_otherwise(distinct, style)
        plain = plain.mask(left, text[left].map(dict(zip(distinct, read, strict=True))).reindex(text.index))
    return _finite(plain.mask(raw.isna()))


def _plain(text: "pd.Series[str]") -> "pd.Series[float]":
    numbers = pd.to_numeric(text, errors="coerce").astype("float64")
    read = numbers.notna()
    try:  # to_numeric's last digits are not exact
        exact = pc.cast(pa.array(text[read], pa.large_string()), pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:  # it takes a few more for numbers, such as +5
        exact = np.array([float(value) for value in text[read]], dtype="float64")
    numbers.loc[read] = exact
    return numbers


def _written_otherwise(text: "pd.Series[str]", style: Style) -> "pd.Series[float]":
    text = text.map(plain_signs).astype(object)  # Python's own regular expressions, not Arrow's
    decimal, unit = re.escape(style.decimal), rf"(?:{re.escape(style.unit)})?" if style.unit else ""
    group = None if style.thousands is None else SPACE if style.thousands == " " else re.escape(style.thousands)
    grouped = rf"\d{{1,3}}(?:{group}\d{{2,3}})*{group}\d{{3}}|" if group else ""
    ends = "|".join(re.escape(suffix) for suffix in sorted(style.suffixes, key=len, reverse=True))
    suffix = rf"(?P<suffix>{ends})?" if ends else "(?P<suffix>)"
    number = rf"(?P<whole>{grouped}\d*)(?:{decimal}(?P<fraction>\d*))?(?P<power>[eE][+-]?\d+)?"
    written = (
        rf"(?P<open>\(?){SPACE}*(?P<sign>[+-]?){SPACE}*{unit}{SPACE}*(?P<second>[+-]?){number}"
        rf"{SPACE}*{suffix}{SPACE}*{unit}{SPACE}*(?P<behind>-?)(?P<close>\)?)"
    )
    parts = text.str.extract(rf"^(?:{written})$")
    whole = parts["whole"].str.replace(group, "", regex=True) if group else parts["whole"]
    digits = whole.fillna("") + "." + parts["fraction"].fillna("") + parts["power"].fillna("")
    read = pd.to_numeric(digits.where(parts["whole"].notna(), "?"), errors="coerce").astype("float64")
    signs = parts[["sign", "second", "behind"]].fillna("")
    brackets = parts["open"].eq("(").astype(int)
    minus = (signs == "-").sum(axis=1) + brackets
    is_one = (signs != "").sum(axis=1) + brackets <= 1
    closed = parts["open"].eq("(") == parts["close"].eq(")")
    factor = parts["suffix"].map(lambda suffix: style.suffixes.get(suffix, 1.0), na_action="ignore").fillna(1.0)
    return (read * factor.astype("float64")).where(minus.eq(0), -read * factor.astype("float64")).where(is_one & closed)


def plain_signs(text: str) -> str:
    """Write a number's digits and minus in ASCII."""
    if text.isascii():
        return text
    digits = (str(int(sign)) if sign.isdecimal() else "-" if sign in MINUS else sign for sign in text)
    return "".join(digits)


def _finite(numbers: "pd.Series[float]") -> "pd.Series[float]":
    return numbers.replace([np.inf, -np.inf], np.nan)
