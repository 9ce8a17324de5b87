"""The alarm budget: the limit that keeps false alarms rare.

A monitor looks at statistics of every partition, the channels, and at the largest of them. How large that is without any change
depends on the number of channels, on their correlation within a week, on the length of the reference, and on the alarm rule. So
the limit comes from a double bootstrap of the reference's own partitions. It draws whole references and a year after each,
fits each drawn reference like the real one, and takes the lowest limit that keeps the budget, on average and in `SHARE` of the
years. A limit from the real reference's quantiles would raise two or three times as many alarms: its means and standard
deviations were fitted to the same partitions.

Streams are drawn as weighted sums of the reference's blocks, with Gaussian weights (a multiplier bootstrap: Wu 1986, Mammen
1993). Each block is two seasons long and faded into the next, which keeps the correlation between consecutive nights.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leeway.core.metrics import Bools, Floats

WINDOW = 7
WINDOWS = (3, WINDOW)  # partitions that are also looked at together
DRAWS = 300  # references, and a year after each
#: The share of drawn years that must keep the budget. Then four of five real years do: drawn streams vary less than real ones.
SHARE = 0.9
PRIOR = 20  # the weight, in partitions, of the common ratio of variance to sampling noise, beside a channel's own
SHORTEST = 4  # half of a block where there is no season
BISECTIONS = 14
HIGHEST = 40.0
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Rule:
    """The rule by which out-of-control partitions raise an alarm.

    Attributes:
        confirm, among: `confirm` of the last `among` partitions must be out of control.
        cooldown: partitions after an alarm in which there is no other.
        material: for each channel, the smallest change that counts, shape (C,).
        season: partitions after which the baseline repeats; 1 without a season.
    """

    confirm: int
    among: int
    cooldown: int
    material: Floats
    season: int


@dataclass(frozen=True)
class Baseline:
    """The channels' distribution while nothing changes.

    Attributes:
        means: for each place in the season, shape (S, C).
        between_variance: the variance between partitions beyond sampling noise, shape (C,).
        sampling_variance: the sampling variance of a single row, shape (C,). A partition of n rows has 1/n of it.
        window_std: the standard deviation of the sum of standardised channels over each window, divided by the root of the
            window's length, shape (W, C).
    """

    means: Floats
    between_variance: Floats
    sampling_variance: Floats
    window_std: Floats

    @classmethod
    def of(cls, values: Floats, rows: Floats, sampling_variance: Floats, places: Ints, season: int) -> "Baseline":
        """Fit a baseline to partitions.

        Args:
            values: the channels of consecutive partitions, shape (T, C).
            rows: the number of rows behind each value, shape (T, C).
            sampling_variance: as above.
            places: each partition's place in the season, shape (T,).
            season: partitions after which the baseline repeats.
        """
        means, freedom = seasonal_means(values, places, season)
        places = places[:, None]
        sampling_noise = sampling_variance * (1 / rows).mean(axis=0)
        variance = ((values - _at(means, places)) ** 2).sum(axis=0) / np.maximum(len(values) - freedom, 1)
        # The variance of few partitions is uncertain, and the largest statistic is of the most underestimated channel.
        ratio = variance / np.maximum(sampling_noise, 1e-300)
        common = np.median(ratio[sampling_noise > 0]) if (sampling_noise > 0).any() else 1.0
        shrunk = (len(values) * ratio + PRIOR * common) / (len(values) + PRIOR) * sampling_noise
        baseline = cls(
            means, np.maximum(shrunk - sampling_noise, 0.0), sampling_variance, np.ones((len(WINDOWS), values.shape[1]))
        )
        standardised = baseline.standardise(values, rows, places)
        own = np.stack([(windows(standardised, length) ** 2).mean(axis=0) for length in WINDOWS])
        window_std = np.sqrt((len(values) * own + PRIOR * np.median(own, axis=1)[:, None]) / (len(values) + PRIOR))
        return cls(means, baseline.between_variance, sampling_variance, np.maximum(window_std, 1.0))

    def standardise(self, values: Floats, rows: Floats, places: Ints) -> Floats:
        """Standardise channels by mean and standard deviation.

        Args:
            places: each value's place in the season, shape (T, C) or (T, 1).

        Returns:
            The channels in standard deviations, shape (T, C).
        """
        spread = np.sqrt(self.between_variance + self.sampling_variance / np.maximum(rows, 1))
        return np.asarray((values - _at(self.means, places)) / np.maximum(spread, 1e-12))

    def spread(self, rows: Floats) -> Floats:
        """Return the channels' standard deviations, shape (C,).

        Args:
            rows: the number of rows behind each value of a partition.
        """
        return np.asarray(np.sqrt(self.between_variance + self.sampling_variance / np.maximum(rows, 1)))


def seasonal_means(values: Floats, places: Ints, season: int) -> tuple[Floats, Floats]:
    """Estimate the mean of each place in the season.

    The means are shrunk towards the overall mean, by the positive part of James and Stein's estimator (Efron and Morris 1973).

    Returns:
        The means, shape (S, C), and the degrees of freedom they took, shape (C,).
    """
    overall = values.mean(axis=0)
    held = np.bincount(places, minlength=season).astype(float)
    if season < 4 or len(values) < 2 * season:
        return np.repeat(overall[None], season, axis=0), np.ones(values.shape[1])
    sums = np.zeros((season, values.shape[1]))
    np.add.at(sums, places, values)
    own = np.where(held[:, None] > 0, sums / np.maximum(held, 1)[:, None], overall)
    variance = ((values - own[places]) ** 2).sum(axis=0) / (len(values) - season)
    between = (held[:, None] * (own - overall) ** 2).sum(axis=0) / np.maximum(variance, 1e-300)
    kept = np.maximum(0.0, 1 - (season - 3) / np.maximum(between, 1e-300))
    return overall + kept * (own - overall), 1 + kept * (season - 1)


def _at(means: Floats, places: Ints) -> Floats:
    return means[places, np.arange(means.shape[1])]


def windows(values: Floats, length: int) -> Floats:
    """Return rolling sums over the root of their length, shape (T, C).

    NaN is skipped, in the sum and in the length.
    """
    there = ~np.isnan(values)
    total, count = _last(np.where(there, values, 0.0), length), _last(there.astype(float), length)
    return np.asarray(total / np.sqrt(np.maximum(count, 1)))


def _last(values: Floats, length: int) -> Floats:
    until = np.cumsum(values, axis=0)
    before = np.zeros_like(until)
    before[length:] = until[:-length]
    return until - before


@dataclass(frozen=True)
class Watch:
    """Partitions compared with the baseline.

    Attributes:
        standardised: the largest of a channel's own change and its windows', with its sign, in standard deviations; 0 where the
            change is not material. Shape (T, C).
        effects: the same change in the channel's units, shape (T, C).
    """

    standardised: Floats
    effects: Floats

    @property
    def largest(self) -> Floats:
        """The largest absolute change of each partition, shape (T,)."""
        return np.asarray(np.abs(self.standardised).max(axis=1, initial=0.0))


def watch(baseline: Baseline, values: Floats, rows: Floats, places: Ints, material: Floats) -> Watch:
    """Compare consecutive partitions with the baseline.

    Each partition counts by itself, and together with those before it, in windows.
    """
    changes = values - _at(baseline.means, places)
    single = baseline.standardise(values, rows, places)
    known = ~np.isnan(values)  # an unknown value raises nothing, not even by the values before it
    largest, effects = np.zeros_like(changes), np.where(known, changes, 0.0)
    for length, window_std in ((1, 1.0), *zip(WINDOWS, baseline.window_std, strict=True)):
        count = np.maximum(_last(known.astype(float), length), 1)
        mean = windows(changes, length) / np.sqrt(count)
        together = np.where(known & (np.abs(mean) >= material), windows(single, length) / window_std, 0.0)
        larger = np.abs(together) > np.abs(largest)
        largest, effects = np.where(larger, together, largest), np.where(larger, mean, effects)
    return Watch(largest, effects)


def confirmed(largest: Floats, limit: float, rule: Rule) -> Bools:
    """Flag confirmed out-of-control partitions, along the last axis."""
    out = largest >= limit
    until = np.cumsum(out, axis=-1, dtype=np.intp)
    before = np.zeros_like(until)
    before[..., rule.among :] = until[..., : -rule.among]
    return np.asarray(out & (until - before >= rule.confirm))


def alarms(largest: Floats, limit: float, rule: Rule) -> Ints:
    """Count the alarms of each stream.

    An alarm is a confirmed partition that is not within the cooldown of another alarm.

    Args:
        largest: the largest changes, shape (B, T).

    Returns:
        The counts, shape (B,).
    """
    there = confirmed(largest, limit, rule)
    free, count = np.zeros(len(there), dtype=np.intp), np.zeros(len(there), dtype=np.intp)
    for time in np.flatnonzero(there.any(axis=0)):
        fires = there[:, time] & (free <= time)
        count += fires
        free[fires] = time + max(rule.cooldown, 1)
    return count


@dataclass(frozen=True)
class Limit:
    """A limit with its expected alarm rates.

    Attributes:
        spreads: the limit, in standard deviations of a channel.
        rate: alarms per partition, on average over the drawn years.
        often: the rate that `SHARE` of the drawn years do not exceed.
    """

    spreads: float
    rate: float
    often: float


def calibrate(
    baseline: Baseline, values: Floats, rows: Floats, places: Ints, rule: Rule, budget: float, year: int, seed: int
) -> Limit:
    """Find the lowest limit that keeps the budget.

    Args:
        values, rows, places: the reference's partitions, as in `Baseline.of`.
        budget: alarms per partition.
        year: the number of partitions in which it must be kept.
    """
    largest = _drawn(baseline, values, rows, places, rule, year, np.random.default_rng(seed))

    def rates(limit: float) -> tuple[float, float]:
        found = alarms(largest, limit, rule) / year
        return float(found.mean()), float(np.quantile(found, SHARE, method="inverted_cdf"))

    low, high = 0.0, HIGHEST
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if max(rates(middle)) <= budget else (middle, high)
    return Limit(high, *rates(high))


def _drawn(
    baseline: Baseline, values: Floats, rows: Floats, places: Ints, rule: Rule, year: int, rng: np.random.Generator
) -> Floats:
    """Draw the largest statistics of years after drawn references.

    Everything is drawn in fitted standard deviations, with the reference's own variance and season. A baseline fitted to a
    drawn reference differs from the real baseline as the real one differs from the truth.

    Returns:
        The statistics, shape (DRAWS, year).
    """
    number = len(values)
    _, freedom = seasonal_means(values, places, rule.season)
    residuals = baseline.standardise(values, rows, places[:, None]) * np.sqrt(number / np.maximum(number - freedom, 1))
    spread = np.maximum(baseline.spread(1 / (1 / rows).mean(axis=0)), 1e-12)
    # The share of sampling noise in the unit variance
    sampling_variance = baseline.sampling_variance * (1 / rows).mean(axis=0) / spread**2
    season = (baseline.means - baseline.means.mean(axis=0)) / spread  # a drawn reference must estimate it anew
    alike, material = np.ones((1, 1)), rule.material / spread
    after = (places[-1] + 1 + np.arange(year)) % rule.season
    found = np.empty((DRAWS, year))
    for draw in range(DRAWS):
        past = _stream(residuals, number, rule.season, rng) + season[places]
        learnt = Baseline.of(past, alike, sampling_variance, places, rule.season)
        stream = _stream(residuals, year, rule.season, rng) + season[after]
        found[draw] = watch(learnt, stream, alike, after[:, None], material).largest
    return found


def _stream(residuals: Floats, length: int, season: int, rng: np.random.Generator) -> Floats:
    """Draw a stream like the residuals, shape (length, C)."""
    half = min(max(season, SHORTEST), len(residuals) // 2)
    starts = np.arange(0, len(residuals) - 2 * half + 1, half)
    blocks = np.stack([residuals[start : start + 2 * half] for start in starts])
    fade = np.sin(np.pi * (np.arange(2 * half) + 0.5) / (2 * half))  # its square and the next block's add up to 1
    count = length // half + 2
    weights = rng.standard_normal((count, len(starts))) / np.sqrt(len(starts))
    drawn = np.tensordot(weights, blocks * fade[:, None], axes=1)
    whole = np.zeros(((count + 1) * half, residuals.shape[1]))
    for place in range(count):
        whole[place * half : (place + 2) * half] += drawn[place]
    return whole[half : half + length]
