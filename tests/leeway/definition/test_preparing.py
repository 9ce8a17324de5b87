import pandas as pd
import pytest

from leeway.definition.preparing import date_from_parts, renamed, shifted, time_from_position


def test_a_date_is_made_of_its_parts_whether_months_are_named_or_numbered():
    rows = pd.DataFrame(
        {
            "y": ["2015", "2016", "2016", "2016", None],
            "m": ["July", "feb", "12", "Undecember", "1"],
            "d": ["1", "29", "31", "1", "1"],
            "h": ["0", "13", "", "1", "1"],
        }
    )
    made = date_from_parts("at", year="y", month="m", day="d")(rows)["at"]
    assert made.tolist() == [*pd.to_datetime(["2015-07-01", "2016-02-29", "2016-12-31"]), pd.NaT, pd.NaT]
    made = date_from_parts("at", year="y", month="m", day="d", hour="h")(rows)["at"]
    assert made.tolist()[1] == pd.Timestamp("2016-02-29 13:00")
    assert "at" not in rows


def test_no_such_day_is_missing():
    rows = pd.DataFrame({"y": [2015], "m": [2], "d": [30]})
    assert date_from_parts("at", year="y", month="m", day="d")(rows)["at"].isna().all()


def test_a_time_is_shifted_by_a_column_or_a_number():
    rows = pd.DataFrame({"arrival": ["2016-03-10", "soon"], "lead": ["9", "1"]})
    assert shifted("booked", "arrival", days="lead", back=True)(rows)["booked"].tolist() == [
        pd.Timestamp("2016-03-01"),
        pd.NaT,
    ]
    assert shifted("known", "arrival", days=1)(rows)["known"].tolist()[0] == pd.Timestamp("2016-03-11")


def test_rows_in_their_order_get_times_by_their_position_in_the_file():
    part = pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(48, 50))
    made = time_from_position("at", "1996-05-07", step_minutes=30)(part)["at"]
    assert made.tolist() == [pd.Timestamp("1996-05-08 00:00"), pd.Timestamp("1996-05-08 00:30")]


def test_a_column_to_rename_must_be_there():
    rows = pd.DataFrame({"No-show": [1]})
    assert list(renamed(**{"No-show": "missed"})(rows)) == ["missed"]
    assert list(renamed({"No-show": "missed"})(rows)) == ["missed"]
    with pytest.raises(KeyError, match="betrag"):
        renamed(betrag="amount")(rows)
