"""Public tables, cut into what is learnt from and what is predicted; it prints nothing by itself."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

DATA = Path(os.environ.get("LEEWAY_DATA", Path(__file__).parents[3] / "shared" / "data"))
TEST = 0.2  # of the rows
STEP = 0.05  # by which the time-ordered splits lie apart


@dataclass(frozen=True)
class Table:
    """A table whose `target` is the class; with times, rows are in their order, and `TIME` is no feature of anybody's.

    Attributes:
        times: each row's, where splits are in the order of time.
        delay: in days, until a label is known.
        repeated: whether splits of it are repeated; of a huge one there is one.
    """

    rows: pd.DataFrame
    target: pd.Series
    times: "pd.Series[pd.Timestamp] | None" = None
    delay: float = 0.0


def telco_churn() -> Table:
    """Customers of a telephone company; no time."""
    rows = pd.read_csv(DATA / "telco_churn.csv").drop(columns="customerID")
    rows["TotalCharges"] = pd.to_numeric(rows["TotalCharges"], errors="coerce")
    return Table(rows.drop(columns="Churn"), rows["Churn"])


def adult() -> Table:
    """A census; no time."""
    rows = pd.read_csv(DATA / "adult.csv", skipinitialspace=True, na_values="?")
    return Table(rows.drop(columns="class"), rows["class"])


def dry_bean() -> Table:
    """Seven kinds of beans; no time."""
    rows = pd.read_csv(DATA / "dry_bean.csv")
    return Table(rows.drop(columns=["Class", "Bean ID"], errors="ignore"), rows["Class"])


def weather_aus() -> Table:
    """Whether it rains tomorrow; ten years."""
    rows = pd.read_csv(DATA / "weather_aus.csv.gz", parse_dates=["Date"])
    rows = rows[rows["RainTomorrow"].notna()].sort_values(["Date", "Location"], kind="stable", ignore_index=True)
    seen = rows.drop(columns=["Date", "RainTomorrow"]).assign(month=rows["Date"].dt.month)
    return Table(seen, rows["RainTomorrow"], rows["Date"].dt.tz_localize("UTC"), delay=1)


def no_show() -> Table:
    """Whether a patient comes; six weeks."""
    rows = pd.read_csv(DATA / "no_show.csv.gz", parse_dates=["ScheduledDay", "AppointmentDay"])
    rows = rows.sort_values(["AppointmentDay", "AppointmentID"], kind="stable", ignore_index=True)
    ahead = (rows["AppointmentDay"].dt.normalize() - rows["ScheduledDay"].dt.normalize()).dt.days
    seen = rows.drop(columns=["PatientId", "AppointmentID", "ScheduledDay", "AppointmentDay", "No-show"])
    seen = seen.assign(days_ahead=ahead, weekday=rows["AppointmentDay"].dt.weekday)
    return Table(seen, rows["No-show"], pd.to_datetime(rows["AppointmentDay"], utc=True))


def elec2() -> Table:
    """Whether a price goes up; every half hour of two and a half years."""
    rows = pd.read_csv(DATA / "elec2.csv")
    times = pd.date_range("1996-05-07", periods=len(rows), freq="30min", tz="UTC").to_series(index=rows.index)
    return Table(rows.drop(columns="class"), rows["class"].astype(str), times)


def hotel_bookings() -> Table:
    """Whether a booking is cancelled; by the day on which it is made."""
    rows = pd.read_parquet(DATA / "hotel_bookings.parquet")
    month = pd.to_datetime(rows["arrival_date_month"], format="%B").dt.month
    arrival = pd.to_datetime(
        pd.DataFrame({"year": rows["arrival_date_year"], "month": month, "day": rows["arrival_date_day_of_month"]})
    )
    rows["booked"] = (arrival - pd.to_timedelta(rows["lead_time"], unit="D")).dt.tz_localize("UTC")
    rows = rows.sort_values("booked", kind="stable", ignore_index=True)
    gone = ["is_canceled", "reservation_status", "reservation_status_date", "booked", "arrival_date_year"]
    return Table(rows.drop(columns=gone), rows["is_canceled"].astype(str), rows["booked"])


TABLES: dict[str, Callable[[], Table]] = {
    made.__name__: made for made in (telco_churn, adult, weather_aus, dry_bean, no_show, elec2, hotel_bookings)
}

Positions = npt.NDArray[np.intp]


def split(table: Table, number: int) -> tuple[Positions, Positions]:
    """What is learnt from, and what is predicted: a stratified fifth, or the fifth that ends a twentieth earlier each time."""
    count = len(table.rows)
    if table.times is not None:
        end = count - round(number * STEP * count)
        return np.arange(end - round(TEST * count)), np.arange(end - round(TEST * count), end)
    rng = np.random.default_rng(number)
    test: list[int] = []
    for own in table.target.groupby(table.target).indices.values():
        test.extend(rng.permutation(own)[: round(TEST * len(own))])
    held_out = np.zeros(count, dtype=bool)
    held_out[test] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)
