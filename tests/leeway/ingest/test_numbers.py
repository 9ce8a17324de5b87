"""Numbers as many hands write them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.ingest.numbers import Style, read_numbers

GERMAN = Style(thousands=".", decimal=",", unit="€")
COUNTS = Style(suffixes={"K": 1e3, "M": 1e6})


@pytest.mark.parametrize(
    ("text", "style", "number"),
    [
        ("\u2212508.47", Style(), -508.47),
        ("12.00-", Style(), -12.0),
        ("(12.00)", Style(), -12.0),
        ("(€ 1.234,50)", GERMAN, -1234.5),
        ("- 5", Style(), -5.0),
        ("\u0661\u0662", Style(), 12.0),
        ("1.234,50 €", GERMAN, 1234.5),
        ("2.1K", COUNTS, 2100.0),
        ("3M", COUNTS, 3e6),
        ("7", COUNTS, 7.0),
        ("57%", Style(suffixes={"%": 0.01}), 0.57),
        ("538.75 CR", Style(suffixes={"CR": -1.0}), -538.75),
        ("1e3", Style(), 1000.0),
    ],
)
def test_a_number_is_read_as_it_is_meant(text, style, number):
    assert read_numbers(pd.Series([text]), style).tolist() == [pytest.approx(number)]


@pytest.mark.parametrize(
    "text", ["<0.1", "1,5", "2.1K", "--5", "(-5)", "(5", "5)", "-5-", "five", "", "1 2", "inf", "nan"]
)
def test_what_is_no_number_is_missing(text):
    assert read_numbers(pd.Series([text])).isna().all()


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_float_s_own_text_is_that_float(number):
    assert read_numbers(pd.Series([repr(number)])).tolist() == [number]
    assert read_numbers(pd.Series([number, np.inf])).tolist()[0] == number
