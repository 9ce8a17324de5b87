import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeway.detection import budget
from leeway.detection.budget import Baseline, Rule, alarms, calibrate, confirmed, seasonal_means, watch, windows

CHANNELS = 6


def stream(rng, nights, *, season=1.0, memory=0.5):
    """Channels that repeat themselves weekly and remember the night before."""
    shock, found = rng.standard_normal(CHANNELS), []
    for night in range(nights):
        shock = memory * shock + np.sqrt(1 - memory**2) * rng.standard_normal(CHANNELS)
        found.append(season * np.sin(2 * np.pi * night / 7) + shock)
    return np.array(found)


def rule(**options):
    given = {"confirm": 2, "among": 3, "cooldown": 7, "material": np.zeros(CHANNELS), "season": 7}
    return Rule(**(given | options))


ROWS, CHANCE = np.full((1, CHANNELS), 100.0), np.full(CHANNELS, 10.0)  # a tenth of the variance is chance


@pytest.mark.parametrize("rate", [1 / 30, 1 / 90])
def test_streams_alarm_no_more_often_than_the_budget_allows(rate):
    over = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        whole = stream(rng, 140 + 2_000)
        places = np.arange(len(whole)) % 7
        past = whole[:140]
        ordinary = Baseline.of(past, ROWS, CHANCE, places[:140], 7)
        limit = calibrate(ordinary, past, ROWS, places[:140], rule(), rate, 365, seed)
        assert limit.rate <= limit.often <= rate
        found = watch(ordinary, whole[140:], ROWS, places[140:, None], np.zeros(CHANNELS)).largest
        over.append(alarms(found[None], limit.spreads, rule())[0] / 2_000)
    assert np.mean(over) <= rate
    assert np.mean(over) > rate / 10  # nor is it deaf


def test_what_is_not_material_is_no_alarm_however_sure():
    rng = np.random.default_rng(0)
    past, places = stream(rng, 140), np.arange(140) % 7
    ordinary = Baseline.of(past, ROWS, CHANCE, places, 7)
    moved = past + 3.0
    assert watch(ordinary, moved, ROWS, places[:, None], np.full(CHANNELS, 1.0)).largest.max() > 2.5
    assert watch(ordinary, moved, ROWS, places[:, None], np.full(CHANNELS, 9.0)).largest.max() == 0


def test_a_change_too_small_for_one_night_is_seen_in_a_week():
    rng = np.random.default_rng(0)
    past, places = stream(rng, 280, memory=0.0), np.arange(280) % 7
    ordinary = Baseline.of(past, ROWS, CHANCE, places, 7)
    after = stream(rng, 70, memory=0.0) + 1.5
    sizes = np.abs(watch(ordinary, after, ROWS, places[:70, None], np.zeros(CHANNELS)).standardised)
    assert np.median(sizes[7:]) > 3.5
    assert np.median(sizes[0]) < 2.5


def test_a_night_of_few_rows_is_allowed_more():
    rng = np.random.default_rng(0)
    places = np.arange(140) % 7
    past = 0.01 * rng.standard_normal((140, CHANNELS)) * np.sqrt(CHANCE)  # of 10,000 rows each, all of it chance
    ordinary = Baseline.of(past, np.full((1, CHANNELS), 1e4), CHANCE, places, 7)
    one = np.full((1, CHANNELS), 0.1)
    many, few = (ordinary.standardise(one, np.full((1, CHANNELS), rows), places[:1, None]) for rows in (1e4, 100))
    assert (many > 2).all()
    assert (few < 0.5).all()


def test_what_is_not_known_says_nothing_and_hides_nothing():
    rng = np.random.default_rng(0)
    past, places = stream(rng, 140), np.arange(140) % 7
    ordinary = Baseline.of(past, ROWS, CHANCE, places, 7)
    after = np.full((9, CHANNELS), np.nan)
    after[[0, 8], 0] = 9.0
    sizes = np.abs(watch(ordinary, after, ROWS, places[:9, None], np.zeros(CHANNELS)).standardised)
    assert (sizes[[0, 8], 0] > 5).all()
    assert (sizes[1:8] == 0).all()
    assert (sizes[:, 1:] == 0).all()


def test_a_season_is_kept_as_far_as_it_is_more_than_luck():
    rng = np.random.default_rng(0)
    places = np.arange(182) % 7
    noise = rng.standard_normal((182, 1))
    with_season = noise + np.array([0, 0, 0, 0, 0, 5, 5.0])[places, None]
    means, freedom = seasonal_means(np.hstack([noise, with_season]), places, 7)
    assert np.ptp(means[:, 0]) < 0.3
    assert means[[0, 5], 1] == pytest.approx([0, 5], abs=0.5)
    assert freedom[0] < freedom[1] <= 7


@given(out=st.lists(st.booleans(), min_size=1, max_size=40), confirm=st.integers(1, 3), more=st.integers(0, 3))
def test_confirmed_is_out_and_often_enough_lately(out, confirm, more):
    among = confirm + more
    found = confirmed(np.array(out, dtype=float), 0.5, rule(confirm=confirm, among=among))
    assert found.tolist() == [
        now and sum(out[max(0, place - among + 1) : place + 1]) >= confirm for place, now in enumerate(out)
    ]


def test_after_an_alarm_there_is_none_for_the_cooldown():
    found = alarms(np.ones((2, 30)), 0.5, rule(cooldown=7))
    assert found.tolist() == [5, 5]  # from the second night on, every seventh
    assert alarms(np.zeros((2, 30)), 0.5, rule()).tolist() == [0, 0]


@given(length=st.integers(1, 9), count=st.integers(1, 30))
def test_windows_are_sums_of_what_is_known_over_the_root_of_its_number(length, count):
    values = np.random.default_rng(count).standard_normal((count, 1))
    values[::3] = np.nan
    expected = []
    for place in range(count):
        last = values[max(0, place - length + 1) : place + 1, 0]
        known = last[~np.isnan(last)]
        expected.append(known.sum() / np.sqrt(max(len(known), 1)))
    assert windows(values, length)[:, 0] == pytest.approx(expected, abs=1e-9)


def test_drawn_streams_are_as_restless_as_the_reference():
    rng = np.random.default_rng(0)
    residuals = stream(rng, 350, season=0.0)
    drawn = budget._stream(residuals / residuals.std(axis=0), 7_000, 7, rng)
    assert drawn.std(axis=0) == pytest.approx(np.ones(CHANNELS), abs=0.15)
    again = [np.corrcoef(drawn[:-1, k], drawn[1:, k])[0, 1] for k in range(CHANNELS)]
    assert np.mean(again) == pytest.approx(0.5, abs=0.12)
