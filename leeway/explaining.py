"""Why a row got its score: what the score would be with one column at a time as it usually is."""

from typing import Any

import numpy as np
import pandas as pd

from leeway.bundle import Bundle
from leeway.definition import Classifier
from leeway.metrics import Bools, logit
from leeway.training.remembering import is_sensitive

SHOWN = 3
HIDDEN = "hidden"


def reasons(
    classifier: Classifier, bundle: Bundle, rows: pd.DataFrame, classes: list[str], holds: Bools
) -> list[list[dict[str, Any]]]:
    """The columns that drew each row's score away from its label most, the strongest first.

    Each column in turn takes the value that is usual in the reference, its median or commonest; how far the score moves is
    what the row's own value did to it, in log odds.

    Args:
        rows: with at least the features.
        classes, holds: for each row, the class that it is about, and whether it holds.
    """
    usual = _usual(bundle)
    columns = [name for name in bundle.card.features if name in usual]
    own = bundle.score(rows)
    k = [bundle.outputs.names.index(name) if name in bundle.outputs.names else 0 for name in classes]
    places = np.arange(len(rows))
    changed = pd.concat([rows.assign(**{name: usual[name]}) for name in columns], ignore_index=True)
    others = bundle.score(changed).reshape(len(columns), len(rows), -1) if columns else np.zeros((0, len(rows), 1))
    towards = np.where(holds, 1.0, -1.0)
    pulled = (logit(own[places, k]) - logit(others[:, places, k])) * towards  # below zero: away from the label
    return [
        [
            {
                "column": columns[place],
                "value": _shown(classifier, columns[place], rows[columns[place]].iloc[row]),
                "usual": _shown(classifier, columns[place], usual[columns[place]]),
                "effect": float(pulled[place, row] * towards[row]),
            }
            for place in np.argsort(pulled[:, row], kind="stable")[:SHOWN]
            if pulled[place, row] < 0
        ]
        for row in places
    ]


def _usual(bundle: Bundle) -> dict[str, Any]:
    """The usual value of every feature that the reference's sample holds."""
    found = {}
    for name, kind in bundle.card.features.items():
        present = bundle.sample[name].dropna() if name in bundle.sample else pd.Series(dtype="float64")
        if len(present):
            found[name] = present.mode().iloc[0] if kind in ("categorical", "text") else float(present.median())
    return found


def _shown(classifier: Classifier, column: str, value: Any) -> str:
    if is_sensitive(classifier, column):
        return HIDDEN
    if value is None or pd.isna(value):
        return "missing"
    return f"{value:.4g}" if isinstance(value, int | float | np.number) else str(value)[:80]
