"""Build the reference of a new bundle, from out-of-sample scores."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import numpy as np
import pandas as pd

from leeway.core.metrics import FEW, Bools, Floats, logit
from leeway.definition import Classifier, Kind
from leeway.definition.partitions import Partition, keys_of
from leeway.detection import channels, sketch
from leeway.detection.alarm_limits import MIN_PARTITIONS, Alarm, place_of
from leeway.detection.channels import Channel, Matrix
from leeway.detection.dependence import Predict, partial_dependence
from leeway.detection.faults import Clean
from leeway.detection.performance_metrics import Usual
from leeway.detection.reference import MIN_ROWS, Reference, Typical
from leeway.detection.sketch import BinCounts, Binning, Bins, hellinger, shares

Decide = Callable[[Floats], Bools]

LEAST_DISTANCE = 0.01  # of Hellinger
MOST_CHANNELS = 256


def build(
    classifier: Classifier,
    rows: pd.DataFrame,
    x: pd.DataFrame,
    p: Floats,
    as_of: datetime,
    predict: Predict,
    volumes: Mapping[str, int] = MappingProxyType({}),
    since: datetime | None = None,
    decide: Decide | None = None,
) -> Reference:
    """Build the reference of a new bundle.

    Args:
        rows: `event_time`, the stored label and its `known_at` of rows that were not trained on when they were scored.
        x: their features, as `model_input` makes them.
        p: their calibrated scores, shape (n, K).
        as_of: when `known_at` was looked up; younger partitions may have labels still to come.
        predict: the bundle's own calibrated scores of such features.
        volumes: how many events partitions have, labelled or not; by default, all events have a label.
        since: the start of a change; of earlier partitions the variation is kept, and the level is adjusted.
        decide: the bundle's decisions by such scores; without it, performance is not monitored.
    """
    outputs, features = classifier.label.outputs, list(watched_features(classifier))
    cut = _cut(classifier, rows, x, p, as_of)
    counts = {name: cut.sums(name, np.ones((len(cut.p), 1)))[..., 0].astype(np.int64) for name in cut.bins}
    share = {name: shares(table.sum(axis=0)) for name, table in counts.items()}
    effects = _effects(classifier, cut, share, predict)
    distances = {
        name: hellinger(shares(counts[name]), shares(counts[name].sum(axis=0) - counts[name])) for name in features
    }
    typical = {name: Typical.of(own, least=LEAST_DISTANCE) for name, own in distances.items()}
    watched = _watched(cut.y, len(cut.keys))
    return Reference(
        partitions=tuple(cut.keys),
        rows=tuple(cut.rows),
        binnings=cut.binnings,
        counts={name: table.tolist() for name, table in counts.items()},
        distance=typical,
        distance_limit=_limit(distances, typical, classifier.drift.quantile),
        effects={name: effect.tolist() for name, effect in effects.items()},
        clean=Clean.learn(
            cut.binnings,
            cut.bins,
            cut.x,
            cut.place,
            [volumes.get(key, size) for key, size in zip(cut.keys, cut.rows, strict=True)],
        ),
        classes=outputs.names,
        watched=tuple(outputs.names[k] for k in watched),
        score_means={name: float(cut.p[:, k].mean()) for k, name in enumerate(outputs.names)},
        alarm=_alarm(classifier, cut, counts, share, effects, watched, since),
        usual=None if decide is None else _usual(classifier, cut, decide(cut.p), watched),
    )


@dataclass(frozen=True)
class _Cut:
    """The reference's rows, cut into partitions and bins.

    Attributes:
        keys, rows: the partitions and their sizes; `place` is each row's partition.
        x: the features; y, p: labels and scores, shape (n, K).
        mature: which rows have a label that a night would have seen.
        bins: each row's bin, for every monitored column.
    """

    keys: list[str]
    rows: list[int]
    place: Bins
    x: pd.DataFrame
    y: Bools
    p: Floats
    mature: Bools
    binnings: dict[str, Binning]
    bins: dict[str, Bins]

    @property
    def spread(self) -> Floats:
        """The standard deviation of each class's label, shape (K,)."""
        return np.asarray(np.maximum(self.y.std(axis=0), 1e-9))

    def sums(self, name: str, values: Floats) -> Floats:
        """Sum values within each partition and bin.

        Args:
            values: of each row, shape (n, K).

        Returns:
            The sums, shape (partitions, bins, K).
        """
        size, count = self.binnings[name].size, len(self.keys)
        cells = self.place * size + self.bins[name]
        sums = [np.bincount(cells, weights=column, minlength=count * size) for column in values.T]
        return np.asarray(np.stack(sums, axis=-1).reshape(count, size, -1), dtype=np.float64)

    def means(self, name: str, values: Floats) -> Floats:
        """Average values within each bin.

        Args:
            values: of each row, shape (n, K).

        Returns:
            The means, shape (bins, K). An empty bin has the mean of all rows.
        """
        bins, size = self.bins[name], self.binnings[name].size
        totals = np.bincount(bins, minlength=size)[:, None]
        sums = np.column_stack([np.bincount(bins, weights=column, minlength=size) for column in values.T])
        return np.where(totals > 0, sums / np.maximum(totals, 1), values.mean(axis=0))


def _cut(classifier: Classifier, rows: pd.DataFrame, x: pd.DataFrame, p: Floats, as_of: datetime) -> _Cut:
    keys = keys_of(rows["event_time"], classifier.partition)
    sizes = keys.value_counts().sort_index()
    most = classifier.drift.most_reference(classifier.partition)
    kept = ([key for key in sizes.index if sizes[key] >= MIN_ROWS] or list(sizes.index))[-most:]
    inside = keys.isin(kept).to_numpy()
    rows, x, p, keys = rows[inside], x[inside].reset_index(drop=True), p[inside], keys[inside]
    outputs, features = classifier.label.outputs, watched_features(classifier)
    columns = sketch.with_scores(x[list(features)], p, outputs)
    kinds: dict[str, Kind] = {**features, **dict.fromkeys(outputs.score_columns, "numeric")}
    learnt = {name: Binning.learn(columns[name], kind) for name, kind in kinds.items()}
    binnings = {name: item.model_copy(update={"given": name in classifier.columns}) for name, item in learnt.items()}
    return _Cut(
        keys=kept,
        rows=[int(sizes[key]) for key in kept],
        place=keys.map({key: position for position, key in enumerate(kept)}).to_numpy(dtype=np.intp),
        x=x,
        y=outputs.matrix(rows[outputs.column]),
        p=p,
        mature=_mature(classifier, rows, keys, kept, as_of),
        binnings=binnings,
        bins={name: binning.bin(columns[name]) for name, binning in binnings.items()},
    )


def _effects(classifier: Classifier, cut: _Cut, share: Mapping[str, Floats], predict: Predict) -> dict[str, Floats]:
    """Compute each column's effect on the mean scores.

    An effect is the change of the mean scores if all rows were in one bin of the column, shape (bins, K).
    """
    of_features = {name: cut.bins[name] for name in watched_features(classifier)}
    found = partial_dependence(cut.x, of_features, cut.binnings, predict, classifier.training.seed)
    found |= {name: cut.means(name, cut.p) for name in classifier.label.outputs.score_columns}
    return {name: effect - share[name] @ effect for name, effect in found.items()}


def _alarm(
    classifier: Classifier,
    cut: _Cut,
    counts: Mapping[str, BinCounts],
    share: Mapping[str, Floats],
    effects: Mapping[str, Floats],
    watched: list[int],
    since: datetime | None,
) -> Alarm:
    names = [classifier.label.outputs.names[k] for k in watched]
    error = (cut.y - cut.p)[:, watched]
    chosen = _most_telling(_channels(classifier, cut, share, effects, watched), classifier, share, effects)
    matrix = Matrix(chosen, {name: binning.size for name, binning in cut.binnings.items()}, names)
    errors = {name: cut.sums(name, error * cut.mature[:, None]) for name in cut.bins}
    labelled = np.bincount(cut.place[cut.mature], minlength=len(cut.keys))
    judged = np.flatnonzero(labelled >= MIN_ROWS).tolist()
    found = [
        matrix.values(
            {name: table[position] for name, table in counts.items()},
            cut.rows[position],
            {name: table[position] for name, table in errors.items()},
            int(labelled[position]),
        )
        for position in judged
    ]
    partitions = [Partition.parse(cut.keys[position], classifier.partition) for position in judged]
    values = np.array([values for values, _ in found]).reshape(len(found), len(chosen))
    early = np.array([since is not None and partition.start < since for partition in partitions], dtype=bool)
    return Alarm(
        channels=tuple(chosen),
        grain=classifier.partition,
        values=_levelled(values, early).tolist(),
        rows=[rows.tolist() for _, rows in found],
        places=[place_of(partition) for partition in partitions],
        seed=classifier.training.seed,
        policy=classifier.drift,
    ).calibrated()


def _levelled(values: Floats, early: Bools) -> Floats:
    """Move partitions from before a change to the level after it.

    The change is shrunk towards zero by its sampling noise, by the positive part of James and Stein's estimator.

    Args:
        values: the channels of partitions, shape (T, C).
        early: which partitions are from before the change.
    """
    if early.all() or not early.any():
        return values
    change = values[~early].mean(axis=0) - values[early].mean(axis=0)
    sampling_noise = values[early].var(axis=0) * (1 / early.sum() + 1 / (~early).sum())
    kept = np.maximum(0.0, 1 - sampling_noise / np.maximum(change**2, 1e-300))
    return np.where(early[:, None], values + kept * change, values)


def seen_rows(classifier: Classifier, reference: Reference, rows: pd.DataFrame, as_of: datetime) -> Bools:
    """Flag the reference's rows whose labels were mature."""
    keys = keys_of(rows["event_time"], classifier.partition)
    inside = keys.isin(reference.partitions).to_numpy()
    found = np.zeros(len(rows), dtype=bool)
    found[inside] = _mature(classifier, rows[inside], keys[inside], list(reference.partitions), as_of)
    return found


def _usual(classifier: Classifier, cut: _Cut, decided: Bools, watched: list[int]) -> Usual:
    parts = [np.flatnonzero(cut.mature & (cut.place == place)) for place in range(len(cut.keys))]
    return Usual.of(
        cut.y,
        cut.p,
        decided,
        [part for part in parts if len(part) >= MIN_ROWS],
        exclusive=classifier.label.outputs.exclusive,
        judged=watched,
        seed=classifier.training.seed,
    )


def watched_features(classifier: Classifier) -> dict[str, Kind]:
    """Return the monitored features: all but calendar parts."""
    return {name: kind for name, kind in classifier.features.items() if name not in classifier.calendar_features}


def _channels(
    classifier: Classifier,
    cut: _Cut,
    share: Mapping[str, Floats],
    effects: Mapping[str, Floats],
    watched: list[int],
) -> Iterator[Channel]:
    """Yield the impact and residual channels of every column."""
    outputs, policy = classifier.label.outputs, classifier.drift
    variance = {name: cut.means(name, (cut.y - cut.p) ** 2) for name in cut.bins}
    for k in watched:
        of_class, harm, score = outputs.names[k], policy.tolerance * float(cut.spread[k]), outputs.score_columns[k]
        for name in [name for name in cut.bins if name not in outputs.score_columns or name == score]:
            effect, itself = effects[name][:, k], channels.MEAN if name == score else ""
            if (moved := channels.impact(name, of_class, effect, share[name], policy.impact, itself)) is not None:
                yield moved
            found = channels.directions(cut.binnings[name], share[name], effect)
            if name == score:
                found = channels.directions_of_score(share[name], logit(effect + cut.p[:, k].mean()))
            for direction, weights in found:
                yield channels.residual(name, of_class, direction, weights, share[name], variance[name][:, k], harm)


def _most_telling(
    found: Iterable[Channel], classifier: Classifier, share: Mapping[str, Floats], effects: Mapping[str, Floats]
) -> list[Channel]:
    """Keep the channels that matter most for the scores.

    The scores' own channels are kept, and those of the columns that the scores depend on most. To draw streams of all channels
    may take minutes.
    """
    outputs = classifier.label.outputs

    def rank(channel: Channel) -> tuple[bool, float]:
        effect = effects[channel.column][:, outputs.names.index(channel.of_class)]
        return channel.column not in outputs.score_columns, -float(share[channel.column] @ effect**2)

    ranked = sorted(found, key=rank)
    of_scores = sum(channel.column in outputs.score_columns for channel in ranked)
    return ranked[: max(MOST_CHANNELS, of_scores)]  # a verdict on labels needs the mean of every class


def _watched(y: Bools, partitions: int) -> list[int]:
    """Return the classes with enough rows in a partition.

    Both rows of the class and other rows count. If no class has enough, all are returned.
    """
    fewer = np.minimum(y.sum(axis=0), (~y).sum(axis=0))
    enough = fewer >= FEW * partitions
    return np.flatnonzero(enough if enough.any() else enough | True).tolist()


def _mature(
    classifier: Classifier, rows: pd.DataFrame, keys: "pd.Series[str]", kept: list[str], as_of: datetime
) -> Bools:
    """Flag the rows whose labels were known at the label age.

    Younger partitions have none.
    """
    seen_at = {key: Partition.parse(key, classifier.partition).end + classifier.label_age for key in kept}
    at = pd.to_datetime(keys.map(seen_at), utc=True)
    return np.asarray((at <= as_of) & (rows["known_at"] <= at), dtype=bool)


def _limit(families: Mapping[str, Floats], typical: Mapping[str, Typical], quantile: float) -> float:
    """Return the quantile of the partitions' largest standardised distances."""
    standardised = [(values - typical[name].median) / typical[name].spread for name, values in families.items()]
    if not standardised or len(standardised[0]) < MIN_PARTITIONS:  # too few for a quantile, so nothing exceeds it
        return float("inf")
    return float(np.quantile(np.max(standardised, axis=0), quantile, method="higher"))
