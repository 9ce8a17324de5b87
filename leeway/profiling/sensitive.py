"""Personal data and groups of people, by name and values.

Personal data must not be shown. A classifier must be fair to groups of people.
"""

import re
from collections.abc import Iterable

import pandas as pd

_NAMES = {
    "name": r"((first|last|full|middle|given|family|customer|client|patient|person|contact|card ?holder|holder) )?names?"
    r"|surname|(sur|fore|nick|user) ?name",
    "e-mail": r"(.* )?e ?mails?( address)?|mail address",
    "phone": r"(.* )?(phone|telephone|mobile|cell|fax)( (number|no|nr))?|tel",
    "card": r"(.* )?(card|account|iban|bank account)( ?(number|no|num|nr))|iban|pan|(credit|debit) card",
    "birth date": r"(.* )?(birth ?(date|day)?|dob|date of birth|born( on)?)( .*)?|geburts.*|.*naissance|.*nacimiento|.*nascita",
    "address": r"(.* )?(street|address|addr)( ?(line|1|2))*|ip( address)?",
    "government id": r"ssn|social security( number)?|passport( (number|no))?|national id|tax id|nin",
}
_SLICES = (
    r"sex|gender|race|ethnicity|ethnic group|age( (group|band|years))?|religion|nationality|disability|disabled|handicap"
    r"|handcap|marital( status)?|senior( citizen)?|sexual orientation|pregnan(t|cy)"
)
_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]{2,}"
_PHONE = r"(?=(?:.*\d){8,15})\+?[\d\s().\-/]{8,22}"
_SIGNED = r"-\d+|[+-]?\d*\.\d+"  # a longitude, the logarithm of a probability
_IP = r"(\d{1,3}\.){3}\d{1,3}"
_DATED = r"(19|20)\d\d[\-/.]?(0[1-9]|1[0-2])[\-/.]?(0[1-9]|[12]\d|3[01])\D.*"  # an id such as 20260815-12
_PUNCTUATED = r".*[+()\-/\s].*"


def words(name: str) -> str:
    """Split a column's name into lower-case words.

    `CardHolder_Name` is `card holder name`.
    """
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return " ".join(re.sub(r"[^0-9a-zA-Z]+", " ", spaced).lower().split())


def sensitive(name: str, text: pd.Series | None, *, distinct: int) -> str | None:
    """Guess the kind of personal data in a column, or None.

    Args:
        text: its values where they are text; None where they are numbers or times.
        distinct: the number of its different values: with few, they are no names of people.
    """
    called = words(name)
    for what, pattern in _NAMES.items():
        if re.fullmatch(pattern, called):
            named_by_few = what == "name" and (text is None or distinct < 50)
            if named_by_few or (what == "card" and distinct < 20) or _of_few_kinds(text, distinct):
                return None
            return what
    if text is None or text.empty:
        return None
    sample = text.dropna().drop_duplicates().head(500).astype(object)
    if len(sample) < 5:
        return None
    for what, pattern in (("e-mail", _EMAIL), ("address", _IP)):
        if _all_are(sample, pattern):
            return what
    if _all_are(sample, r"[\d\s\-]{13,23}") and sample.map(_luhn).mean() > 0.9:
        return "card"
    looks_like_phone = _all_are(sample, _PHONE) and _all_are(sample, _PUNCTUATED)
    if looks_like_phone and not _all_are(sample, _DATED) and not sample.str.fullmatch(_SIGNED).mean() > 0.5:
        return "phone"
    return None


def _of_few_kinds(text: pd.Series | None, distinct: int) -> bool:
    """Say whether a column tells whether there is something, as a yes or no, and not what it is."""
    if distinct <= 2:
        return True
    return text is not None and distinct < 10 and len(text.dropna()) > 10 * distinct


def names_of_people(names: Iterable[str]) -> set[str]:
    """Return the columns that are parts of people's names by the columns beside them.

    `first` alone may be anything; beside `last` or `name` it is a first name.
    """
    called = {name: words(name) for name in names}
    beside = {"name", "last name", "surname", "family name"} & set(called.values())
    parts = {name for name, what in called.items() if what in ("first", "middle", "last")}
    return parts if beside or len(parts) > 1 else set()


def _all_are(sample: pd.Series, pattern: str) -> bool:
    """Say whether nearly all match; the first few are tried before."""
    return bool(sample.head(10).str.fullmatch(pattern).any() and sample.str.fullmatch(pattern).mean() > 0.9)


def is_slice(name: str) -> bool:
    """Say whether a column's values are groups of people.

    A classifier must be fair to them.
    """
    return re.fullmatch(_SLICES, words(name)) is not None


def _luhn(number: str) -> bool:
    digits = [int(digit) for digit in re.sub(r"\D", "", number)][::-1]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return len(digits) >= 13 and (sum(digits[::2]) + sum(doubled)) % 10 == 0
