"""The alarm budget: how far from ordinary a partition must lie, that few alarms are false.

A monitor looks at statistics of every partition, called channels here, and at the largest of them all. How large that is where
nothing has happened depends on how many channels there are, how they hang together within a week, how few partitions the
reference has, and on the rule that makes an alarm of it. So the limit comes from a double bootstrap of the reference's own
partitions: whole references and a year after each are drawn, each reference is learnt from as the real one was, and the limit
is the lowest by which the years alarm no more often than the budget allows; not on average alone, but in `SHARE`
of them. A limit from the real reference's quantiles would alarm two or three times as often: its means and
spreads were fitted to the very partitions that it is taken from.

Streams are drawn as weighted sums of the reference's blocks, with Gaussian weights (a multiplier bootstrap: Wu 1986, Mammen
1993), each block two seasons long and faded into the next, so that a night that resembles the night before still does.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leeway.core.metrics import Bools, Floats

WINDOW = 7
WINDOWS = (3, WINDOW)  # partitions that are also looked at together
DRAWS = 300  # references, and a year after each
#: Of these years so many must keep within the budget: four of five real ones then do, for what is drawn is tamer than life.
SHARE = 0.9
PRIOR = 20  # partitions that the common ratio of spread to chance counts as, beside a channel's own
SHORTEST = 4  # half of a block where there is no season
BISECTIONS = 14
HIGHEST = 40.0
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Rule:
    """What makes an alarm of partitions that lie out.

    Attributes:
        confirm, among: so many of the last so many partitions must.
        cooldown: partitions after an alarm in which there is no other.
        material: for each channel, the smallest change that counts, shape (C,).
        season: partitions after which the ordinary repeats itself; 1 where it does not.
    """

    confirm: int
    among: int
    cooldown: int
    material: Floats
    season: int


@dataclass(frozen=True)
class Baseline:
    """What channels are like where nothing happens.

    Attributes:
        means: for each place in the season, shape (S, C).
        between: the variance among partitions that chance does not explain, shape (C,).
        chance: the variance that a single row's luck is of, shape (C,): a partition of n rows has 1/n of it.
        run: the spread of the sum of standardised channels over each window, over the root of its length, shape (W, C).
    """

    means: Floats
    between_variance: Floats
    sampling_variance: Floats
    window_std: Floats

    @classmethod
    def of(cls, values: Floats, rows: Floats, sampling_variance: Floats, places: Ints, season: int) -> "Baseline":
        """Learn it.

        Args:
            values: of consecutive partitions, shape (T, C).
            rows: how many each value is of, shape (T, C).
            chance: as above.
            places: each partition's place in the season, shape (T,).
        """
        means, freedom = seasonal_means(values, places, season)
        places = places[:, None]
        sampling_noise = sampling_variance * (1 / rows).mean(axis=0)
        variance = ((values - _at(means, places)) ** 2).sum(axis=0) / np.maximum(len(values) - freedom, 1)
        # Spreads of few partitions are uncertain, and the largest statistic is of the channel whose own is most underrated.
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
        """How many spreads each channel lies from its mean, shape (T, C).

        Args:
            places: of what each value is of, shape (T, C) or (T, 1).
        """
        spread = np.sqrt(self.between_variance + self.sampling_variance / np.maximum(rows, 1))
        return np.asarray((values - _at(self.means, places)) / np.maximum(spread, 1e-12))

    def spread(self, rows: Floats) -> Floats:
        """The spread of a partition whose values are of so many rows, shape (C,)."""
        return np.asarray(np.sqrt(self.between_variance + self.sampling_variance / np.maximum(rows, 1)))


def seasonal_means(values: Floats, places: Ints, season: int) -> tuple[Floats, Floats]:
    """The mean of each place in the season, shape (S, C), drawn towards the mean of all as far as they differ by luck.

    By the positive part of James and Stein's estimator (Efron and Morris 1973).

    Returns:
        The means, and how many degrees of freedom they took, shape (C,).
    """
    overall = values.mean(axis=0)
    held = np.bincount(places, minlength=season).astype(float)
    if season < 4 or len(values) < 2 * season:
        return np.repeat(overall[None], season, axis=0), np.ones(values.shape[1])
    sums = np.zeros((season, values.shape[1]))
    np.add.at(sums, places, values)
    own = np.where(held[:, None] > 0, sums / np.maximum(held, 1)[:, None], overall)
    variance = ((values - own[places]) ** 2).sum(axis=0) / (len(values) - season)
    apart = (held[:, None] * (own - overall) ** 2).sum(axis=0) / np.maximum(variance, 1e-300)
    kept = np.maximum(0.0, 1 - (season - 3) / np.maximum(apart, 1e-300))
    return overall + kept * (own - overall), 1 + kept * (season - 1)


def _at(means: Floats, places: Ints) -> Floats:
    return means[places, np.arange(means.shape[1])]


def windows(values: Floats, length: int) -> Floats:
    """Sums over the last so many partitions, over the root of their number, shape (T, C); what is NaN is not counted."""
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
    """How far partitions lie out.

    Attributes:
        standardised: the largest of a channel's own and its windows', with its sign, in spreads; 0 where the change is not
            material. Shape (T, C).
        effects: the change that belongs to it, in the channel's units, shape (T, C).
    """

    standardised: Floats
    effects: Floats

    @property
    def largest(self) -> Floats:
        """The largest of all channels, without its sign, shape (T,)."""
        return np.asarray(np.abs(self.standardised).max(axis=1, initial=0.0))


def watch(baseline: Baseline, values: Floats, rows: Floats, places: Ints, material: Floats) -> Watch:
    """Hold consecutive partitions against what is ordinary, each alone and with those before it."""
    changes = values - _at(baseline.means, places)
    alone = baseline.standardise(values, rows, places)
    known = ~np.isnan(values)  # what is not says nothing, not even by those before it
    largest, effects = np.zeros_like(changes), np.where(known, changes, 0.0)
    for length, window_std in ((1, 1.0), *zip(WINDOWS, baseline.window_std, strict=True)):
        count = np.maximum(_last(known.astype(float), length), 1)
        mean = windows(changes, length) / np.sqrt(count)
        together = np.where(known & (np.abs(mean) >= material), windows(alone, length) / window_std, 0.0)
        larger = np.abs(together) > np.abs(largest)
        largest, effects = np.where(larger, together, largest), np.where(larger, mean, effects)
    return Watch(largest, effects)


def confirmed(largest: Floats, limit: float, rule: Rule) -> Bools:
    """The partitions that lie out with enough of those before them, along the last axis."""
    out = largest >= limit
    until = np.cumsum(out, axis=-1, dtype=np.intp)
    before = np.zeros_like(until)
    before[..., rule.among :] = until[..., : -rule.among]
    return np.asarray(out & (until - before >= rule.confirm))


def alarms(largest: Floats, limit: float, rule: Rule) -> Ints:
    """How many alarms each stream has, shape (B,) of (B, T): a confirmed partition that no alarm was shortly before."""
    there = confirmed(largest, limit, rule)
    free, count = np.zeros(len(there), dtype=np.intp), np.zeros(len(there), dtype=np.intp)
    for time in np.flatnonzero(there.any(axis=0)):
        fires = there[:, time] & (free <= time)
        count += fires
        free[fires] = time + max(rule.cooldown, 1)
    return count


@dataclass(frozen=True)
class Limit:
    """The limit with what is to be expected of it.

    Attributes:
        spreads: a partition lies out where a channel does by so many.
        rate: alarms per partition, on average over the drawn years.
        often: the rate that `SHARE` of the drawn years do not exceed.
    """

    spreads: float
    rate: float
    often: float


def calibrate(
    baseline: Baseline, values: Floats, rows: Floats, places: Ints, rule: Rule, budget: float, year: int, seed: int
) -> Limit:
    """The lowest limit that keeps the budget.

    Args:
        values, rows, places: the reference's partitions, as in `Baseline.of`.
        budget: alarms per partition.
        year: the partitions in which it must be kept.
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
    """The largest statistics of the years after drawn references, shape (DRAWS, year).

    All is drawn in the spreads that were learnt, with the spread and the season of the reference itself; what is learnt from a
    drawn reference differs from that as what was learnt from the real one differs from the truth.
    """
    number = len(values)
    _, freedom = seasonal_means(values, places, rule.season)
    residuals = baseline.standardise(values, rows, places[:, None]) * np.sqrt(number / np.maximum(number - freedom, 1))
    spread = np.maximum(baseline.spread(1 / (1 / rows).mean(axis=0)), 1e-12)
    sampling_variance = (
        baseline.sampling_variance * (1 / rows).mean(axis=0) / spread**2
    )  # what of the unit variance is chance
    season = (baseline.means - baseline.means.mean(axis=0)) / spread  # how well it can be learnt is a part of the draw
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
    """A stream like the residuals, shape (length, C)."""
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
