"""The content of one column."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from leeway.core.value_text import EXACT, as_text
from leeway.ingest.numbers import read_numbers
from leeway.ingest.times import DAYS, read_times
from leeway.profiling import values
from leeway.profiling.sensitive import is_slice, names_of_people, sensitive, words
from leeway.profiling.values import Numbers, Times

Holds = Literal["numeric", "categorical", "boolean", "text", "timestamp", "identifier", "constant", "empty", "nested"]

YES_NO = ({"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"})
ID_NAME = re.compile(r"(.* )?(id|ids|uuid|guid|identifier|ref|reference|hash|token|serial( (no|number))?)")
ENTITY_NAME = re.compile(
    r"(.* )?(nbr|number|num|no|key|patient|customer|client|user|member|account|policy|household|person|subject|student|driver)"
    r"( (nbr|number|num|no|nr|key|code))?"
)
COUNTED_NAME = re.compile(r"(.* )?(?!\w*update)\w*(date|dt)( .*)?")
CODE_NAME = re.compile(
    r"(.* )?(code|zip|zip ?code|post ?code|postal code|agent|company|store|branch|shop|merchant|vendor|supplier|region)"
)
TIME_NAME = re.compile(
    r"(.* )?(time|date|day|ts|timestamp|datetime|at|on|when|epoch|since|until|created|updated|modified|received|occurred)( .*)?"
)
MANY_WORDS = 3.0  # on average, from which on a column is text
LONG = 40  # characters on average, likewise
SOME, MANY_NAMES = (
    0.2,
    50,
)  # of the rows: an entity has fewer; of different texts, of which fewer are no names of people
DAYS_FROM, DAYS_TO = 7_305, 29_220  # since 1960, of counters of days: 1980 to 2040
EARLIEST, LATEST = 19_000_101, 10**13  # of whole numbers that could be days or seconds or milliseconds since 1970


@dataclass(frozen=True)
class ColumnProfile:
    """One column, as guessed from a sample.

    Attributes:
        values: as floats, booleans, UTC times or stripped text, by kind.
        missing: spellings of missing beside the blank.
        distinct: the number of different values in the sample.
        personal: the kind of personal data, such as `e-mail`.
        slice: whether its values are groups of people.
        doubt: a note for a person to check.
    """

    name: str
    holds: Holds
    values: pd.Series
    missing: tuple[str, ...] = ()
    distinct: int = 0
    numbers: Numbers | None = None
    times: Times | None = None
    personal: str | None = None
    slice: bool = False
    doubt: str | None = None

    @property
    def missing_share(self) -> float:
        """The share of rows without a value."""
        return float(self.values.isna().mean())

    @property
    def in_words(self) -> str:
        """The guesses in words."""
        parts: list[str] = [self.holds]
        if self.numbers is not None and self.holds == "numeric" and not self.numbers.plain:
            style = [f"unit {self.numbers.unit}"] if self.numbers.unit else []
            style += [f"thousands {self.numbers.thousands!r}"] if self.numbers.thousands else []
            style += [f"decimal {self.numbers.decimal!r}"] if self.numbers.decimal != "." else []
            style += [f"suffixes {', '.join(self.numbers.suffixes)}"] if self.numbers.suffixes else []
            parts.append(", ".join(style))
        if self.times is not None and self.times.formats:
            parts.append(" or ".join(self.times.formats))
        if self.holds in ("categorical", "identifier", "text"):
            parts.append(f"{self.distinct:,} values")
        if self.missing_share:
            spelled = f" (also as {', '.join(self.missing)})" if self.missing else ""
            parts.append(f"{_percent(self.missing_share)} missing{spelled}")
        if self.personal:
            parts.append(f"sensitive: {self.personal}")
        if self.slice:
            parts.append("groups of people")
        return ", ".join(parts)


def inspect_all(rows: pd.DataFrame, *, whole: bool = True) -> dict[str, ColumnProfile]:
    """Guess the content of every column; one sign is that of the fraction in all of them.

    Args:
        rows: the source's values of the sampled rows: text from a CSV, typed from Parquet or a database.
        whole: whether the sample has all rows. Else a column with only 0 and 1 may have further numbers.
    """
    found = {name: inspect(name, rows[name], whole=whole) for name in rows.columns}
    for name in names_of_people(map(str, found)):
        column = found[name]
        if column.holds in ("categorical", "identifier", "text") and column.distinct >= MANY_NAMES:
            found[name] = replace(column, personal=column.personal or "name")
    decided = {column.numbers.decimal for column in found.values() if column.numbers and column.numbers.decided}
    decimal = next(iter(decided)) if len(decided) == 1 else None
    for name, column in found.items():
        if column.numbers is not None and column.numbers.ambiguous and column.numbers.decimal != decimal:
            if decimal is not None:
                found[name] = inspect(name, rows[name], whole=whole, decimal=decimal)
            elif column.numbers.thousands is not None:
                said = (
                    f"{column.numbers.thousands!r} is read as the separator of thousands; is it that of the fraction?"
                )
                found[name] = replace(column, doubt=said)
    return found


def centuries_decided(
    columns: Mapping[str, ColumnProfile], rows: pd.DataFrame, last: pd.Timestamp
) -> dict[str, ColumnProfile]:
    """Put years of two digits into the century before, where they would lie long after the last event."""
    found = dict(columns)
    for name, column in columns.items():
        if column.times is None:
            continue
        text = values.stripped(rows[name], column.missing)
        if (times := values.until(column.times, last, text)) is not None:
            told = f"years of two digits are read as no later than {last.year}"
            doubt = f"{column.doubt}; {told}" if column.doubt else told
            found[name] = replace(column, values=times.values, times=times, doubt=doubt)
    return found


def inspect(name: str, raw: pd.Series, *, whole: bool = True, decimal: str | None = None) -> ColumnProfile:
    """Guess the content of a column.

    Args:
        decimal: the sign of the fraction in all columns, where it is known.
    """
    if (nested := _nested(raw)) is not None:
        return ColumnProfile(name, "nested", raw, doubt=nested)
    found = _typed(name, raw) if not _is_text(raw) else _textual(name, raw.astype("str").mask(raw.isna()), decimal)
    if found.holds == "boolean" and found.numbers is not None:
        found = replace(found, numbers=None) if whole else _still_numeric(found)
    found = _counted_days(found)
    text = found.values if found.holds in ("categorical", "identifier", "text") else None
    as_text = raw.dropna().astype("str") if found.holds in ("numeric", "identifier") else text
    personal = sensitive(name, as_text, distinct=found.distinct)
    return ColumnProfile(**{**vars(found), "personal": personal, "slice": is_slice(name)})


def _counted_days(found: ColumnProfile) -> ColumnProfile:
    """Read a counter of days as dates, where the name says that it dates something."""
    if found.holds not in ("numeric", "identifier") or found.distinct < 5:
        return found
    if not COUNTED_NAME.fullmatch(words(found.name)):
        return found
    numbers = pd.to_numeric(found.values, errors="coerce")
    given = numbers.dropna()
    if found.missing or len(given) < found.values.notna().sum() or not values.is_whole(given):
        return found
    if not given.between(DAYS_FROM, DAYS_TO).all():
        return found
    (form,) = DAYS
    times = Times(read_times(numbers, "UTC", (form,)), (form,))
    doubt = f"a counter of days, read as {form}: {times.values.min():%Y-%m-%d} to {times.values.max():%Y-%m-%d}"
    return ColumnProfile(found.name, "timestamp", times.values, distinct=found.distinct, times=times, doubt=doubt)


def _still_numeric(found: ColumnProfile) -> ColumnProfile:
    return replace(found, holds="numeric", values=found.values.astype("Float64").astype("float64"))


def _is_text(raw: pd.Series) -> bool:
    return raw.dtype == object or pd.api.types.is_string_dtype(raw.dtype) or isinstance(raw.dtype, pd.CategoricalDtype)


def _nested(raw: pd.Series) -> str | None:
    """Say what a column holds instead of single values."""
    if raw.dtype != object:
        return None
    given = raw.dropna()
    if any(isinstance(value, bytes) for value in given):
        return "holds bytes"
    if any(isinstance(value, list | dict | tuple | set | np.ndarray) for value in given):
        return "holds lists or records, not single values"
    return None


def _typed(name: str, raw: pd.Series) -> ColumnProfile:
    distinct = int(raw.nunique())
    if distinct == 0:
        return ColumnProfile(name, "empty", raw)
    if pd.api.types.is_bool_dtype(raw.dtype):
        return ColumnProfile(name, "boolean" if distinct > 1 else "constant", raw.astype("boolean"), distinct=distinct)
    if pd.api.types.is_datetime64_any_dtype(raw.dtype):
        moments = pd.to_datetime(raw, utc=True).astype("datetime64[us, UTC]")
        return ColumnProfile(name, "timestamp", moments, distinct=distinct, times=Times(moments))
    if pd.api.types.is_numeric_dtype(raw.dtype):
        if (times := _counted_times(name, raw)) is not None:
            return ColumnProfile(name, "timestamp", times.values, distinct=distinct, times=times)
        if pd.api.types.is_integer_dtype(raw.dtype) and raw.abs().max() >= EXACT:  # a float does not tell them apart
            return ColumnProfile(name, _of_codes(raw, distinct), as_text(raw), distinct=distinct)
        found = _numeric(name, Numbers(read_numbers(raw)), raw, distinct, ())
        if found.holds == "identifier" and float(raw.abs().max()) >= EXACT:
            told = "the source holds its numbers as floats, which have lost digits; deliver them as integers or text"
            return replace(found, doubt=told)
        infinite = int(np.isinf(raw.astype("float64")).sum())
        told = f"{infinite:,} values are infinite, and count as missing"
        return replace(found, missing=("inf", "-inf"), doubt=told) if infinite else found
    return _textual(name, raw.astype("str").mask(raw.isna()))


def _counted_times(name: str, raw: pd.Series) -> Times | None:
    """Read times written as whole numbers.

    They are seconds since 1970, or days such as 20260301; with gaps they are floats.
    """
    if not raw.dropna().between(EARLIEST, LATEST).all() or not values.is_whole(raw):
        return None
    return values.times(raw.astype("Int64").astype("str").mask(raw.isna()), named_as_time=_named_as_time(name))


def _named_as_time(name: str) -> bool:
    return TIME_NAME.fullmatch(words(name)) is not None


def _textual(name: str, raw: pd.Series, decimal: str | None = None) -> ColumnProfile:
    missing = values.spellings_of_missing(raw)
    text = values.stripped(raw, missing)
    distinct = int(text.nunique())
    if distinct == 0:
        return ColumnProfile(name, "empty", text, missing)
    if (times := values.times(text, named_as_time=_named_as_time(name))) is not None:
        return _timed(name, text, times, missing, distinct)
    low = set(text.dropna().str.lower().unique()) if distinct <= 4 else set()
    if len(low) == 2 and low in YES_NO:
        return ColumnProfile(
            name, "boolean", text.str.lower().isin({"true", "yes", "t", "y"}).mask(text.isna()), missing, 2
        )
    leading_zeros = text.str.match(r"0\d").any()
    numbers = None if leading_zeros else values.numbers(text, decimal)
    if numbers is not None:
        if numbers.plain and numbers.values.abs().max() >= EXACT and distinct > 1 and _is_of_digits(text, numbers):
            text = text.mask(text.isin(numbers.missing))  # a float does not tell them apart
            return ColumnProfile(name, _of_codes(text, distinct), text, (*missing, *numbers.missing), distinct)
        return _numeric(name, numbers, text, distinct, (*missing, *numbers.missing))
    if distinct == 1:
        return ColumnProfile(name, "constant", text, missing, distinct)
    doubt = None
    if (bound := values.bounds_in(text)) is not None:
        doubt = f"no numbers: values such as {bound!r} are bounds; write a number for them in prepare"
    elif (styles := values.two_styles(text)) is not None:
        doubt = f"no numbers: {styles[0]!r} and {styles[1]!r} are written in two ways; write them in one in prepare"
    elif (unread := values.nearly_times(text)) is not None:
        some = f"{len(unread):,} of {text.notna().sum():,} values are none, such as {unread.iloc[0]!r}"
        doubt = f"no times: {some}; correct them, or make them missing in prepare"
    return ColumnProfile(name, _of_words(text, distinct, words(name)), text, missing, distinct, doubt=doubt)


def _timed(name: str, text: pd.Series, times: Times, missing: tuple[str, ...], distinct: int) -> ColumnProfile:
    doubts = [f"day first or month first? Read as {times.formats[0]}"] if times.ambiguous else []
    unread = text[times.values.isna() & text.notna() & ~text.isin(times.missing)]
    if len(unread):
        doubts.append(f"{len(unread):,} rows have no date or time, such as {unread.iloc[0]!r}; they go to quarantine")
    return ColumnProfile(
        name,
        "timestamp",
        times.values,
        (*missing, *times.missing),
        distinct,
        times=times,
        doubt="; ".join(doubts) or None,
    )


def _is_of_digits(text: pd.Series, numbers: Numbers) -> bool:
    return bool(text[~text.isin(numbers.missing)].dropna().str.fullmatch(r"[-+]?\d+").all())


def _of_codes(raw: pd.Series, distinct: int) -> Holds:
    return "identifier" if distinct > max(30, 0.01 * len(raw)) else "categorical"


def _of_words(text: pd.Series, distinct: int, called: str) -> Holds:
    given = text.dropna()
    share = distinct / len(given)
    sample = given.drop_duplicates().head(5_000)
    count, length = sample.str.count(r"\s+").mean() + 1, sample.str.len().mean()
    if share > 0.2 and distinct > 30 and (count >= MANY_WORDS or (length >= LONG and count > 1.5)):
        return "text"
    if distinct > 30 and (share > 0.9 or (ID_NAME.fullmatch(called) and distinct > max(1_000, 0.2 * len(given)))):
        return "identifier"
    return "categorical"


def _numeric(name: str, numbers: Numbers, raw: pd.Series, distinct: int, missing: tuple[str, ...]) -> ColumnProfile:
    given = numbers.values.dropna()
    called = words(name)
    whole = values.is_whole(given)

    def column(holds: Holds, doubt: str | None = None) -> ColumnProfile:
        kept = numbers.values if holds == "numeric" else _as_code(numbers.values, raw)
        return ColumnProfile(name, holds, kept, missing, distinct, numbers if holds == "numeric" else None, doubt=doubt)

    if distinct == 1:
        return column("constant")
    if numbers.plain and set(given.unique()) == {0.0, 1.0}:
        holds = numbers.values.eq(1).astype("boolean").mask(numbers.values.isna())
        return ColumnProfile(name, "boolean", holds, missing, 2, numbers)
    unique = distinct == len(given) and len(given) > 1
    many = distinct > max(1_000, 0.2 * len(given)) or unique
    if ID_NAME.fullmatch(called) and numbers.plain and (whole or many):
        return column("identifier" if many else "categorical")
    if (
        whole
        and numbers.plain
        and ENTITY_NAME.fullmatch(called)
        and not unique
        and distinct > max(1_000, SOME * len(given))
    ):
        return column("identifier")
    if whole and numbers.plain:
        if unique and len(given) > 20 and bool((np.diff(given.to_numpy()) > 0).all()):
            return column("identifier")
        if CODE_NAME.fullmatch(called) and distinct > 2 and not many:
            return column("categorical", "by the column's name, its numbers are codes")
    return column("numeric")


def _as_code(numbers: pd.Series, raw: pd.Series) -> pd.Series:
    return as_text(raw).mask(numbers.isna())


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "<0.1%"
