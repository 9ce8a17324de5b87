"""Roles of columns: event id, event time, label."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import numpy as np
import pandas as pd

from leeway.core.errors import SourceError
from leeway.core.outputs import class_text
from leeway.ingest.contract import FALSE, TRUE
from leeway.profiling.columns import ID_NAME, ColumnProfile
from leeway.profiling.sensitive import words
from leeway.profiling.values import MISSING

MAX_CLASSES = 100
LIFETIME = timedelta(days=25 * 365)  # dates that span more are no event times, if there are others
MONTHS: tuple[str, ...] = ("january", "february", "march", "april", "may", "june", "july", "august")
MONTHS += ("september", "october", "november", "december")
_PARTS = {"year": r"(year|yyyy|yr)", "month": r"(month|mon|mm)", "day": r"(day of month|day|dd|mday)"}
_SEPARATORS = (";", "|", ",", " ")
_ROW_NUMBER = re.compile(r"unnamed.*|index|row( (id|no|number|num))?|rownames?|nr|no|#|")


@dataclass(frozen=True)
class DateParts:
    """A date in three columns.

    `day` may be missing where only months are known.
    """

    name: str
    year: str
    month: str
    day: str
    values: pd.Series


@dataclass(frozen=True)
class LabelGuess:
    """The guessed label.

    Attributes:
        columns: one, or several 0/1 columns of a multilabel problem.
        classes: positive first for a binary label; the most frequent first otherwise.
        separator: between the tags of a multilabel column.
        codes: per sampled row, the class's index (binary: 1 for positive), -1 where it is unlabelled; for multilabel a
            frame of booleans instead.
        rows: how many rows of the whole source have each class.
        missing: by column, spellings of a label that is not known.
    """

    kind: Literal["binary", "multiclass", "multilabel"]
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    codes: np.ndarray
    rows: Mapping[str, int]
    separator: str | None = None
    unlabelled: int = 0
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def alike(self) -> list[list[str]]:
        """Classes that differ only in case or inner blanks, or are several words for yes or for no.

        They are often spellings of one class.
        """
        plain = {name: " ".join(name.casefold().split()) for name in self.classes}
        if set(plain.values()) <= TRUE | FALSE:
            plain = {name: str(spelling in TRUE) for name, spelling in plain.items()}
        groups: dict[str, list[str]] = {}
        for name, spelling in plain.items():
            groups.setdefault(spelling, []).append(name)
        return [names for names in groups.values() if len(names) > 1]

    @property
    def outputs(self) -> np.ndarray:
        """The labels of the labelled rows, shape (rows, outputs)."""
        codes = self.codes[self.labelled]
        if self.kind == "multilabel":
            return np.asarray(codes)
        if self.kind == "binary":
            return np.asarray(codes == 1).reshape(-1, 1)
        return np.asarray(np.eye(len(self.classes), dtype=bool)[codes])

    @property
    def labelled(self) -> np.ndarray:
        """Flags of the sampled rows with a label."""
        if self.kind == "multilabel":
            return np.ones(len(self.codes), dtype=bool)
        return np.asarray(self.codes >= 0)


def outcome(
    names: tuple[str, ...], rows: pd.DataFrame, counts: Mapping[str, Counter[str]], total: int, positive: str | None
) -> LabelGuess:
    """Guess the label from its columns.

    Args:
        counts: how often each value of a label column occurs in the whole source.
        total: rows of the whole source.

    Raises:
        SourceError: they have no label that can be learnt.
    """
    if len(names) > 1:
        return _several(names, rows, counts)
    name = names[0]
    counted = {value: count for value, count in counts[name].items() if value}
    unknown = tuple(value for value in counted if value in MISSING) if len(set(counted) - set(MISSING)) >= 2 else ()
    known = Counter({value: count for value, count in counted.items() if value not in unknown})
    unlabelled = total - sum(known.values())
    if (separator := _separator(known)) is not None:
        return _tags(name, rows, known, separator)
    if len(known) < 2:
        raise _unlearnable(name, "it has fewer than two classes", ", ".join(known) or "no value at all")
    if len(known) > MAX_CLASSES:
        raise _unlearnable(name, f"it has more than {MAX_CLASSES} classes", f"{len(known):,} different values")
    if positive is not None and positive not in known:
        raise _unlearnable(
            name, "--positive is none of its values", f"{positive}, of {', '.join(known)}", "correct --positive"
        )
    given = _spelled(rows[name])
    if len(known) > 2 and positive is None:
        classes = tuple(value for value, _ in known.most_common())
        codes = given.map({value: code for code, value in enumerate(classes)}).fillna(-1).to_numpy(dtype=np.int64)
        return LabelGuess(
            "multiclass", names, classes, codes, dict(known), unlabelled=unlabelled, missing={name: unknown}
        )
    if len(known) > 2:
        raise _unlearnable(
            name,
            "--positive is given, but it has more than two classes",
            f"{len(known)} classes: {', '.join(list(known)[:5])}, …",
            "leave --positive out, to predict all classes",
        )
    rare = positive or min(known, key=lambda value: (known[value], value.lower() in ("0", "false", "no", "n", "f")))
    other = next(value for value in known if value != rare)
    codes = given.map({rare: 1, other: 0}).fillna(-1).to_numpy(dtype=np.int64)
    return LabelGuess(
        "binary", names, (rare, other), codes, dict(known), unlabelled=unlabelled, missing={name: unknown}
    )


def _several(names: tuple[str, ...], rows: pd.DataFrame, counts: Mapping[str, Counter[str]]) -> LabelGuess:
    positives: dict[str, int] = {}
    for name in names:
        if beyond := set(counts[name]) - {"0", "1", "true", "false", ""}:
            raise _unlearnable(name, "a label column among several holds more than 0 and 1", sorted(beyond)[0])
        positives[name] = counts[name]["1"] + counts[name]["true"]
    codes = np.column_stack([_spelled(rows[name]).isin(["1", "true"]) for name in names])
    return LabelGuess("multilabel", names, names, codes, positives)


def _separator(known: Mapping[str, int]) -> str | None:
    """Find the separator of tags in a multilabel column.

    It splits values into a few tags that recur in many combinations.
    """
    for mark in _SEPARATORS:
        split = [[tag.strip() for tag in value.split(mark)] for value in known]
        several = [tags for tags in split if len(tags) > 1]
        tags = {tag for tags in split for tag in tags}
        tidy = all(tag and (mark == " " or " " not in tag) for tag in tags) and all(
            len(set(t)) == len(t) for t in split
        )
        single = {tags[0] for tags in split if len(tags) == 1}
        if len(several) >= 3 and tidy and len(tags) < len(known) and len(tags & single) >= 0.5 * len(tags):
            return mark
    return None


def _tags(name: str, rows: pd.DataFrame, known: Mapping[str, int], separator: str) -> LabelGuess:
    counted: Counter[str] = Counter()
    for value, count in known.items():
        counted.update({tag.strip(): count for tag in value.split(separator)})
    classes = tuple(tag for tag, _ in counted.most_common())
    held = rows[name].fillna("").astype("str").map(lambda value: {tag.strip() for tag in value.split(separator)})
    codes = np.column_stack([held.map(lambda tags, tag=tag: tag in tags) for tag in classes])
    return LabelGuess("multilabel", (name,), classes, codes.astype(bool), dict(counted), separator)


def _spelled(raw: pd.Series) -> pd.Series:
    return raw.map({value: class_text(value) for value in raw.dropna().unique()}, na_action="ignore")


def event_id(columns: Mapping[str, ColumnProfile], unique: Callable[[str], bool]) -> str | None:
    """Guess the column that identifies an event.

    It is unique in the whole source, and named or written as an identifier.
    """
    named = [
        column
        for column in columns.values()
        if column.holds == "identifier" and column.missing_share == 0 and column.distinct == len(column.values)
        if column.personal is None
        if not _ROW_NUMBER.fullmatch(words(column.name))
    ]
    ranked = sorted(named, key=lambda column: ID_NAME.fullmatch(words(column.name)) is None)
    return next((column.name for column in ranked if unique(column.name)), None)


def event_time(columns: Mapping[str, ColumnProfile], parts: DateParts | None) -> str | None:
    """Guess the column that dates the events.

    Of all times, it is the one with the most even distribution of events.
    """
    times = {
        column.name: column.values
        for column in columns.values()
        if column.holds == "timestamp" and column.missing_share < 0.02 and column.personal is None
    }
    if parts is not None:
        times[parts.name] = parts.values
    if not times:
        return None
    recent = {name: moments for name, moments in times.items() if _span(moments) < LIFETIME}
    return max(recent or times, key=lambda name: _evenness(times[name]))


def _span(moments: pd.Series) -> timedelta:
    lower, upper = moments.dropna().quantile([0.01, 0.99])
    return timedelta(seconds=pd.Timedelta(upper - lower).total_seconds())


def _evenness(moments: pd.Series) -> float:
    """Return the entropy of the events over time, from 0 to 1.

    The time spanned is cut into twenty bins.
    """
    given = moments.dropna()
    days = (given - given.min()).dt.total_seconds().to_numpy()
    if days.max() <= 0:
        return -1.0
    counts = np.histogram(days, bins=20)[0]
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum() / np.log(20))


def date_parts(columns: Mapping[str, ColumnProfile]) -> DateParts | None:
    """Find a date whose year, month and day are three columns."""
    found: dict[str, dict[str, str]] = {}
    for name in columns:
        for part, pattern in _PARTS.items():
            if match := re.fullmatch(rf"(?P<stem>.*?) ?{pattern}", words(name)):
                found.setdefault(match["stem"], {}).setdefault(part, name)
    for stem, parts in found.items():
        if set(parts) != set(_PARTS):
            continue
        values = _assembled({part: columns[name].values for part, name in parts.items()})
        if values is not None:
            name = (stem.replace(" ", "_") or "date") + ("" if stem.endswith("date") or not stem else "_date")
            while name in columns:
                name += "_"
            return DateParts(name, **parts, values=values)
    return None


def _assembled(parts: Mapping[str, pd.Series]) -> pd.Series | None:
    month = parts["month"]
    if not pd.api.types.is_numeric_dtype(month.dtype):
        spelled = month.str.lower().str.slice(0, 3)
        month = spelled.map({name[:3]: number + 1 for number, name in enumerate(MONTHS)}).astype("float64")
    numeric = {"year": parts["year"], "month": month, "day": parts["day"]}
    if not all(pd.api.types.is_numeric_dtype(values.dtype) for values in numeric.values()):
        return None
    dates = pd.to_datetime(pd.DataFrame(numeric), errors="coerce", utc=True)
    return dates if dates.notna().mean() > 0.98 and parts["year"].dropna().between(1900, 2100).all() else None


def _unlearnable(
    name: str,
    problem: str,
    found: str,
    hint: str = "name the column with the outcome by --label; bin a number into classes first",
) -> SourceError:
    return SourceError(f"reading the label {name!r}", problem=problem, found=found, hint=hint)
