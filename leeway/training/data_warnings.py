"""Warnings about the training rows, for the card."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from leeway.core.metrics import Bools, Floats, log_losses
from leeway.core.outputs import Outputs
from leeway.definition import Kind
from leeway.training.folds import Fold
from leeway.training.trials import varies

SEPARATED = 1e-3  # nats of out-of-fold log loss: hardly anything is that certain


def notes(
    features: Mapping[str, Kind],
    outputs: Outputs,
    rows: pd.DataFrame,
    x: pd.DataFrame,
    y: Bools,
    folds: Sequence[Fold],
    scores: Floats,
    left_out: int = 0,
) -> list[str]:
    """List what is unusual about the training rows.

    Nothing of it stops a training.

    Args:
        rows, x, y: the development rows as they came and as candidates see them, and their labels, shape (n, K).
        scores: out-of-fold, of the rows that the folds validate on, shape (that, K).
        left_out: number of folds that are not in `folds`, because all labels of a side are the same.
    """
    scored = np.concatenate([validate for _, validate in folds])
    found = [*_infinite(features, rows), *_same(features, x), *_empty_in_folds(features, x, folds)]
    if left_out:
        found.append(f"{left_out} of {left_out + len(folds)} folds were left out: all labels of a side are the same")
    found += _absent(outputs, y, folds)
    if float(log_losses(y[scored], scores, exclusive=outputs.exclusive).mean()) < SEPARATED:
        found.append("the columns predict the label nearly without error: does one of them leak it?")
    return found


def _infinite(features: Mapping[str, Kind], rows: pd.DataFrame) -> Iterator[str]:
    for name, kind in features.items():
        if kind == "numeric" and pd.api.types.is_float_dtype(rows[name].dtype):
            count = int(np.isinf(rows[name].to_numpy(dtype="float64", na_value=np.nan)).sum())
            if count:
                yield f"{name} is infinite in {count} rows, which was taken as missing"


def _same(features: Mapping[str, Kind], x: pd.DataFrame) -> Iterator[str]:
    for name in features:
        if not varies(x[name]):
            yield f"{name} never varies, so nothing was learnt from it"


def _empty_in_folds(features: Mapping[str, Kind], x: pd.DataFrame, folds: Sequence[Fold]) -> Iterator[str]:
    for name in features:
        if not x[name].notna().any():
            continue
        for side, place in (("learnt from", 0), ("validated on", 1)):
            count = sum(not x[name].iloc[fold[place]].notna().any() for fold in folds)
            if count:
                yield f"{name} is empty in all rows that {count} of {len(folds)} folds {side}"


def _absent(outputs: Outputs, y: Bools, folds: Sequence[Fold]) -> Iterator[str]:
    for k, name in enumerate(outputs.names):
        if not y[:, k].any():
            yield f"no row is {name}, so nothing is known of it"
            continue
        count = sum(not y[train, k].any() for train, _ in folds)
        if count:
            yield f"no row that {count} of {len(folds)} folds learnt from is {name}"
