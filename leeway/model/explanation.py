"""Explanations: each column's contribution to a score.

Contributions are in log odds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leeway.core.metrics import Bools, Floats, logit
from leeway.definition import Classifier
from leeway.model import shapley
from leeway.model.bundle import Bundle

CAREFUL, QUICK = 64, 12  # rows of the reference that a row is compared with
SHOWN = 3  # of the rows that were judged wrongly
STORED = 5  # with a prediction
HIDDEN = "hidden"


@dataclass(frozen=True)
class Reason:
    """One column's part in a score.

    Attributes:
        value: the row's value, in words; a sensitive column's is hidden.
        usual: the reference's median, or its commonest value.
        effect: its part in the log odds; all effects add up to the score's log odds, less the reference's mean.
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
    """Explain the score of each row.

    Args:
        rows: with at least the features.
        classes: for each row, the class to explain.
        around: other such rows; they give the features that the reference's sample lacks, sensitive columns and texts.
        held_against: number of the reference's rows; with more, it takes longer and is nearer to the exact value.
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
    """List the columns that misled each row's score.

    They drew the score away from the label; the strongest come first.

    Args:
        holds: for each row, whether its class holds.
    """
    found = explain(classifier, bundle, rows, classes, around=around, held_against=QUICK)
    away = [[one for one in item.reasons if (one.effect < 0) == held] for item, held in zip(found, holds, strict=True)]
    return [as_stored(one, SHOWN) for one in away]


def as_stored(reasons: Sequence[Reason], most: int = STORED) -> list[dict[str, Any]]:
    """Return the strongest reasons in stored form."""
    return [vars(reason) for reason in reasons[:most] if reason.effect != 0]


def in_words(classifier: Classifier, column: str, value: Any) -> str:
    """Format a column's value for people."""
    if classifier.is_sensitive(column):
        return HIDDEN
    if value is None or pd.isna(value):
        return "missing"
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return f"{value:.4g}" if is_number else str(value)[:80]


def _background(bundle: Bundle, around: pd.DataFrame, count: int) -> pd.DataFrame:
    """Sample background rows from the reference.

    Features that its sample lacks come from `around`.
    """
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
