"""The simulated payments: the same rows however they are asked for, life-like, and changed only from a date on."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeway.ingest.simulators.payments import Change, CorruptDelivery, NewFraudPattern, Payments, PriceRise

START = datetime(2026, 3, 2, tzinfo=UTC)
WEEKS = 4
CHANGE = date(2026, 3, 16)
COLUMNS = {
    "payment_id": "str",
    "paid_at": "datetime64[us, UTC]",
    "card_id": "str",
    "cardholder_email": "str",
    "merchant_id": "str",
    "merchant_category": "str",
    "amount": "float64",
    "channel": "str",
    "card_country": "str",
    "merchant_country": "str",
    "card_age_days": "int64",
    "fraud": "bool",
    "disputed_at": "datetime64[us, UTC]",
}


def world(*changes: Change) -> pd.DataFrame:
    return Payments(changes=changes).rows(START, START + timedelta(weeks=WEEKS))


def before_and_after(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    late = frame["paid_at"].dt.date >= CHANGE
    return frame[~late].reset_index(drop=True), frame[late].reset_index(drop=True)


@pytest.fixture(scope="module")
def calm() -> pd.DataFrame:
    return world()


def test_columns_and_order(calm: pd.DataFrame) -> None:
    assert {name: str(kind) for name, kind in calm.dtypes.items()} == COLUMNS
    assert calm["paid_at"].is_monotonic_increasing
    assert calm["payment_id"].is_unique
    assert calm["cardholder_email"].str.endswith("@example.com").all()


def test_an_empty_range_keeps_the_columns() -> None:
    frame = Payments().rows(START, START)
    assert len(frame) == 0
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == COLUMNS


def test_hours_in_reverse_give_the_rows_of_the_week(calm: pd.DataFrame) -> None:
    payments = Payments()
    hours = [START + timedelta(hours=n) for n in reversed(range(48))]
    pieces = [payments.rows(hour, hour + timedelta(hours=1)) for hour in hours]
    joined = pd.concat(pieces[::-1], ignore_index=True)
    pd.testing.assert_frame_equal(joined, calm[calm["paid_at"] < START + timedelta(days=2)])


@settings(max_examples=20, deadline=None)
@given(cut=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=2)))
def test_a_range_is_the_sum_of_its_parts(cut: timedelta) -> None:
    payments = Payments(rows_per_day=60, cards=100, merchants=100, changes=(NewFraudPattern(on=CHANGE),))
    start = datetime(2026, 3, 15, tzinfo=UTC)
    middle, end = start + cut, start + timedelta(days=2)
    parts = [payments.rows(start, middle), payments.rows(middle, end)]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), payments.rows(start, end))


def test_other_time_zones_mean_the_same_instants() -> None:
    zone = pd.Timestamp("2026-03-02 01:00", tz="Europe/Berlin").to_pydatetime()
    end = START + timedelta(hours=3)
    pd.testing.assert_frame_equal(Payments().rows(zone, end), Payments().rows(START, end))


def test_another_seed_is_another_world() -> None:
    end = START + timedelta(days=1)
    assert not Payments(seed=8).rows(START, end)["amount"].equals(Payments().rows(START, end)["amount"])


def test_day_and_week_have_seasons(calm: pd.DataFrame) -> None:
    hours = calm["paid_at"].dt.hour.value_counts(normalize=True)
    assert hours[[1, 2, 3]].sum() < 0.03
    assert hours[12] > hours[15] < hours[18]
    weekdays = calm["paid_at"].dt.weekday.value_counts() / len(calm) * 7
    assert weekdays[4] > 1.08
    assert weekdays[5] > 1.05
    assert weekdays[6] < 0.9


def test_volume_and_everyday_faults(calm: pd.DataFrame) -> None:
    assert len(calm) / (7 * WEEKS) == pytest.approx(1500, rel=0.03)
    faulty = (calm["amount"] <= 0) | calm["merchant_category"].isna()
    assert 0.001 <= faulty.mean() <= 0.003


@pytest.mark.parametrize("changes", [(), (NewFraudPattern(on=CHANGE),)])
def test_the_daily_rate_of_fraud_is_steady(changes: tuple[Change, ...]) -> None:
    frame = world(*changes)
    assert frame.groupby(frame["paid_at"].dt.date)["fraud"].mean().between(0.014, 0.026).all()


def test_disputes_follow_fraud_within_30_days(calm: pd.DataFrame) -> None:
    assert (calm["disputed_at"].notna() == calm["fraud"]).all()
    fraud = calm[calm["fraud"]]
    days = (fraud["disputed_at"] - fraud["paid_at"]).dt.total_seconds() / 86_400
    assert days.between(1, 30).all()
    assert 0.5 < (days <= 3).mean() < 0.7
    assert 0.83 < (days <= 6).mean() < 0.94


def test_old_fraud_is_dearer_and_more_foreign_but_overlaps(calm: pd.DataFrame) -> None:
    foreign = calm["card_country"] != calm["merchant_country"]
    assert foreign[calm["fraud"]].mean() > 4 * foreign[~calm["fraud"]].mean() > 0.1
    honest, fraud = (calm.loc[calm["fraud"] == kind, "amount"] for kind in (False, True))
    assert fraud.median() > 2 * honest.median()
    assert (honest > fraud.median()).sum() > len(fraud)


@pytest.mark.parametrize("kind", [PriceRise, CorruptDelivery, NewFraudPattern])
def test_nothing_changes_before_the_date(kind: Any, calm: pd.DataFrame) -> None:
    (before, after), (calm_before, calm_after) = (
        before_and_after(world(kind(on=CHANGE))),
        before_and_after(calm),
    )
    pd.testing.assert_frame_equal(before, calm_before)
    assert not after.equals(calm_after)


def test_a_price_rise_moves_amounts_and_channels_only(calm: pd.DataFrame) -> None:
    _, calm = before_and_after(calm)
    _, risen = before_and_after(world(PriceRise(on=CHANGE, factor=1.2)))
    pd.testing.assert_frame_equal(risen.drop(columns=["amount", "channel"]), calm.drop(columns=["amount", "channel"]))
    sold = calm["amount"] > 1
    assert np.median(risen["amount"][sold] / calm["amount"][sold]) == pytest.approx(1.2, abs=0.01)
    share, calm_share = (each["channel"].value_counts(normalize=True) for each in (risen, calm))
    assert share["chip"] < 0.7 * calm_share["chip"]
    assert share["contactless"] > calm_share["contactless"]
    assert share["wallet"] > calm_share["wallet"]
    assert share["online"] == calm_share["online"]


def test_the_new_pattern_hides_among_small_domestic_payments(calm: pd.DataFrame) -> None:
    _, calm = before_and_after(calm)
    _, frame = before_and_after(world(NewFraudPattern(on=CHANGE)))
    assert frame["fraud"].sum() == calm["fraud"].sum()
    columns = [name for name in COLUMNS if name not in ("payment_id", "amount", "merchant_category")]
    honest, calm_honest = (each.loc[~each["fraud"], columns] for each in (frame, calm))
    pd.testing.assert_frame_equal(honest.reset_index(drop=True), calm_honest.reset_index(drop=True))
    fraud = frame[frame["fraud"]]
    voucher = (
        fraud["channel"].isin(["wallet", "contactless"])
        & (fraud["card_country"] == fraud["merchant_country"])
        & (fraud["amount"] <= 50)
        & (fraud["amount"] % 5 == 0)
    )
    assert voucher.mean() == pytest.approx(0.85, abs=0.04)
    assert fraud.loc[voucher, "merchant_id"].nunique() < 20 < fraud.loc[voucher, "card_id"].nunique()
    assert fraud.loc[voucher, "paid_at"].dt.hour.between(6, 21).all()


def test_face_values_stay_round_when_prices_rise() -> None:
    _, frame = before_and_after(world(PriceRise(on=CHANGE), NewFraudPattern(on=CHANGE, share=1.0)))
    assert (frame.loc[frame["fraud"], "amount"] % 5 == 0).mean() > 0.95
    gifts = frame[(frame["merchant_category"] == "gift_cards") & ~frame["fraud"]]
    assert (gifts["amount"] % 5 == 0).mean() > 0.5


def test_the_corrupt_day_is_broken_and_the_next_is_not(calm: pd.DataFrame) -> None:
    frame = world(CorruptDelivery(on=CHANGE))
    broken, calm_day = (each[each["paid_at"].dt.date == CHANGE] for each in (frame, calm))
    assert list(broken.columns) == list(COLUMNS)
    assert 0.35 < len(broken) / len(calm_day) < 0.45
    assert broken["merchant_category"].isna().mean() > 0.6
    factor = broken.set_index("payment_id")["amount"] / calm_day.set_index("payment_id")["amount"]
    assert 0.4 < (factor.dropna() > 50).mean() < 0.6
    others = frame["paid_at"].dt.date != CHANGE
    assert len(frame[others]) == len(calm) - len(calm_day)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [({"seed": -1}, "seed"), ({"rows_per_day": 0}, "rows_per_day"), ({"cards": 3}, "cards")],
)
def test_impossible_parameters_are_refused(wrong: dict[str, int], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        Payments(**wrong)  # type: ignore[arg-type]  # the point of the test


def test_a_range_needs_time_zones_and_direction() -> None:
    with pytest.raises(ValueError, match="start needs a time zone"):
        Payments().rows(START.replace(tzinfo=None), START)
    with pytest.raises(ValueError, match="end must not precede start"):
        Payments().rows(START, START - timedelta(days=1))
