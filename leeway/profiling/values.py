"""Spellings of missing values, numbers, dates and times."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from leeway.core.value_text import as_text
from leeway.ingest.numbers import Style, plain_signs, read_numbers
from leeway.ingest.times import read_times

#: Spellings of missing that no one would use for anything else.
MISSING = ("?", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "<NA>", "\\N")
#: Those that are missing only where everything else is a number or a date.
MISSING_IN_NUMBERS = (
    "None",
    "none",
    "-",
    "--",
    ".",
    "..",
    "unknown",
    "Unknown",
    "n.a.",
    "na",
    "missing",
    "not available",
    "inf",
    "-inf",
    "Inf",
    "-Inf",
    "Infinity",
    "-Infinity",
)

CURRENCIES = (
    "USD",
    "EUR",
    "GBP",
    "CHF",
    "JPY",
    "CNY",
    "INR",
    "BRL",
    "AUD",
    "CAD",
    "SEK",
    "NOK",
    "DKK",
    "PLN",
    "Rs",
    "R",
)

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_SPOILT = re.compile(
    r"(?P<open>\(?)(?P<sign>[-+]?)(?P<before>[^\d\s.,+\-()]{0,4})\s*(?P<number>[-+]?\s*\d[\d., '\u00a0\u202f]*?)\s*"
    r"(?P<after>[^\d\s.,()+\-][^\d()]{0,11}?)?(?P<behind>-?)(?P<close>\)?)"
)
_BOUND = re.compile(r"\s*[<>\u2264\u2265~\u2248\u00b1]\s*=?\s*[-+]?[\d.,]+.*|[-+]?\d[\d.,]*\s*\+")
_BY_COMMA = re.compile(r"[-+]?\d{1,3}(?:\.?\d{3})*,\d+")
_BY_POINT = re.compile(r"[-+]?\d{1,3}(?:,?\d{3})*\.\d+")
#: Signs after a number that multiply it.
SUFFIXES = {"K": 1e3, "k": 1e3, "M": 1e6, "B": 1e9, "bn": 1e9}
CREDIT = {"CR": -1.0, "Cr": -1.0, "DR": 1.0, "Dr": 1.0}  # of an account: a credit is owed to its holder

DATES: tuple[str, ...] = (
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d.%m.%y",
)
DATES += ("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%d-%b-%Y", "%d-%b-%y")
DATES += ("%Y%m%d", "%Y.%m.%d")
TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S")
EPOCHS = {"epoch s": 1, "epoch ms": 1_000, "epoch us": 1_000_000, "epoch ns": 1_000_000_000}
_EPOCH_FROM, _EPOCH_TO = 631_152_000, 2_208_988_800  # 1990 and 2040
_LOOKS_LIKE_DATE = re.compile(r"(?=.*\d)(?=.*[-/. :,]|\d{8}).{6,40}")
NEAR_FUTURE = 25  # years: dates that lie further ahead are of the century before
ENOUGH = 0.995  # of the values must be readable in one way
NEARLY = 0.8  # of the values are times: then the others may be faults
NO_ACCIDENT = 20  # different numbers of eight digits that are all days: of random ones, 1 in 27 is


@dataclass(frozen=True)
class Numbers:
    """The numbers of a column, and their format.

    Attributes:
        unit: the sign before or after every number, such as `€` or `kg`.
        missing: further spellings of missing.
        ambiguous: whether a separator could be that of the thousands or of the fraction.
        decided: whether only one sign can be that of the fraction.
    """

    values: pd.Series
    unit: str | None = None
    thousands: str | None = None
    decimal: str = "."
    missing: tuple[str, ...] = ()
    suffixes: Mapping[str, float] = field(default_factory=dict)
    ambiguous: bool = False
    decided: bool = False

    @property
    def plain(self) -> bool:
        """Whether any reader can read them."""
        return self.style.plain

    @property
    def style(self) -> Style:
        """How they are written, as the nights read them."""
        return Style(self.unit, self.thousands, self.decimal, self.suffixes)


@dataclass(frozen=True)
class Times:
    """The times of a column, and their format.

    Attributes:
        values: in UTC where they carry an offset, naive otherwise taken as UTC.
        formats: strptime formats in the order to try, or `epoch s`, `epoch ms`; empty for ISO 8601.
        ambiguous: whether day and month could be swapped.
    """

    values: pd.Series
    formats: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    ambiguous: bool = False


def stripped(raw: pd.Series, missing: Iterable[str] = ()) -> pd.Series:
    """Strip text, and blank out spellings of missing."""
    text = as_text(raw)
    return text.mask(text.isin(["", *missing]))


def spellings_of_missing(raw: pd.Series) -> tuple[str, ...]:
    """Return the spellings of missing in a column of text.

    The blank is not among them, nor is `NA` where all else is a code of two letters: it is Namibia's.
    """
    given = set(as_text(raw).dropna().unique())
    found = given & set(MISSING)
    others = given - set(MISSING)
    if "NA" in found and len(others) > 1 and all(re.fullmatch(r"[A-Z]{2}", value) for value in others):
        found -= {"NA"}
    return tuple(sorted(found))


def numbers(text: pd.Series, decimal: str | None = None) -> Numbers | None:
    """Read a column of stripped text as numbers, if it has any.

    Args:
        decimal: the sign of the fraction in the whole file, where other columns decide it.
    """
    given = text.dropna()
    if given.empty:
        return None
    values = given.drop_duplicates().astype(object)  # Python's own regular expressions, not Arrow's
    plain = values[values.str.fullmatch(NUMBER)]
    rest = values.drop(plain.index)
    often = given.isin(plain).mean()
    fractions = plain[plain.str.contains(".", regex=False)]
    grouped = len(fractions) > 0 and bool(fractions.str.fullmatch(r"[-+]?[1-9]\d{0,2}(\.\d{3})+").all())
    if grouped and decimal == ",":
        return _spoilt(text, values[~values.isin(MISSING_IN_NUMBERS)], decimal)
    decided = len(fractions) > 0 and not grouped
    if rest.empty:
        return Numbers(read_numbers(text), ambiguous=grouped, decided=decided)
    missing = tuple(sorted(rest)) if set(rest) <= set(MISSING_IN_NUMBERS) and often > 0.5 else ()
    if missing:
        return Numbers(read_numbers(text.mask(text.isin(missing))), missing=missing, ambiguous=grouped, decided=decided)
    # A few words among numbers can only be spellings of missing.
    if often >= ENOUGH and len(rest) <= 3 and all(not re.search(r"\d", word) for word in rest):
        words = tuple(sorted(rest))
        return Numbers(read_numbers(text.mask(text.isin(words))), missing=words, ambiguous=grouped, decided=decided)
    return _spoilt(text, values[~values.isin(MISSING_IN_NUMBERS)], decimal)


def bounds_in(text: pd.Series) -> str | None:
    """Return a value that bounds a number, such as `<0.1`, where a column has any."""
    values = text.dropna().drop_duplicates().astype(object)
    found = values[values.str.fullmatch(_BOUND)]
    return str(found.iloc[0]) if len(found) else None


def _spoilt(text: pd.Series, values: pd.Series, decimal: str | None = None) -> Numbers | None:
    parts = values.map(plain_signs).astype(object).str.extract(rf"^{_SPOILT.pattern}$")
    if parts.empty or parts["number"].isna().any() or bounds_in(values) is not None:
        return None
    before = parts["before"].fillna("").str.strip()
    after = parts["after"].fillna("").str.strip()
    number = parts["number"].str.replace(r"\s", " ", regex=True).str.strip()
    units = {unit for unit in (*before.unique(), *after.unique()) if unit}
    suffixes = _suffixes(number, before, after)
    units -= set(suffixes)
    if len(units) > 1:
        return None
    unit = next(iter(units), None)
    if _is_name(values, number, before, after, unit):
        return None
    separators = {mark for mark in (",", ".", " ", "'") if number.str.contains(mark, regex=False).any()}
    styles = [(None, "."), (",", "."), (".", ","), (" ", "."), (" ", ","), ("'", "."), (None, ",")]
    if decimal == ",":
        styles = [style for style in styles if style[1] == ","]
    fits = [style for style in styles if separators <= {mark for mark in style if mark} and _is_written(number, *style)]
    if not fits:
        return None
    thousands, point = fits[0]
    if point == "," and thousands not in separators and parts["open"].eq("(").all():
        return None  # pairs, such as `(3,4)`: minus signs of all would be chance
    missing = tuple(sorted(set(text.dropna().unique()) & set(MISSING_IN_NUMBERS)))
    thousands = thousands if thousands in separators else None
    style = Style(unit, thousands, point, suffixes)
    read = read_numbers(text.mask(text.isin(missing)), style)
    if (read.isna() & text.notna() & ~text.isin(missing)).any():
        return None
    points = {fraction for _, fraction in fits if fraction in separators or len(separators) == 1}
    return Numbers(
        read,
        unit,
        thousands,
        point,
        missing,
        suffixes,
        ambiguous=len(points) > 1 and bool(separators & {",", "."}),
        decided=bool(separators & {",", "."}) and len(points) == 1,
    )


def _is_name(values: pd.Series, number: pd.Series, before: pd.Series, after: pd.Series, unit: str | None) -> bool:
    """Say whether letters and numbers are names, such as `K000123`, `R17` and `12a`, and not amounts of a unit."""
    if any(_has_letters(side) and side not in CURRENCIES for side in before.unique()):
        return True  # also `cat_3`, but not `US$3`
    lettered = before.str.isalpha().eq(True)
    if (lettered & number.str.match(r"[-+]?0\d")).any():
        return True  # `R-000123`, though R is a currency
    amount = number.str.contains(r"[.,]", regex=True) | values.str.contains(r"[A-Za-z]\s", regex=True)
    if lettered.any() and len(values) > 10 and not amount[lettered].any():
        return True
    if unit is None or not unit.isalpha() or len(unit) > 1 or before.eq(unit).any():
        return False
    return float(after.eq(unit).mean()) < 0.9


def _has_letters(side: str) -> bool:
    return any(sign.isalpha() for sign in side) and not any(unicodedata.category(sign) == "Sc" for sign in side)


def _suffixes(number: pd.Series, before: pd.Series, after: pd.Series) -> dict[str, float]:
    """Find the signs after numbers that multiply them."""
    given = {sign for sign in after.unique() if sign}
    if given and given <= set(CREDIT) and not before.ne("").any():
        return {sign: CREDIT[sign] for sign in sorted(given)}
    if given and given <= set(SUFFIXES):
        return dict(SUFFIXES) if given & {"k"} else {sign: SUFFIXES[sign] for sign in ("K", "M", "B", *sorted(given))}
    if given == {"%"} and after.eq("").any():
        bare = pd.to_numeric(number[after.eq("")].str.replace(",", ".", regex=False), errors="coerce")
        if bare.between(0, 1).all():
            return {"%": 0.01}
    return {}


def _is_written(number: pd.Series, thousands: str | None, decimal: str) -> bool:
    mark = re.escape(thousands) if thousands else ""
    whole = rf"[1-9]\d{{0,2}}(?:{mark}\d{{2,3}})*{mark}\d{{3}}|\d+" if thousands else r"\d+"  # also India's 12,34,567
    return bool(number.str.fullmatch(rf"[-+]?\s*(?:{whole})(?:{re.escape(decimal)}\d*)?").all())


def times(text: pd.Series, *, named_as_time: bool = False) -> Times | None:
    """Read a column of stripped text as times, if it has any.

    Args:
        named_as_time: whether the column's name suggests a time: only then are numbers taken for seconds since 1970, and a few
            numbers of eight digits for days. Many of those, all of them days, are always taken for days.
    """
    given = text.dropna()
    if given.empty:
        return None
    values = given.drop_duplicates().astype(object)
    sample = values.sample(min(len(values), 5_000), random_state=0)
    if named_as_time and sample.str.fullmatch(r"\d{9,19}").all():
        for name, per_second in EPOCHS.items():
            seconds = values.astype("float64") / per_second
            if seconds.between(_EPOCH_FROM, _EPOCH_TO).all():
                read = pd.to_datetime(text.astype("float64") / per_second, unit="s", utc=True)
                return Times(read, (name,))
    digits_as_date = bool(sample.str.fullmatch(r"(19|20)\d{6}").all()) and (
        named_as_time or (len(sample) >= NO_ACCIDENT and bool(_parsed(sample, "%Y%m%d").notna().all()))
    )
    numeric = sample.str.fullmatch(NUMBER).mean() > 0.5 and not digits_as_date
    if numeric or sample.str.fullmatch(_LOOKS_LIKE_DATE).mean() < 0.9:
        return None
    iso = pd.to_datetime(sample, format="ISO8601", utc=True, errors="coerce")
    if iso.notna().mean() >= ENOUGH and not sample.str.fullmatch(r"\d{8}").all():
        read = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
        return _complete(Times(read), text)
    return _by_formats(text, sample)


def _by_formats(text: pd.Series, sample: pd.Series) -> Times | None:
    candidates = ["ISO8601", *(date + time for time in TIMES for date in DATES)]
    probe = sample.head(200)
    likely = [(_parsed(probe, form).notna().sum(), form) for form in candidates]
    likely = [item for item in likely if item[0] > 0]
    chosen: list[str] = []
    left, ambiguous = sample, False
    while len(left) > (1 - ENOUGH) * len(sample) and len(chosen) < 4:
        scores = {form: int(_parsed(left, form).notna().sum()) for _, form in likely if form not in chosen}
        best = max(scores, key=lambda form: scores[form], default=None)
        if best is None or scores[best] == 0:
            return None
        other = _swapped(best)
        ambiguous = ambiguous or (other is not None and scores.get(other, 0) == scores[best])
        chosen.append(best)
        left = left[_parsed(left, best).isna()]
    read = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us, UTC]")
    for form in chosen:
        read = read.fillna(_parsed(text, form))
    formats = () if chosen == ["ISO8601"] else tuple("ISO 8601" if form == "ISO8601" else form for form in chosen)
    return _complete(Times(read, formats, ambiguous=ambiguous), text)


def unread(text: pd.Series) -> pd.Series:
    """Return the texts that the best format cannot read."""
    distinct = text.drop_duplicates()
    candidates = ("ISO8601", *(date + time for time in TIMES for date in DATES))
    best = max(candidates, key=lambda form: int(_parsed(distinct.head(500), form).notna().sum()))
    return text[_parsed(text, best).isna()]


def nearly_times(text: pd.Series) -> pd.Series | None:
    """Return the texts that are no times, in a column where nearly all are; None in another."""
    sample = text.dropna().drop_duplicates().astype(object).head(5_000)
    likely = sample.str.fullmatch(_LOOKS_LIKE_DATE) & ~sample.str.fullmatch(NUMBER)
    if len(sample) < 10 or likely.mean() < NEARLY:
        return None
    left = unread(text.dropna())
    return left if 0 < len(left) <= (1 - NEARLY) * text.notna().sum() else None


def two_styles(text: pd.Series) -> tuple[str, str] | None:
    """Return a number with a comma for its fraction and one with a point, of a column that has both."""
    values = text.dropna().drop_duplicates().astype(object)
    comma, point = values.str.fullmatch(_BY_COMMA), values.str.fullmatch(_BY_POINT)
    if (comma | point | values.str.fullmatch(NUMBER)).mean() < ENOUGH or not (comma.any() and point.any()):
        return None
    return str(values[comma].iloc[0]), str(values[point].iloc[0])


def until(found: Times, last: pd.Timestamp, text: pd.Series) -> Times | None:
    """Read years of two digits as no later than the year of the last event.

    Returns:
        None where they are not too late, or only as late as dates that lie ahead, such as an expiry.
    """
    formats = tuple(form for form in found.formats if "%y" in form)
    if not formats or found.values.max() <= last + pd.DateOffset(years=NEAR_FUTURE):
        return None
    limited = tuple(f"{form} until {last.year}" if form in formats else form for form in found.formats)
    return replace(found, values=read_times(text, "UTC", limited), formats=limited)


def _complete(found: Times, text: pd.Series) -> Times | None:
    """Take unread words for further spellings of missing."""
    unread = text[found.values.isna() & text.notna()].unique()
    if len(unread) > 5 or any(re.search(r"\d", word) for word in unread if word not in MISSING_IN_NUMBERS):
        return None if len(unread) > max(5, 0.005 * len(text)) else found
    return Times(found.values, found.formats, tuple(sorted(unread)), found.ambiguous)


def _parsed(text: pd.Series, form: str) -> pd.Series:
    return pd.to_datetime(text, format=form, utc=True, errors="coerce").astype("datetime64[us, UTC]")


def _swapped(form: str) -> str | None:
    if "%d" in form and "%m" in form and form.index("%Y" if "%Y" in form else "%y") > form.index("%d"):
        return form.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")
    return None


def all_midnight(moments: pd.Series) -> bool:
    """Say whether all times are dates."""
    given = moments.dropna()
    return bool((given == given.dt.normalize()).all())


def is_whole(values: pd.Series) -> bool:
    """Say whether all numbers are whole."""
    given = values.dropna()
    return bool(np.equal(np.mod(given, 1), 0).all())
