from datetime import datetime

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeway.profiling import values

STYLES = [(None, "."), (",", "."), (".", ","), (" ", ","), ("'", "."), ("\u00a0", ","), ("\u202f", ",")]
UNITS = ["{} €", "€{}", "$ {}", "{}%", "{} kg", "USD {}", "{}km", "{} EUR"]


def series(*given):
    return pd.Series(list(given), dtype="str")


def written(number, thousands, decimal):
    text = f"{number:,.2f}"
    return text.replace(",", "\0").replace(".", decimal).replace("\0", thousands or "")


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(-(10**9), 10**9).map(lambda cents: cents / 100), min_size=3, max_size=30),
    st.sampled_from(STYLES),
    st.sampled_from(UNITS),
)
def test_numbers_in_any_style_are_read_back(numbers, style, unit):
    # One that shows what its marks mean: 1.234 alone could be either.
    numbers = [*numbers, 1_234_567.89]
    found = values.numbers(series(*(unit.format(written(number, *style)) for number in numbers)))
    assert found is not None
    assert found.values.tolist() == pytest.approx(numbers)
    assert found.unit == unit.replace("{}", "").strip()
    assert found.decimal == style[1]


@pytest.mark.parametrize(
    "text",
    [["1", "2", "x"] * 30, ["K001", "K002"], ["R-001", "R-002"], ["1 kg", "2 lb"], ["1.2.3", "1.2.4"], ["a", "b"]],
)
def test_what_is_no_number_is_none(text):
    assert values.numbers(series(*text)) is None


def test_no_group_of_thousands_begins_with_a_zero():
    found = values.numbers(series("0,512", "0,007", "1,250"))
    assert found is not None
    assert found.values.tolist() == [0.512, 0.007, 1.25]


@pytest.mark.parametrize("missing", ["None", "-", "unknown", "n.a.", "inf", "-Infinity"])
def test_a_word_for_missing_among_numbers_is_found(missing):
    found = values.numbers(series(*map(str, range(50)), missing, missing))
    assert found is not None
    assert found.missing == (missing,)
    assert found.values.isna().sum() == 2


def test_spoilt_numbers_keep_their_words_for_missing():
    found = values.numbers(series("1.200,50 €", "3,00 €", "-", "1.000.000,00 €"))
    assert found is not None
    assert (found.unit, found.thousands, found.decimal, found.missing) == ("€", ".", ",", ("-",))
    assert found.values.isna().tolist() == [False, False, True, False]


MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1)).map(lambda moment: moment.replace(microsecond=0))


@settings(max_examples=15, deadline=None)
@given(
    st.lists(MOMENTS, min_size=2, max_size=20),
    st.sampled_from(values.DATES),
    st.sampled_from([time for time in values.TIMES if "%f" not in time]),
)
def test_times_in_any_format_are_read_back(moments, date, time):
    moments = [*moments, datetime(2020, 12, 31), datetime(2021, 1, 13)]  # a day that can be no month
    form = date + time
    text = series(*(moment.strftime(form) for moment in moments))
    found = values.times(text, named_as_time=True)
    assert found is not None
    expected = [datetime.strptime(moment.strftime(form), form) for moment in moments]
    assert found.values.dt.tz_convert(None).tolist() == [pd.Timestamp(moment) for moment in expected]
    assert not found.ambiguous


@pytest.mark.parametrize(("scale", "name"), [(1, "epoch s"), (1_000, "epoch ms")])
def test_seconds_since_1970_are_a_time_only_where_the_name_says_so(scale, name):
    text = series(*(str((1_700_000_000 + 86_400 * day) * scale) for day in range(20)))
    found = values.times(text, named_as_time=True)
    assert found is not None
    assert found.formats == (name,)
    assert found.values.iloc[0] == pd.Timestamp(1_700_000_000, unit="s", tz="UTC")
    assert values.times(text) is None


@pytest.mark.parametrize(("first", "is_date"), [(pd.Timestamp("2024-01-20"), True), (20_240_120, False)])
def test_eight_digits_are_a_date_without_a_name_where_every_one_is_on_the_calendar(first, is_date):
    counted = [first + pd.Timedelta(days=day) if is_date else first + day for day in range(40)]
    found = values.times(series(*(f"{day:%Y%m%d}" if is_date else str(day) for day in counted)))
    assert (found is not None) == is_date


def test_a_column_of_three_formats_is_read_by_three():
    days = pd.date_range("2024-01-01", periods=90)
    forms = ("%Y-%m-%d", "%d.%m.%Y", "%d %b %Y")
    text = series(*(day.strftime(forms[number % 3]) for number, day in enumerate(days)))
    found = values.times(text)
    assert found is not None
    assert found.values.dt.tz_convert(None).tolist() == days.tolist()
    assert set(found.formats) == {"ISO 8601", "%d.%m.%Y", "%d %b %Y"}


def test_day_or_month_first_that_nothing_tells_is_ambiguous():
    found = values.times(series("01/02/2024", "03/04/2024", "05/06/2024"))
    assert found is not None
    assert found.ambiguous


def test_offsets_are_honoured():
    found = values.times(series("2024-01-01T00:00:00+02:00", "2024-06-01T00:00:00+02:00"))
    assert found is not None
    assert found.values.iloc[0] == pd.Timestamp("2023-12-31T22:00", tz="UTC")


@pytest.mark.parametrize("text", [["1", "2", "3"], ["12.5", "13.5"], ["10-20", "20-30", "30-40"], ["a b c", "d e f"]])
def test_what_is_no_time_is_none(text):
    assert values.times(series(*text), named_as_time=True) is None


def test_what_cannot_be_read_as_a_time_is_found():
    text = series("2024-01-01", "2024-01-02", "soon", "31.12.2024")
    assert values.unread(text).tolist() == ["soon", "31.12.2024"]


@pytest.mark.parametrize("spelling", values.MISSING)
def test_every_spelling_of_missing_is_missing_and_named(spelling):
    raw = series("a", f" {spelling} ", "", "  ", "b")
    assert values.spellings_of_missing(raw) == (spelling,)
    assert values.stripped(raw, (spelling,)).isna().tolist() == [False, True, True, True, False]


def test_among_codes_of_two_letters_na_is_one_of_them():
    assert values.spellings_of_missing(series("ZA", "NA", "DE")) == ()
    assert values.spellings_of_missing(series("ZA", "NA", "none")) == ("NA",)


@pytest.mark.parametrize(
    "text",
    [
        [f"R{number}" for number in range(20)],
        [f"{number}a" if number % 2 else str(number) for number in range(20)],
        ["<0.1", "0.3", "2"],
    ],
    ids=["names", "some with a letter", "bounds"],
)
def test_what_only_looks_like_numbers_is_none(text):
    assert values.numbers(series(*text)) is None


@pytest.mark.parametrize(
    ("text", "first", "style"),
    [
        (["-$1.50", "$2.25"], -1.5, ("$", None, ".")),
        (["12,34,567", "1,23,456"], 1_234_567, (None, ",", ".")),
        (["1\u202f000", "12\u202f500"], 1_000, (None, " ", ".")),
        (["R 12.50", "R 3.00"], 12.5, ("R", None, ".")),
    ],
)
def test_numbers_of_many_hands_are_read_with_their_style(text, first, style):
    found = values.numbers(series(*text))
    assert found.values.iloc[0] == first
    assert (found.unit, found.thousands, found.decimal) == style
    assert not found.ambiguous


@pytest.mark.parametrize("given", ["cat_{}", "a:b{}", "({},5)", "{}+"])
def test_names_pairs_and_bounds_are_no_amounts_of_a_unit(given):
    assert values.numbers(series(*(given.format(number) for number in range(1, 9)))) is None


@pytest.mark.parametrize(
    ("given", "last"), [("US${}.5", 8.5), ("R${},5", 8.5), ("({}.5)", -8.5), ("({},500.5)", -8500.5)]
)
def test_currencies_with_letters_and_amounts_that_are_all_negative_are_numbers(given, last):
    assert values.numbers(series(*(given.format(number) for number in range(1, 9)))).values.iloc[-1] == last
