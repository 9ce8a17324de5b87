"""How much columns tell of the label: alone, in pairs, and in groups.

Each half of the rows is predicted from the other. A group is a set of related columns: what is known of the label is
then spread over them, and none of them stands out.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

BINS = 64
BEYOND_BELIEF = 0.98  # of ROC AUC, three standard errors below what was found
NEARLY_ALL = 0.8  # of what there is to know of a label that holds or not
SURE = 0.98  # of a class's rows predicted by one column, where there are many classes
BEYOND_CHANCE = 0.6  # of ROC AUC, three standard errors below what was found: else nobody is asked
MUCH, MUCH_AUC = 0.3, 0.85  # of what there is to know, and of ROC AUC: from here on a person is asked
MUCH_OF_CLASSES = 0.5  # likewise, of what there is to know of one of several classes
MUCH_OF_SEVERAL, MUCH_GAIN = 0.5, 0.15  # likewise of columns together, and beyond what the best of them tells alone
LEAST_GAIN = 0.05  # beyond the best of several columns, below which they are not named together
PART_CARRIED, LEAST_CARRIED = 0.25, 0.02  # of the strongest column's part: weaker ones do not carry what several tell
LEAST_ROWS = 20
MISSING_AUC = 0.65  # three standard errors below that of a prediction by whether a column is filled
PURE = 0.97  # of the rows with a value, or without, that have the same label
PAIRED = 12  # of the columns that tell most, of which every two are tried together
ROWS_OF_TREES = 10_000
MOST_OUTPUTS = 12  # of a tree: with more classes its time grows, and two columns tell fewer of them
DEPTH, LEAF = 7, 25
ALIKE = 0.12  # of what there is to know of a column, told by another one: they are of a group
COARSE = 16  # bins, when columns are compared with one another


@dataclass(frozen=True)
class Told:
    """What one or several columns tell of the label.

    Attributes:
        auc: the ROC AUC of a prediction by these columns alone, on rows that it was not learnt from: the mean of the outputs.
        error: its standard error.
        explained: the share of the label's entropy that they take away, at most 1; 0 where they tell nothing.
        why: why that is too good to be true; None where it is plausible.
    """

    columns: tuple[str, ...]
    auc: float
    error: float
    explained: float
    why: str | None = None


@dataclass(frozen=True)
class Suspicion:
    """Columns of which a person must say whether they are known when the event happens.

    Attributes:
        why: what makes them suspect, as the end of a sentence about them.
        beyond: whether they tell so much that it is beyond belief.
        auc: the ROC AUC of a prediction by them alone.
    """

    columns: tuple[str, ...]
    why: str
    beyond: bool = False
    auc: float = 0.5


def suspicions(x: pd.DataFrame, y: np.ndarray, fold: np.ndarray, *, exclusive: bool) -> list[Suspicion]:
    """Find columns that tell suspiciously much of the label.

    Those beyond belief come first, then the others, the strongest first.

    Args:
        x: columns of numbers, truth values and categories; no text and no times.
        y: labels, shape (n, K).
        fold: the rows of one half; each half is predicted by the other.
        exclusive: whether each row has exactly one class.
    """
    alone = {str(name): single(x[name], y, fold, exclusive=exclusive) for name in x}
    beyond = [Suspicion(item.columns, item.why, True, item.auc) for item in alone.values() if item.why]
    left = [item for item in alone.values() if not item.why]
    sets = together(x, y, fold, left, exclusive=exclusive)
    for item in sets:
        names = _carriers(item, alone)
        if item.why and _gain(item, alone) > LEAST_GAIN and not _named(beyond) & set(names):
            beyond.append(Suspicion(names, _of_several(item, names), True, item.auc))
    asked: list[Suspicion] = []
    for item in sorted(left, key=lambda item: -item.explained):
        if item.columns[0] in _named(beyond):
            continue
        if _much(item, exclusive=exclusive):
            asked.append(
                Suspicion(item.columns, f"predicts much of the label by itself, {_auc(item.auc)}", auc=item.auc)
            )
        elif (why := missing_tells(x[item.columns[0]], y)) is not None:
            asked.append(Suspicion(item.columns, why, auc=item.auc))
    for item in sets if not exclusive else ():
        names = _carriers(item, alone)
        if (
            item.explained > MUCH_OF_SEVERAL
            and _gain(item, alone) > MUCH_GAIN
            and not _named(beyond + asked) & set(names)
        ):
            asked.append(Suspicion(names, _of_several(item, names), auc=item.auc))
    return beyond + asked


def missing_tells(values: pd.Series, y: np.ndarray) -> str | None:
    """Say in words that it tells the label whether a column is filled; None where it does not."""
    missing = values.isna().to_numpy()
    count = int(missing.sum())
    if not LEAST_ROWS <= count <= len(missing) - LEAST_ROWS:
        return None
    for k in np.argsort(-y.mean(axis=0), kind="stable"):
        given, without, prior = (float(part.mean()) for part in (y[~missing, k], y[missing, k], y[:, k]))
        rows_given, rows_without = len(missing) - count, count
        if prior * len(y) < LEAST_ROWS or (1 - prior) * len(y) < LEAST_ROWS:
            continue
        auc, error = roc_auc(y[:, [k]], (missing if without > given else ~missing).astype(float).reshape(-1, 1))
        strong = auc - 3 * error > MISSING_AUC
        for share, rows in ((given, rows_given), (without, rows_without)):
            # Nearly all or nearly none of these rows have the label, where chance would give many of each.
            all_alike = (share > PURE and (1 - prior) * rows > LEAST_ROWS) or (
                share < (1 - PURE) * prior and prior * rows > LEAST_ROWS
            )
            strong = strong or all_alike
        if strong:
            return (
                f"tells the label by whether it is filled in: it holds for {given:.0%} of the rows with a value, "
                f"and for {without:.0%} of those without"
            )
    return None


def _much(item: Told, *, exclusive: bool) -> bool:
    if item.auc - 3 * item.error < BEYOND_CHANCE:
        return False
    if exclusive:  # a class of many is often told by what was measured
        return item.explained > MUCH_OF_CLASSES
    return item.explained > MUCH or item.auc - 2 * item.error > MUCH_AUC


def _carriers(item: Told, alone: dict[str, Told]) -> tuple[str, ...]:
    """Return those of several columns that carry what they tell together.

    A tip tells whether it is over a fifth of the fare; the fare tells nothing of it.
    """
    most = max(alone[name].explained for name in item.columns)
    if most < LEAST_CARRIED:
        return item.columns
    return tuple(name for name in item.columns if alone[name].explained > PART_CARRIED * most)


def _gain(item: Told, alone: dict[str, Told]) -> float:
    return item.explained - max(alone[name].explained for name in item.columns)


def _named(found: Sequence[Suspicion]) -> set[str]:
    return {name for item in found for name in item.columns}


def _of_several(item: Told, names: Sequence[str]) -> str:
    others = [name for name in item.columns if name not in names]
    with_others = f" with {' and '.join(others)}" if others else " together"
    return f"{'predict' if len(names) > 1 else 'predicts'} the label{with_others}, {_auc(item.auc)}"


def _auc(auc: float) -> str:
    return f"ROC AUC {auc:.3f}"


def single(values: pd.Series, y: np.ndarray, fold: np.ndarray, *, exclusive: bool) -> Told:
    """Measure how well one column predicts the label.

    Args:
        y: labels, shape (n, K).
        fold: the rows of one half; each half is predicted by the other.
        exclusive: whether each row has exactly one class.
    """
    return _told((str(values.name),), y, _predicted(_codes(values), y, fold), exclusive=exclusive)


def together(x: pd.DataFrame, y: np.ndarray, fold: np.ndarray, alone: Sequence[Told], *, exclusive: bool) -> list[Told]:
    """Measure pairs and groups of the columns that tell most.

    The strongest come first.

    Args:
        x: rows of the columns.
        alone: what each column tells by itself.
    """
    ranked = sorted(alone, key=lambda item: -item.explained)
    names = [item.columns[0] for item in ranked if x[item.columns[0]].nunique() > 1][:PAIRED]
    if y.shape[1] > MOST_OUTPUTS or len(names) < 2 or min(fold.sum(), (~fold).sum()) < 2 * LEAF:
        return []
    step = -(-len(x) // ROWS_OF_TREES)
    x, y, fold = x[names].iloc[::step], y[::step], fold[::step]
    encoded = {half: {name: _encoded(x[name], y, fold if half else ~fold) for name in names} for half in (True, False)}
    sets = [*itertools.combinations(names, 2), *_groups(x, names)]
    found = [
        _told(columns, y, _by_tree(columns, encoded, y, fold, exclusive=exclusive), exclusive=exclusive)
        for columns in sets
    ]
    return sorted(found, key=lambda item: -item.explained)


def _told(columns: tuple[str, ...], y: np.ndarray, scores: np.ndarray, *, exclusive: bool) -> Told:
    auc, error = roc_auc(y, scores)
    explained = _explained(y, scores, exclusive=exclusive)
    alone = "by itself" if len(columns) == 1 else "together"
    if exclusive:
        right = float((scores.argmax(axis=1) == y.argmax(axis=1)).mean())
        most = float(y.mean(axis=0).max())
        by_class = [
            float((scores[y[:, k]].argmax(axis=1) == k).mean()) for k in range(y.shape[1]) if y[:, k].sum() >= 20
        ]
        beyond = right > SURE and most < 0.9 and bool(by_class) and min(by_class) > SURE
        why = f"predicts the class of {right:.1%} of the rows {alone}" if beyond else None
    else:
        beyond = auc - 3 * error > BEYOND_BELIEF or (explained > NEARLY_ALL and auc - 3 * error > 0.9)
        why = f"predicts the label {alone}, ROC AUC {auc:.3f}" if beyond else None
    return Told(columns, auc, error, explained, why)


def _explained(y: np.ndarray, scores: np.ndarray, *, exclusive: bool) -> float:
    """Return the share of the label's entropy that scores take away."""
    p = np.clip(scores, 1e-3, 1 - 1e-3)
    prior = y.mean(axis=0)
    if exclusive:
        shares = prior[prior > 0]
        entropy = float(-(shares * np.log(shares)).sum())
        p = p / p.sum(axis=1, keepdims=True)
        loss = float(-np.log(p[np.arange(len(y)), y.argmax(axis=1)]).mean())
    else:
        shares = np.clip(prior, 1e-12, 1 - 1e-12)
        entropy = float(-(shares * np.log(shares) + (1 - shares) * np.log(1 - shares)).sum())
        loss = float(-np.where(y, np.log(p), np.log(1 - p)).mean(axis=0).sum())
    return max(0.0, 1 - loss / entropy) if entropy > 1e-9 else 0.0


def _codes(values: pd.Series, bins: int = BINS) -> np.ndarray:
    """Bin a column: by value where these are few, else by quantile.

    Missing is a bin of its own.
    """
    many = min(1_000, max(bins, len(values) // 10))  # values that differ in every row predict nothing
    if values.nunique() > many and pd.api.types.is_numeric_dtype(values.dtype):
        return _binned(values.astype("float64"), bins)
    return np.asarray(pd.factorize(values, use_na_sentinel=False)[0])


def _binned(values: pd.Series, bins: int) -> np.ndarray:
    edges = np.unique(np.nanquantile(values, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.where(values.isna(), len(edges) + 1, np.searchsorted(edges, values.fillna(np.inf)))


def _predicted(codes: np.ndarray, y: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Predict each half of the rows from the other.

    Returns:
        Smoothed shares of the outputs by bin, in the shape of `y`.
    """
    scores = np.empty(y.shape)
    size = int(codes.max()) + 1
    for half in (fold, ~fold):
        prior = y[half].mean(axis=0)
        total = np.bincount(codes[half], minlength=size)
        for output in range(y.shape[1]):
            sums = np.bincount(codes[half], weights=y[half, output], minlength=size)
            shares = (sums + prior[output]) / (total + 1)
            scores[~half, output] = shares[codes[~half]]
    return scores


def _is_number(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values.dtype)


def _encoded(values: pd.Series, y: np.ndarray, learnt: np.ndarray) -> np.ndarray:
    """Turn a column into numbers, one column for each output where it has categories.

    A missing number lies below all others.
    """
    if _is_number(values):
        numbers = values.astype("float64").to_numpy(dtype="float64", na_value=np.nan)
        finite = numbers[np.isfinite(numbers)]
        least = float(finite.min()) if len(finite) else 0.0
        return np.where(np.isfinite(numbers), numbers, least - 1 - abs(least)).reshape(-1, 1)
    codes = np.asarray(pd.factorize(values, use_na_sentinel=False)[0])
    total = np.bincount(codes[learnt], minlength=int(codes.max()) + 1)
    outputs = range(y.shape[1] if y.shape[1] <= 4 else 1)
    prior = y[learnt].mean(axis=0)
    shares = [
        (np.bincount(codes[learnt], weights=y[learnt, k], minlength=len(total)) + 10 * prior[k]) / (total + 10)
        for k in outputs
    ]
    return np.column_stack([share[codes] for share in shares])


def _by_tree(
    columns: Sequence[str],
    encoded: dict[bool, dict[str, np.ndarray]],
    y: np.ndarray,
    fold: np.ndarray,
    *,
    exclusive: bool,
) -> np.ndarray:
    """Predict each half of the rows by a small tree of the other."""
    scores = np.empty(y.shape)
    for half, learnt in ((True, fold), (False, ~fold)):
        x = _with_comparisons([encoded[half][name] for name in columns])
        if exclusive:
            tree = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=LEAF, random_state=0)
            tree.fit(x[learnt], y[learnt].argmax(axis=1))
            found = np.zeros((int((~learnt).sum()), y.shape[1]))
            found[:, tree.classes_] = tree.predict_proba(x[~learnt])
        else:
            tree = DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=LEAF, random_state=0)
            found = tree.fit(x[learnt], y[learnt].astype(float)).predict(x[~learnt]).reshape(-1, y.shape[1])
        # A leaf is of few rows: those that all have the label do not make it certain.
        scores[~learnt] = (LEAF * found + y[learnt].mean(axis=0)) / (LEAF + 1)
    return scores


def _with_comparisons(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Add the difference and the ratio of two numbers, or the mean of a group.

    A rule is often on these: a tip over a fifth of the fare, more goals than the other side. A small tree would need many
    splits for it.
    """
    x = np.column_stack(parts)
    if len(parts) > 2:
        return np.asarray(np.clip(np.column_stack([x, _mean_rank(x)]), -1e30, 1e30).astype("float32"))
    if any(part.shape[1] != 1 for part in parts):
        return x.astype("float32")
    a, b = (part[:, 0] for part in parts)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.nan_to_num(a / b, nan=0.0, posinf=1e30, neginf=-1e30)
    compared = np.column_stack([x, a - b, ratio])
    return np.asarray(np.clip(compared, -1e30, 1e30).astype("float32"))


def _mean_rank(x: np.ndarray) -> np.ndarray:
    """Return the mean rank in the columns, each turned the way of the first."""
    ranks = np.column_stack([rankdata(x[:, place]) for place in range(x.shape[1])])
    ranks -= ranks.mean(axis=0)
    turned = np.where(ranks.T @ ranks[:, 0] < 0, -1.0, 1.0)
    return np.asarray((ranks * turned).mean(axis=1))


def _groups(x: pd.DataFrame, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield groups of three and more related columns."""
    codes = {
        name: _binned(x[name].astype("float64"), COARSE)
        if _is_number(x[name]) and x[name].nunique() > COARSE
        else np.asarray(pd.factorize(x[name], use_na_sentinel=False)[0])
        for name in names
    }
    left = [name for name in names if int(codes[name].max()) < 200]
    while left:
        first, *others = left
        group = [first, *(name for name in others if _tell_one_another(codes[first], codes[name]))]
        left = [name for name in left if name not in group]
        if len(group) > 2:
            yield tuple(group)


def _tell_one_another(a: np.ndarray, b: np.ndarray) -> bool:
    """Say whether one column takes away a part of the other's entropy."""
    table = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(table, (a, b), 1.0)
    table /= len(a)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    entropies = [float(-(p[p > 0] * np.log(p[p > 0])).sum()) for p in (rows, columns, table.ravel())]
    if min(entropies[:2]) < 1e-9:
        return False
    return (entropies[0] + entropies[1] - entropies[2]) / min(entropies[:2]) > ALIKE


def roc_auc(y: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """Return the mean ROC AUC and its standard error.

    The mean is over the outputs with both classes; the error is by Hanley and McNeil (1982).
    """
    found, errors = [], []
    for output in range(y.shape[1]):
        positives = int(y[:, output].sum())
        negatives = len(y) - positives
        if not positives or not negatives:
            continue
        ranks = rankdata(scores[:, output])
        auc = (ranks[y[:, output]].sum() - positives * (positives + 1) / 2) / (positives * negatives)
        q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
        variance = auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)
        found.append(auc)
        errors.append(np.sqrt(max(variance, 0.0) / (positives * negatives)))
    if not found:
        return 0.5, 1.0
    return float(np.mean(found)), float(max(np.mean(errors), 1 / len(y)))
