"""Why a row got its score: what each column contributes to it, in log odds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leeway.core.metrics import Bools, Floats, logit
from leeway.definition import Classifier
from leeway.model import shapley
from leeway.model.bundle import Bundle

CAREFUL, QUICK = 64, 12  # rows of the reference that a row is held against
SHOWN = 3  # of the rows that were judged wrongly
STORED = 5  # with a prediction
HIDDEN = "hidden"


@dataclass(frozen=True)
class Reason:
    """One column's part in a score.

    Attributes:
        value: the row's, in words; of a sensitive column it is hidden.
        usual: the reference's median, or commonest value.
        effect: what it adds to the log odds; all of them add up to the score's, less the reference's mean.
    """

    column: str
    value: str
    usual: str
    effect: float


@dataclass(frozen=True)
class Explained:
    """A score with its reasons.

    Attributes:
        of_class: what the probability is of.
        score: the probability.
        base: the reference's mean log odds.
        reasons: of all columns, the strongest first.
    """

    of_class: str
    score: float
    base: float
    reasons: list[Reason]


def explain(
    classifier: Classifier,
    bundle: Bundle,
    rows: pd.DataFrame,
    classes: Sequence[str],
    *,
    around: pd.DataFrame | None = None,
    held_against: int = CAREFUL,
) -> list[Explained]:
    """The reasons for the score of each row.

    Args:
        rows: with at least the features.
        classes: for each row, the class that it is about.
        around: other such rows; what the reference's sample does not show, sensitive columns and texts, is taken from them.
        held_against: how many of the reference's rows; the more, the longer and the nearer to the exact value.
    """
    names, known = list(bundle.card.features), bundle.outputs.names
    background = _background(bundle, rows if around is None else around, held_against)
    usual = {name: _usual(background[name], bundle.card.features[name]) for name in names}
    own, found = bundle.score(rows), dict[int, Explained]()
    for name in dict.fromkeys(classes):
        k = known.index(name) if name in known else 0

        def value(lines: pd.DataFrame, k: int = k) -> Floats:
            return logit(bundle.score(lines)[:, k])

        places = [place for place, one in enumerate(classes) if one == name]
        effects, base = shapley.values(value, rows.iloc[places][names], background, bundle.card.seed)
        for place, of_row in zip(places, effects, strict=True):
            shown = [
                Reason(
                    names[at],
                    in_words(classifier, names[at], rows[names[at]].iloc[place]),
                    in_words(classifier, names[at], usual[names[at]]),
                    float(of_row[at]),
                )
                for at in np.argsort(-np.abs(of_row), kind="stable")
            ]
            found[place] = Explained(known[k], float(own[place, k]), base, shown)
    return [found[place] for place in range(len(rows))]


def against(
    classifier: Classifier, bundle: Bundle, rows: pd.DataFrame, classes: list[str], holds: Bools, around: pd.DataFrame
) -> list[list[dict[str, Any]]]:
    """The columns that drew each row's score away from its label most, the strongest first.

    Args:
        holds: for each row, whether the class that it is about holds.
    """
    found = explain(classifier, bundle, rows, classes, around=around, held_against=QUICK)
    away = [[one for one in item.reasons if (one.effect < 0) == held] for item, held in zip(found, holds, strict=True)]
    return [as_stored(one, SHOWN) for one in away]


def as_stored(reasons: Sequence[Reason], most: int = STORED) -> list[dict[str, Any]]:
    """The strongest reasons as they are written down."""
    return [vars(reason) for reason in reasons[:most] if reason.effect != 0]


def in_words(classifier: Classifier, column: str, value: Any) -> str:
    """A value of a column as a person may see it."""
    if classifier.is_sensitive(column):
        return HIDDEN
    if value is None or pd.isna(value):
        return "missing"
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return f"{value:.4g}" if is_number else str(value)[:80]


def _background(bundle: Bundle, around: pd.DataFrame, count: int) -> pd.DataFrame:
    """Rows of the reference's sample; the features that it lacks are those of other rows."""
    rng = np.random.default_rng(bundle.card.seed)
    sample = bundle.sample.iloc[rng.choice(len(bundle.sample), count, replace=len(bundle.sample) < count)]
    others = around.iloc[rng.choice(len(around), count, replace=len(around) < count)]
    columns = {
        name: (sample if name in sample else others)[name].reset_index(drop=True) for name in bundle.card.features
    }
    return pd.DataFrame(columns)


def _usual(column: "pd.Series[Any]", kind: str) -> Any:
    present = column.dropna()
    if present.empty:
        return None
    if kind == "boolean":
        return bool(present.astype("float64").mean() >= 0.5)
    return present.mode().iloc[0] if kind in ("categorical", "text") else float(present.astype("float64").median())
