"""Simulated card payments with known drift.

So every alarm can be judged right or wrong. A day is generated as a whole, from nothing but (seed, day): any range can be had
in any order and in any pieces.

    population  cards and merchants, static per seed
    sprees      one card paying once or a few times within an hour or few, by honest people and by thieves
    changes     from a date on: `PriceRise`, `CorruptDelivery`, `NewFraudPattern`
    faults      the few broken rows that every real export carries
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class PriceRise:
    """Harmless drift: higher prices, more contactless payments.

    From `on` every amount is multiplied by `factor`. Fraud behaves as before in relation to the new prices.
    """

    on: date
    factor: float = 1.15


@dataclass(frozen=True, kw_only=True)
class CorruptDelivery:
    """A data fault: the broken export of one day.

    On the day `on` rows and categories are missing, and amounts are in cents.
    """

    on: date


@dataclass(frozen=True, kw_only=True)
class NewFraudPattern:
    """Harmful drift: another kind of fraud.

    From `on` the `share` of fraud (0 to 1) is small voucher-like payments; the total stays.
    """

    on: date
    share: float = 0.85


Change = PriceRise | CorruptDelivery | NewFraudPattern


class _Category(NamedTuple):
    """A kind of merchant: its share, price and mix of channels.

    `resale` and `voucher` weigh it in the old and the new pattern of fraud; `face_value` is the share of
    honest payments with a round amount.
    """

    name: str
    share: float
    price: float
    channels: tuple[float, float, float, float]
    resale: float = 0.0
    voucher: float = 0.0
    face_value: float = 0.0


_CATEGORIES = (
    _Category("groceries", 0.25, 32, (0.30, 0.45, 0.05, 0.20), voucher=0.02),
    _Category("restaurants", 0.16, 27, (0.30, 0.42, 0.06, 0.22)),
    _Category("fuel", 0.09, 48, (0.55, 0.33, 0.00, 0.12)),
    _Category("clothing", 0.11, 52, (0.30, 0.22, 0.36, 0.12), resale=0.15),
    _Category("pharmacy", 0.07, 22, (0.32, 0.44, 0.09, 0.15)),
    _Category("entertainment", 0.07, 30, (0.18, 0.25, 0.40, 0.17), resale=0.05),
    _Category("electronics", 0.07, 95, (0.30, 0.10, 0.50, 0.10), resale=1.0),
    _Category("jewellery", 0.02, 120, (0.45, 0.10, 0.38, 0.07), resale=0.7),
    _Category("travel", 0.05, 120, (0.15, 0.10, 0.65, 0.10), resale=0.8),
    _Category("digital_goods", 0.07, 17, (0.02, 0.10, 0.60, 0.28), resale=0.05, voucher=0.7, face_value=0.35),
    _Category("gift_cards", 0.04, 28, (0.18, 0.32, 0.26, 0.24), voucher=1.0, face_value=0.7),
)
_CHANNELS = ("chip", "contactless", "online", "wallet")
_CHIP, _CONTACTLESS, _ONLINE, _WALLET = range(4)
_CHANNEL_MIX = np.array([category.channels for category in _CATEGORIES])
_RESALE = np.array([category.resale for category in _CATEGORIES])
_FACE_VALUE = np.array([category.face_value for category in _CATEGORIES])
_VOUCHER = np.array([category.voucher for category in _CATEGORIES])

_COUNTRIES = ("DE", "FR", "NL", "AT", "GB", "ES", "PL", "US")
_CARDS_BY_COUNTRY = (0.40, 0.15, 0.12, 0.10, 0.08, 0.07, 0.05, 0.03)
_MERCHANTS_BY_COUNTRY = (0.28, 0.14, 0.11, 0.10, 0.11, 0.09, 0.07, 0.10)

_FIRST_NAMES = ("ada", "ben", "carla", "dario", "elif", "femke", "goran", "hana", "ivo", "lena")
_LAST_NAMES = ("adler", "bakker", "costa", "dubois", "evans", "fischer", "huber", "ivanov", "jansen")

_WEEKDAYS = (0.94, 0.95, 0.98, 1.01, 1.17, 1.13, 0.82)
_HOURS = (5, 3, 2, 2, 3, 8, 20, 38, 50, 58, 66, 80, 92, 82, 66, 62, 70, 88, 98, 84, 58, 38, 22, 11)
_NIGHT_HOURS = (10, 11, 11, 10, 9, 7, 6, 5, 5, 6, 7, 8, 9, 9, 8, 8, 9, 10, 10, 10, 10, 10, 10, 10)
_OFFICE_HOURS = (0, 0, 0, 0, 0, 0, 1, 4, 20, 60, 80, 85, 85, 85, 80, 75, 70, 50, 25, 12, 4, 1, 0, 0)

_DAY_SECONDS = 86_400.0
_CARD_LIFE_DAYS = 1461
_FAVOURITES = 6
_LEAKY_MERCHANTS = 4
_LEAK_DAYS = 28
_VOUCHER_MERCHANTS = 12


class _Stream(IntEnum):
    """The random streams of a day's steps.

    A change in one step leaves the others as they were.
    """

    POPULATION = 0
    VOLUME = 1
    HONEST = 2
    FRAUD = 3
    DISPUTES = 4
    FAULTS = 5
    PRICES = 6
    CORRUPTION = 7
    LEAKS = 8
    VOUCHERS = 9


@dataclass(frozen=True)
class _Population:
    """Cards and merchants, both ordered by country."""

    card_id: pd.Series
    email: pd.Series
    home: Ints
    spending: Floats
    activity: Floats
    taste: Floats
    issued: Ints
    favourites: Ints
    merchant_id: pd.Series
    category: Ints
    country: Ints
    popularity: Floats
    price: Floats


@dataclass(frozen=True)
class _Draws:
    """Payments before they become a frame.

    `second` counts from midnight, `voucher` marks face values.
    """

    card: Ints
    merchant: Ints
    second: Floats
    amount: Floats
    channel: Ints
    voucher: Bools
    fraud: Bools


@dataclass(frozen=True, kw_only=True)
class Payments:
    """A stream of payments, some of them fraud.

    It has about `rows_per_day` payments a day, of which the share `fraud_rate` is fraud.
    """

    seed: int = 7
    rows_per_day: int = 1500
    cards: int = 6000
    merchants: int = 600
    fraud_rate: float = 0.02
    changes: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        _require(self.seed >= 0, "seed must be at least 0", self.seed)
        _require(self.rows_per_day >= 1, "rows_per_day must be at least 1", self.rows_per_day)
        _require(self.cards >= 100, "cards must be at least 100", self.cards)
        _require(self.merchants >= 100, "merchants must be at least 100", self.merchants)
        _require(0 <= self.fraud_rate <= 0.5, "fraud_rate must lie in 0 to 0.5", self.fraud_rate)

    def rows(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Return the payments with `start` <= paid_at < `end`.

        They are in order of time. Both bounds carry a time zone.
        """
        _require(start.tzinfo is not None, "start needs a time zone, such as UTC", start)
        _require(end.tzinfo is not None, "end needs a time zone, such as UTC", end)
        _require(start <= end, f"end must not precede start ({start})", end)
        first, last = start.astimezone(UTC).date(), (end - timedelta(microseconds=1)).astimezone(UTC).date()
        # An empty range has a day as well: its rows are dropped, and the types of the columns stay.
        days = [self._day(first + timedelta(days=n)) for n in range(max((last - first).days, 0) + 1)]
        frame = pd.concat(days, ignore_index=True)
        inside = (frame["paid_at"] >= start) & (frame["paid_at"] < end)
        return frame[inside].reset_index(drop=True)

    def _day(self, day: date) -> pd.DataFrame:
        people = _population(self.seed, self.cards, self.merchants)
        total, frauds = self._volume(day)
        honest = _honest(self._rng(day, _Stream.HONEST), people, total - frauds)
        draws = _in_time_order([honest, *self._fraud(day, people, frauds)])
        frame = _frame(day, people, self._priced(day, draws), self._rng(day, _Stream.DISPUTES))
        frame = _with_everyday_faults(frame, self._rng(day, _Stream.FAULTS))
        if any(isinstance(change, CorruptDelivery) and change.on == day for change in self.changes):
            return _corrupted(frame, self._rng(day, _Stream.CORRUPTION))
        return frame

    def _rng(self, day: date, stream: _Stream) -> np.random.Generator:
        return np.random.default_rng((self.seed, day.toordinal(), stream))

    def _volume(self, day: date) -> tuple[int, int]:
        """Draw a day's numbers of payments and of fraud."""
        rng = self._rng(day, _Stream.VOLUME)
        total = round(self.rows_per_day * _WEEKDAYS[day.weekday()] * rng.lognormal(0, 0.03))
        # Not binomial: thieves work to a steady capacity, and the daily rate is to stay within narrow bounds.
        frauds = total * self.fraud_rate * rng.uniform(0.82, 1.18)
        return total, int(frauds + rng.random())

    def _fraud(self, day: date, people: _Population, frauds: int) -> list[_Draws]:
        rng = self._rng(day, _Stream.FRAUD)
        vouchers = 0
        pattern = self._pattern(day)
        if pattern is not None:
            vouchers = int(frauds * pattern.share + rng.random())
        leaked = int((frauds - vouchers) * 0.2 + rng.random())
        parts = [
            _stolen_cards(rng, people, frauds - vouchers - leaked),
            _leaked_cards(rng, people, self._leaky_merchants(day, people), leaked),
        ]
        if pattern is not None:
            shops = _voucher_merchants(self._rng(pattern.on, _Stream.VOUCHERS), people)
            parts.append(_voucher_fraud(rng, people, shops, day, vouchers))
        return parts

    def _pattern(self, day: date) -> NewFraudPattern | None:
        patterns = (change for change in self.changes if isinstance(change, NewFraudPattern))
        begun = (pattern for pattern in patterns if pattern.on <= day)
        return max(begun, key=lambda pattern: pattern.on, default=None)

    def _leaky_merchants(self, day: date, people: _Population) -> Ints:
        """Return the merchants that leak card data on a day.

        Each leaks for some weeks, then another does.
        """
        weight = people.popularity**0.25 * np.array(_CARDS_BY_COUNTRY)[people.country]
        chosen = []
        for slot in range(_LEAKY_MERCHANTS):
            period = (day.toordinal() + slot * _LEAK_DAYS // _LEAKY_MERCHANTS) // _LEAK_DAYS
            rng = np.random.default_rng((self.seed, period, _Stream.LEAKS, slot))
            chosen.append(_pick(rng, weight, 1)[0])
        return np.array(chosen)

    def _priced(self, day: date, draws: _Draws) -> _Draws:
        rng = self._rng(day, _Stream.PRICES)
        amount, channel = draws.amount, draws.channel
        for change in self.changes:
            if isinstance(change, PriceRise) and change.on <= day:
                amount = amount * change.factor
                channel = _tapping_instead_of_chip(rng, channel)
        # Vouchers keep round face values whatever the prices do, hence the rounding after the rise.
        amount = np.where(draws.voucher, np.maximum(5 * np.round(amount / 5), 5), np.maximum(amount, 0.5))
        return replace(draws, amount=amount.round(2), channel=channel)


@lru_cache(maxsize=8)
def _population(seed: int, cards: int, merchants: int) -> _Population:
    rng = np.random.default_rng((seed, cards, merchants, _Stream.POPULATION))
    country = np.sort(rng.choice(len(_COUNTRIES), merchants, p=_MERCHANTS_BY_COUNTRY))
    category = rng.permutation(np.arange(merchants) % len(_CATEGORIES))
    share = np.array([each.share for each in _CATEGORIES])
    popularity = share[category] * rng.lognormal(0, 1.0, merchants)
    price = np.array([each.price for each in _CATEGORIES])
    home = np.sort(rng.choice(len(_COUNTRIES), cards, p=_CARDS_BY_COUNTRY))
    favourites = _pick_in(rng, popularity, country, np.repeat(home, _FAVOURITES))
    return _Population(
        card_id=_labels(f"card-{n:06d}" for n in rng.permutation(cards)),
        email=_emails(rng, cards),
        home=home,
        spending=rng.lognormal(0, 0.35, cards),
        activity=rng.gamma(1.1, 1.0, cards) + 0.05,
        taste=rng.lognormal(0, 0.6, cards),
        issued=rng.integers(0, _CARD_LIFE_DAYS, cards),
        favourites=favourites.reshape(cards, _FAVOURITES),
        merchant_id=_labels(f"merchant-{n:04d}" for n in rng.permutation(merchants)),
        category=category,
        country=country,
        popularity=popularity,
        price=price[category] * rng.lognormal(0, 0.25, merchants),
    )


def _emails(rng: np.random.Generator, size: int) -> pd.Series:
    first, last = rng.choice(_FIRST_NAMES, size), rng.choice(_LAST_NAMES, size)
    return _labels(f"{first[n]}.{last[n]}{n}@example.com" for n in range(size))


def _labels(values: Iterable[str]) -> pd.Series:
    return pd.Series(list(values), dtype="str")


_CATEGORY_NAMES = _labels(category.name for category in _CATEGORIES)
_CHANNEL_NAMES = _labels(_CHANNELS)
_COUNTRY_NAMES = _labels(_COUNTRIES)


def _pick(rng: np.random.Generator, weights: Floats, size: int) -> Ints:
    """Draw `size` indices by weight."""
    bounds = np.cumsum(weights)
    found: Ints = np.searchsorted(bounds, rng.random(size) * bounds[-1], side="right")
    return found.clip(max=len(weights) - 1)


def _pick_in(rng: np.random.Generator, weights: Floats, groups: Ints, wanted: Ints) -> Ints:
    """Draw one index of each wanted group, by weight.

    `groups` is sorted. A group without weight gives its neighbour, so that tiny populations work too.
    """
    bounds = np.concatenate([[0.0], np.cumsum(weights)])
    low = bounds[np.searchsorted(groups, wanted, side="left")]
    high = bounds[np.searchsorted(groups, wanted, side="right")]
    aim = low + rng.random(len(wanted)) * (high - low)
    found: Ints = np.searchsorted(bounds[1:], aim, side="right")
    return found.clip(max=len(weights) - 1)


def _age(people: _Population, day: date) -> Ints:
    """Return the days since each card was issued.

    A card is replaced every four years and keeps its id.
    """
    return (day.toordinal() - people.issued) % _CARD_LIFE_DAYS


def _seconds(rng: np.random.Generator, hours: Sequence[float], size: int) -> Floats:
    """Draw seconds from midnight by 24 hourly weights."""
    reached = np.concatenate([[0.0], np.cumsum(hours)]) / np.sum(hours)
    seconds: Floats = np.interp(rng.random(size), reached, np.arange(25) * 3600.0)
    return seconds


def _spread(rng: np.random.Generator, start: Floats, sizes: Ints, gap: float) -> tuple[Ints, Floats]:
    """Draw the spree and the second of each payment.

    Sprees have `sizes` payments, with about `gap` seconds between them. It stops after as many payments as there are sprees, so
    that the number of payments is known beforehand.
    """
    size = len(sizes)
    spree = np.repeat(np.arange(len(sizes)), sizes)
    waits = np.cumsum(rng.exponential(gap, len(spree)))
    opening = np.cumsum(sizes) - sizes
    second = start[spree] + waits - waits[opening][spree]
    # A spree that would cross midnight runs backwards from it, so that a day never needs its neighbours.
    second = np.where(second < _DAY_SECONDS, second, 2 * _DAY_SECONDS - 1 - second)
    return spree[:size], second.clip(0, _DAY_SECONDS - 1)[:size]


def _honest(rng: np.random.Generator, people: _Population, size: int) -> _Draws:
    sizes = rng.choice(np.arange(1, 6), size, p=(0.86, 0.08, 0.035, 0.015, 0.01))
    spree, second = _spread(rng, _seconds(rng, _HOURS, size), sizes, 1500)
    card = _pick(rng, people.activity, size)[spree]
    merchant = _honest_merchants(rng, people, card, abroad=(rng.random(size) < 0.04)[spree])
    category = people.category[merchant]
    lavish = np.where(rng.random(size) < 0.04, rng.uniform(1.5, 4.5, size), 1.0)
    return _Draws(
        card=card,
        merchant=merchant,
        second=second,
        amount=_amounts(rng, people, card, merchant) * lavish,
        channel=_channels(rng, category, people.taste[card]),
        voucher=rng.random(size) < _FACE_VALUE[category],
        fraud=np.zeros(size, dtype=bool),
    )


def _honest_merchants(rng: np.random.Generator, people: _Population, card: Ints, abroad: Bools) -> Ints:
    """Draw the merchants of honest payments.

    It is a favourite, another one at home, or sometimes one anywhere; on a journey always anywhere.
    """
    mood = rng.random(len(card))
    favourite = people.favourites[card, rng.integers(0, _FAVOURITES, len(card))]
    at_home = _pick_in(rng, people.popularity, people.country, people.home[card])
    anywhere = _pick(rng, people.popularity, len(card))
    online = _pick(rng, people.popularity * _CHANNEL_MIX[people.category, _ONLINE], len(card))
    chosen = np.where(mood < 0.60, favourite, np.where(mood < 0.95, at_home, online))
    return np.where(abroad, anywhere, chosen)


def _amounts(rng: np.random.Generator, people: _Population, card: Ints, merchant: Ints) -> Floats:
    return people.price[merchant] * people.spending[card] * rng.lognormal(0, 0.4, len(card))


def _channels(rng: np.random.Generator, category: Ints, taste: Floats) -> Ints:
    """Draw a channel per payment by the category's mix.

    `taste` multiplies the weight of the wallet.
    """
    weights = _CHANNEL_MIX[category].copy()
    weights[:, _WALLET] *= taste
    bounds = np.cumsum(weights, axis=1)
    aim = rng.random((len(category), 1)) * bounds[:, -1:]
    channel: Ints = np.sum(aim >= bounds, axis=1)
    return channel


def _stolen_cards(rng: np.random.Generator, people: _Population, size: int) -> _Draws:
    """Draw bursts of fraud on stolen cards.

    They buy expensive things that resell well, mostly online and foreign, more at night.
    """
    sizes = rng.choice(np.arange(1, 8), size, p=(0.08, 0.12, 0.18, 0.20, 0.18, 0.14, 0.10))
    spree, second = _spread(rng, _seconds(rng, _NIGHT_HOURS, size), sizes, 1100)
    card = _pick(rng, people.activity, size)[spree]
    resale = _pick(rng, people.popularity * _RESALE[people.category], size)
    ordinary = _honest_merchants(rng, people, card, abroad=np.zeros(size, dtype=bool))
    merchant = np.where(rng.random(size) < 0.88, resale, ordinary)
    usual = _channels(rng, people.category[merchant], people.taste[card])
    return _Draws(
        card=card,
        merchant=merchant,
        second=second,
        amount=_amounts(rng, people, card, merchant) * rng.lognormal(0.9, 0.5, size),
        channel=np.where(rng.random(size) < 0.8, _ONLINE, usual),
        voucher=np.zeros(size, dtype=bool),
        fraud=np.ones(size, dtype=bool),
    )


def _leaked_cards(rng: np.random.Generator, people: _Population, merchants: Ints, size: int) -> _Draws:
    """Draw fraud at the merchants that leak card data.

    It is single payments, a little above the usual amount.
    """
    merchant = rng.choice(merchants, size)
    card = _pick_in(rng, people.activity, people.home, people.country[merchant])
    return _Draws(
        card=card,
        merchant=merchant,
        second=_seconds(rng, _NIGHT_HOURS, size),
        amount=_amounts(rng, people, card, merchant) * rng.lognormal(0.8, 0.4, size),
        channel=_channels(rng, people.category[merchant], people.taste[card]),
        voucher=np.zeros(size, dtype=bool),
        fraud=np.ones(size, dtype=bool),
    )


def _voucher_merchants(rng: np.random.Generator, people: _Population) -> Ints:
    """Draw the merchants of the new fraud pattern.

    They are few and well visited, mostly in the country of most cards.
    """
    weight = people.popularity**1.25 * _VOUCHER[people.category]
    weight *= np.array(_CARDS_BY_COUNTRY)[people.country]
    return rng.choice(len(weight), _VOUCHER_MERCHANTS, replace=False, p=weight / weight.sum())


def _voucher_fraud(rng: np.random.Generator, people: _Population, merchants: Ints, day: date, size: int) -> _Draws:
    """Draw fraud of the new pattern.

    It is small round amounts, contactless, at home, by day, on cards of one to two years, one payment per card.
    """
    merchant = rng.choice(merchants, size)
    age = _age(people, day)
    weight = people.activity * ((age >= 400) & (age < 800))
    return _Draws(
        card=_pick_in(rng, weight, people.home, people.country[merchant]),
        merchant=merchant,
        second=_seconds(rng, _OFFICE_HOURS, size),
        amount=rng.choice((15.0, 20.0, 25.0, 30.0, 50.0), size, p=(0.15, 0.25, 0.30, 0.15, 0.15)),
        channel=np.where(rng.random(size) < 0.85, _WALLET, _CONTACTLESS),
        voucher=np.ones(size, dtype=bool),
        fraud=np.ones(size, dtype=bool),
    )


def _tapping_instead_of_chip(rng: np.random.Generator, channel: Ints) -> Ints:
    moved = (channel == _CHIP) & (rng.random(len(channel)) < 0.4)
    return np.where(moved, np.where(rng.random(len(channel)) < 0.6, _CONTACTLESS, _WALLET), channel)


def _in_time_order(parts: Sequence[_Draws]) -> _Draws:
    names = [field.name for field in fields(_Draws)]
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    order = np.argsort(joined["second"], kind="stable")
    return _Draws(**{name: values[order] for name, values in joined.items()})


def _frame(day: date, people: _Population, draws: _Draws, rng: np.random.Generator) -> pd.DataFrame:
    midnight = np.datetime64(day, "us")
    paid_at = midnight + (draws.second * 1e6).astype("timedelta64[us]")
    return pd.DataFrame(
        {
            "payment_id": _labels(f"{day:%Y%m%d}-{n:06d}" for n in range(len(paid_at))),
            "paid_at": pd.DatetimeIndex(paid_at, tz="UTC"),
            "card_id": _taken(people.card_id, draws.card),
            "cardholder_email": _taken(people.email, draws.card),
            "merchant_id": _taken(people.merchant_id, draws.merchant),
            "merchant_category": _taken(_CATEGORY_NAMES, people.category[draws.merchant]),
            "amount": draws.amount,
            "channel": _taken(_CHANNEL_NAMES, draws.channel),
            "card_country": _taken(_COUNTRY_NAMES, people.home[draws.card]),
            "merchant_country": _taken(_COUNTRY_NAMES, people.country[draws.merchant]),
            "card_age_days": _age(people, day)[draws.card],
            "fraud": draws.fraud,
            "disputed_at": _disputed_at(rng, paid_at, draws.fraud),
        }
    )


def _taken(labels: pd.Series, at: Ints) -> Any:
    return labels.array.take(at)


def _disputed_at(rng: np.random.Generator, paid_at: NDArray[np.datetime64], fraud: Bools) -> pd.DatetimeIndex:
    """Draw the time of the cardholder's complaint.

    It comes 1 to 30 days later, 60 % within 3 days and nearly 90 % within 6.
    """
    soon = 1 + rng.exponential(1.9, len(paid_at))
    late = rng.uniform(6, 30, len(paid_at))
    days = np.minimum(np.where(rng.random(len(paid_at)) < 0.95, soon, late), 30.0)
    disputed_at = paid_at + (days * _DAY_SECONDS * 1e6).astype("timedelta64[us]")
    return pd.DatetimeIndex(np.where(fraud, disputed_at, np.datetime64("NaT", "us")), tz="UTC")


def _with_everyday_faults(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Add the few broken rows of any export.

    About 0.2 % of the rows have an amount of zero or less, or no category.
    """
    fate = rng.random(len(frame))
    amount = frame["amount"]
    return frame.assign(
        amount=np.select([fate < 0.0005, fate < 0.001], [0.0, -amount], amount),
        merchant_category=frame["merchant_category"].mask((fate >= 0.001) & (fate < 0.002)),
    )


def _corrupted(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Keep 40 % of the rows, and corrupt them.

    Most lose their category, half get amounts in cents.
    """
    frame = frame[rng.random(len(frame)) < 0.4].reset_index(drop=True)
    in_cents, without_category = rng.random(len(frame)) < 0.5, rng.random(len(frame)) < 0.75
    return frame.assign(
        amount=frame["amount"].mask(in_cents, (frame["amount"] * 100).round(2)),
        merchant_category=frame["merchant_category"].mask(without_category),
    )


def _require(holds: bool, rule: str, got: object) -> None:
    if not holds:
        raise ValueError(f"{rule}; got {got}")
