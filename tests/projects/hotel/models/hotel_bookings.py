"""Hotel bookings: will this booking be cancelled? Real data, with a real delay of labels."""

from datetime import timedelta
from pathlib import Path

import pandas as pd

from leeway.definition import (
    Boosting,
    Classifier,
    DriftPolicy,
    Gates,
    Label,
    Logistic,
    MaximizeF1,
    Parquet,
    Training,
    categorical,
    numeric,
    weeks,
)

DATA = Path(__file__).parents[5] / "shared" / "data" / "hotel_bookings.parquet"


def prepare(raw: pd.DataFrame) -> pd.DataFrame:
    """Date and identify bookings: the table has only their arrivals, no id, and many rows that equal another.

    A booking is made `lead_time` days before its arrival. Its outcome is taken as known at the end of the day on which its
    status last changed.
    """
    arrival = pd.to_datetime(
        raw["arrival_date_year"].astype(str)
        + raw["arrival_date_month"]
        + raw["arrival_date_day_of_month"].astype(str).str.zfill(2),
        format="%Y%B%d",
    )
    content = pd.util.hash_pandas_object(raw, index=False)
    occurrence = content.groupby(content).cumcount()
    return raw.assign(
        booking_id=content.astype(str) + "-" + occurrence.astype(str),
        booked_on=arrival - pd.to_timedelta(raw["lead_time"], unit="D"),
        known_on=pd.to_datetime(raw["reservation_status_date"]) + timedelta(days=1),
    )


NUMBERS = (
    "lead_time",
    "arrival_date_week_number",
    "arrival_date_day_of_month",
    "stays_in_weekend_nights",
    "stays_in_week_nights",
    "adults",
    "children",
    "babies",
    "is_repeated_guest",
    "previous_cancellations",
    "previous_bookings_not_canceled",
    "adr",
    "total_of_special_requests",
)
CATEGORIES = (
    "hotel",
    "arrival_date_month",
    "meal",
    "country",
    "market_segment",
    "distribution_channel",
    "reserved_room_type",
    "deposit_type",
    "agent",
    "company",
    "customer_type",
)

classifier = Classifier(
    source=Parquet(path=str(DATA), prepare=prepare),
    event_id="booking_id",
    event_time="booked_on",
    # Cancellations become known early and stays late; waiting for both would leave nothing recent to learn from.
    label=Label(column="is_canceled", positive=1, negative=0, time="known_on"),
    # Not here, because nobody knows them when the booking is made: the assigned room, changes, parking, the waiting list.
    columns={name: numeric() for name in NUMBERS} | {name: categorical() for name in CATEGORIES},
    partition="week",
    candidates=(Logistic(C=(0.3,)), Boosting(learning_rate=(0.1,), max_leaf_nodes=(31,), max_iter=100)),
    objective=MaximizeF1(),
    training=Training(holdout=weeks(4), folds=4),
    gates=Gates(floors={"roc_auc": 0.6}, calibration_error=None),
    drift=DriftPolicy(reference=26, min_reference=12, label_age=weeks(4), cooldown=weeks(6)),
)
