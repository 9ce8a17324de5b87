"""The holdout of a snapshot, and the search's folds.

Validation resembles use. Where events have a time, validated rows lie after the learnt ones, by as much as labels take to
mature. Where they have none, every class has its share in every part. Where the classifier will meet new entities, no entity
is on both sides.
"""

from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from leeway.core.errors import TrainingError
from leeway.core.metrics import Bools, Floats, Outcomes, Rows
from leeway.dataset.features import FOLD_GROUP
from leeway.definition import Classifier

Fold = tuple[Rows, Rows]
BLOCKS = 21  # of events without a time: as many as a holdout of three weeks has nights
Codes = npt.NDArray[np.int64]


def split(classifier: Classifier, rows: pd.DataFrame, y: Outcomes) -> Fold:
    """Split rows into development and holdout positions.

    Both are in the order of the rows. With a group, recent rows of entities that were there before are in neither. Where
    events have no time, an event that was held out of an earlier snapshot is mostly held out of a later one, so that versions
    can be compared on it.

    Args:
        rows: a snapshot, in the order of time.
        y: its outcomes: booleans, class codes, or an indicator of shape (n, labels).
    """
    if len(rows) == 0:
        return np.arange(0), np.arange(0)
    if not classifier.by_arrival:
        late = _late(rows["event_time"], classifier.holdout, hourly=classifier.partition.length < timedelta(days=1))
        return _without_known(np.flatnonzero(~late), np.flatnonzero(late), _groups(rows))
    share, groups = float(classifier.holdout), _groups(rows)  # type: ignore[arg-type]
    if groups is not None:
        count = max(2, round(1 / share))
        held_out = _grouped(classifier, _strata(y), groups, count)[0][1]
    else:
        held_out = _sample(
            _strata(y), share, np.argsort(_lots(rows["event_id"], classifier.training.seed), kind="stable")
        )
    mask = np.zeros(len(rows), dtype=bool)
    mask[held_out] = True
    return np.flatnonzero(~mask), np.flatnonzero(mask)


def blocks(rows: pd.DataFrame, seed: int) -> npt.NDArray[np.str_]:
    """Assign each row to a random block.

    The same event always gets the same block, and an entity's rows share one.
    """
    of = rows["event_id"].astype("object")
    if FOLD_GROUP in rows.columns:
        of = rows[FOLD_GROUP].astype("object").fillna(of)
    return np.floor(_lots(of, seed + 1) * BLOCKS).astype(np.int64).astype(str)


def folds(classifier: Classifier, rows: pd.DataFrame, y: Outcomes) -> list[Fold]:
    """Return the search's folds, as positions.

    No row is validated on twice. About `training.search_rows` rows are in them. Where events have no time, they are in random
    order.

    Args:
        rows: the development rows, in the order of time.
        y: their outcomes, as for `split`.

    Raises:
        TrainingError: in no fold do both sides have different outcomes.
    """
    training, groups = classifier.training, _groups(rows)
    if not classifier.by_arrival:
        chosen = np.arange(max(0, len(rows) - training.search_rows), len(rows))
        cut = time_folds(len(chosen), training.folds)
        found = [_without_known(chosen[train], chosen[validate], groups) for train, validate in cut]
        gapped = [(mature_before(classifier, rows, *fold), fold[1]) for fold in found]
        found = gapped if any(_usable(fold, y) for fold in gapped) else found
    else:
        chosen = _bounded(_strata(y), groups, training.search_rows, np.random.default_rng(training.seed))
        strata = _strata(y[chosen])
        parts = (
            _stratified(strata, training.folds, training.seed)
            if groups is None
            else _grouped(classifier, strata, groups[chosen], training.folds)
        )
        found = [(chosen[train], chosen[validate]) for train, validate in parts]
    usable = [fold for fold in found if _usable(fold, y)]
    if not usable:
        no_fold = "fold has both classes on both sides"
        no_time_fold = "time-ordered fold has both classes before and after its cut"
        rarest = int(np.bincount(_strata(y)).min()) if len(y) else 0
        raise TrainingError(
            f"cross-validating {classifier.name}",
            problem=f"no {no_fold if classifier.by_arrival else no_time_fold}",
            found=f"{len(y)} rows, {len(np.unique(_strata(y)))} different outcomes, the rarest in {rarest}"
            + ("" if groups is None else f", {len(np.unique(groups))} entities"),
            hint="ingest more partitions, or train as of a later time (--as-of)"
            + ("" if groups is None else ", or drop training.group"),
        )
    return usable


def mature_before(classifier: Classifier, rows: pd.DataFrame, train: Rows, validate: Rows) -> Rows:
    """Keep the rows with mature labels before validation.

    They are the positions in `train` that were older than the label's maturity when the first event of `validate` happened;
    all of them where events have no time. They are not chosen by when their own label became known: where one class becomes
    known earlier than the other, that would select by label.
    """
    if classifier.by_arrival or not len(train) or not len(validate):
        return train
    times, begins = rows["event_time"].iloc[train], rows["event_time"].iloc[validate[0]]
    return np.asarray(train[(times < begins - classifier.label.maturity).to_numpy()])


def time_folds(rows: int, count: int) -> list[Fold]:
    """Return folds over rows in time order.

    Each learns from all rows before those that it validates on. The rows are cut into `count` + 1 blocks; the first is never
    validated on.
    """
    blocks = np.array_split(np.arange(rows), count + 1)
    return [(np.concatenate(blocks[:place]), blocks[place]) for place in range(1, count + 1)]


def _late(times: "pd.Series[pd.Timestamp]", holdout: timedelta | float, *, hourly: bool) -> Bools:
    if isinstance(holdout, timedelta):
        # In whole days back from the end of the newest event's day, so that no night is on both sides.
        unit = timedelta(hours=1) if hourly or holdout % timedelta(days=1) else timedelta(days=1)
        end = times.iloc[-1].floor(unit) + unit
        return np.asarray(times >= end - holdout)
    # Rows of one instant stay together: one side would leak the other.
    return np.asarray(times >= times.iloc[round(len(times) * (1 - holdout))])


def _stratified(strata: Codes, count: int, seed: int) -> list[Fold]:
    """Deal every stratum out among the folds.

    The order is random. A stratum with one row is in one fold.
    """
    order = np.random.default_rng(seed).permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    fold = np.empty(len(strata), dtype=np.int64)
    fold[order] = np.arange(len(strata)) % count
    shuffled = np.random.default_rng(seed).permutation(len(strata))
    return [(np.flatnonzero(fold != place), shuffled[fold[shuffled] == place]) for place in range(count)]


def _grouped(classifier: Classifier, strata: Codes, groups: Codes, count: int) -> list[Fold]:
    entities = len(np.unique(groups))
    if entities < count or np.bincount(strata).max() < count:
        raise TrainingError(
            f"cross-validating {classifier.name}",
            problem=f"too few entities, or rows of a class, for {count} folds by {classifier.training.group}",
            found=f"{entities} entities, {len(strata)} rows",
            hint="ingest more partitions, or drop training.group",
        )
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=classifier.training.seed)
    rng = np.random.default_rng(classifier.training.seed)
    # scikit-learn warns of classes with fewer rows than folds; here the metrics report them.
    common = np.where(np.bincount(strata)[strata] >= count, strata, np.bincount(strata).argmax())
    return [(train, rng.permutation(validate)) for train, validate in splitter.split(strata, common, groups)]


def _bounded(strata: Codes, groups: Codes | None, most: int, rng: np.random.Generator) -> Rows:
    """Sample about `most` rows by stratum, or whole entities."""
    if len(strata) <= most:
        return np.arange(len(strata))
    if groups is None:
        return np.sort(_sample(strata, most / len(strata), rng.permutation(len(strata))))
    entities, sizes = np.unique(groups, return_counts=True)
    order = rng.permutation(len(entities))
    kept = entities[order][np.cumsum(sizes[order]) - sizes[order] < most]
    return np.flatnonzero(np.isin(groups, kept))


def _lots(names: pd.Series, seed: int) -> Floats:
    """Hash each name to a number below 1.

    The same name always gets the same number.
    """
    hashed = pd.util.hash_array(names.astype(str).to_numpy(object), hash_key=f"{seed % 10**16:016d}", categorize=False)
    return hashed / np.float64(2**64)


def _sample(strata: Codes, share: float, order: Rows) -> Rows:
    """Sample a share of every stratum.

    The first rows in `order` are taken, but never all: the only row of a stratum is not taken.
    """
    order = order[np.argsort(strata[order], kind="stable")]
    sizes = np.bincount(strata)
    taken = np.minimum(np.round(share * sizes), np.maximum(sizes - 1, 0))
    rank = np.arange(len(strata)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.asarray(order[rank < taken[strata[order]]])


def _without_known(train: Rows, validate: Rows, groups: Codes | None) -> Fold:
    if groups is None:
        return train, validate
    return train, validate[~np.isin(groups[validate], groups[train])]


def _groups(rows: pd.DataFrame) -> Codes | None:
    """Return each row's entity as a number.

    Rows without an entity count as different ones. None where rows are not grouped.
    """
    if FOLD_GROUP not in rows.columns:
        return None
    codes = pd.factorize(rows[FOLD_GROUP])[0].astype(np.int64)
    return np.where(codes >= 0, codes, -1 - np.arange(len(codes)))


def _strata(y: Outcomes) -> Codes:
    """Number the rows by outcome.

    Rows with the same outcome have the same number.
    """
    return np.unique(y, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _usable(fold: Fold, y: Outcomes) -> bool:
    return all(_differs(y[side]) for side in fold)


def _differs(y: Outcomes) -> bool:
    return len(y) > 0 and bool((y != y[0]).any())
