"""Leakage: columns that reveal the label.

They predict it too well, alone or together, or are known only after it. Statistics cannot tell a strong column from one that
became known later; a person can. So what is beyond belief is set aside, and what is only suspicious is asked.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from leeway.profiling import telling
from leeway.profiling.columns import ColumnProfile
from leeway.profiling.questions import Question
from leeway.profiling.roles import LabelGuess
from leeway.profiling.values import all_midnight

MAX_ROWS = 30_000
ROUNDS = 4  # of setting aside: what is left is looked at again, without the columns that told most
AFTER = 0.05  # of the rows with a date after the event's: from here on it is suspect
SUSPECT, PERHAPS = 0.80, 0.60  # of ROC AUC, for a date that is suspect: set aside, and asked
NEWEST, LATER_MISSING, USUALLY_MISSING = (
    0.03,
    0.3,
    0.7,
)  # of the rows: the newest; more of them without a value; of the others
WORD = re.compile(r"\w\w+")
MOST_WORDS, MOST_CHARACTERS = 300, 2_000  # that a text's words are looked for among, and of a text
WORD_TELLS = 0.9  # of ROC AUC, three standard errors below that of a prediction by one word
NUMBERS = ("numeric", "boolean", "categorical", "identifier", "constant")


@dataclass(frozen=True)
class _Rows:
    """The labelled rows that are looked at."""

    chosen: np.ndarray
    y: np.ndarray
    fold: np.ndarray
    exclusive: bool
    time: pd.Series | None

    @cached_property
    def newest(self) -> "pd.Series[bool] | None":
        """Flags of the newest rows; None where events have no time, or the rows are few."""
        if self.time is None:
            return None
        flags = self.time.rank(method="first", pct=True) > 1 - NEWEST
        return flags if flags.sum() >= telling.LEAST_ROWS else None


def questions(
    columns: Mapping[str, ColumnProfile], outcome: LabelGuess, time: pd.Series | None, *, seed: int = 0
) -> list[Question]:
    """Find what a person must be asked, and what to set aside until then.

    What is set aside comes first, and then the strongest.

    Args:
        columns: the candidates for features.
        time: the events' times; None where there are none.
    """
    rows = _rows(outcome, time, seed)
    if not len(rows.chosen):
        return []
    found = list(_after_the_event(columns, rows))
    x = _comparable({name: column for name, column in columns.items() if name not in _named(found, aside=True)}, rows)
    for _ in range(ROUNDS):
        told = telling.suspicions(x, rows.y, rows.fold, exclusive=rows.exclusive) if len(x.columns) else []
        beyond = [item for item in told if item.beyond]
        found += [Question(item.columns, item.why, aside=True) for item in beyond]
        x = x.drop(columns=[name for item in beyond for name in item.columns])
        if not beyond:
            break
    found = [item for item in found if item.aside or not set(item.columns) & _named(found, aside=True)]
    asked = [Question(item.columns, item.why) for item in told if not item.beyond]
    found += [item for item in asked if not _named(found) & set(item.columns)]
    for name, column in columns.items():
        if name not in _named(found) and (why := _by_its_gaps(column, rows) or _by_a_word(column, rows)) is not None:
            found.append(Question((name,), why))
    return sorted(found, key=lambda item: not item.aside)


def _rows(outcome: LabelGuess, time: pd.Series | None, seed: int) -> _Rows:
    chosen, y = np.flatnonzero(outcome.labelled), outcome.outputs
    random = np.random.default_rng([seed, *b"leeway"])  # the stream of no simulation that the data may come from
    if len(chosen) > MAX_ROWS:
        pick = np.sort(random.choice(len(chosen), MAX_ROWS, replace=False))
        chosen, y = chosen[pick], y[pick]
    return _Rows(chosen, y, random.random(len(chosen)) < 0.5, outcome.kind == "multiclass", time)


def _named(found: list[Question], *, aside: bool = False) -> set[str]:
    return {name for item in found if item.aside or not aside for name in item.columns}


def _comparable(columns: Mapping[str, ColumnProfile], rows: _Rows) -> pd.DataFrame:
    """Return the columns as numbers and categories; times as seconds since the event."""
    found: dict[str, pd.Series] = {}
    for name, column in columns.items():
        values = column.values.iloc[rows.chosen]
        if column.holds == "timestamp":
            found[name] = _since_event(values, rows)
        elif column.holds in NUMBERS:
            found[name] = values
    return pd.DataFrame(found).reset_index(drop=True)


def _since_event(values: pd.Series, rows: _Rows) -> pd.Series:
    since = pd.Timestamp(0, tz="UTC") if rows.time is None else rows.time.iloc[rows.chosen]
    return (values - since).dt.total_seconds()


def _after_the_event(columns: Mapping[str, ColumnProfile], rows: _Rows) -> Iterator[Question]:
    """Yield the dates that lie after the event, and tell something of the label."""
    if rows.time is None:
        return
    moments = rows.time.iloc[rows.chosen]
    for name, column in columns.items():
        if column.holds != "timestamp":
            continue
        values = column.values.iloc[rows.chosen]
        compared = values.dt.normalize() if all_midnight(rows.time) else values
        after = float((compared > moments).mean())
        if after <= AFTER:
            continue
        told = telling.single(_since_event(values, rows).rename(name), rows.y, rows.fold, exclusive=rows.exclusive)
        if told.why or told.auc > SUSPECT:
            yield Question(
                (name,), f"is after the event in {after:.0%} of the rows, and predicts the label", aside=True
            )
        elif told.auc > PERHAPS:
            yield Question((name,), f"is after the event in {after:.0%} of the rows, and tells of the label")


def _by_a_word(column: ColumnProfile, rows: _Rows) -> str | None:
    """Say which word of a text nearly tells the label; None where none does.

    Words together may tell it, that is what texts are learnt for. One alone is often written with the label.
    """
    if column.holds != "text":
        return None
    texts = column.values.iloc[rows.chosen].fillna("").astype("str").str[:MOST_CHARACTERS].str.lower()
    words = [set(WORD.findall(text)) for text in texts]
    counts = Counter(itertools.chain.from_iterable(words)).most_common(MOST_WORDS)
    likely = [word for word, count in counts if telling.LEAST_ROWS <= count <= len(words) - telling.LEAST_ROWS]
    there = np.array([[word in own for word in likely] for own in words]).reshape(len(words), len(likely))
    for k in range(rows.y.shape[1]):
        holds = rows.y[:, k].astype(bool)
        sides = [there[rows.fold & side].mean(axis=0) for side in (holds, ~holds) if (rows.fold & side).any()]
        if not likely or len(sides) < 2:
            continue
        best = int(np.abs(sides[0] - sides[1]).argmax())
        own = there[~rows.fold, best] == (sides[0][best] > sides[1][best])
        auc, error = telling.roc_auc(rows.y[~rows.fold][:, [k]], own.astype(float).reshape(-1, 1))
        if auc - 3 * error > WORD_TELLS:
            return f"tells the label by the word {likely[best]!r} alone, ROC AUC {auc:.2f}"
    return None


def _by_its_gaps(column: ColumnProfile, rows: _Rows) -> str | None:
    """Say why a column's gaps make it suspect; None where they do not."""
    if column.holds in ("text", "timestamp") and (
        why := telling.missing_tells(column.values.iloc[rows.chosen], rows.y)
    ):
        return why
    newest = rows.newest
    if newest is None or column.holds == "empty":
        return None
    missing = column.values.isna()
    late, usual = float(missing[newest].mean()), float(missing[~newest].mean())
    if late - usual > LATER_MISSING and usual < USUALLY_MISSING:
        return (
            f"may be filled in later: it is missing in {late:.0%} of the newest rows, and in {usual:.0%} of the others"
        )
    return None
