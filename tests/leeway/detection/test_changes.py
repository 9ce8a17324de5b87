import numpy as np
import pytest

from leeway.detection.changes import began, passed

NOTHING = np.nan


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ([0.3, -0.8, 0.1, 9.0, 8.5], 3),
        ([0.3, -0.8, 0.1, -9.0, -8.5, -9.2], 3),
        ([7.0, 8.0, 9.0], 0),
        ([0.1, 0.2, 5.0], 2),
        ([0.1, NOTHING, NOTHING, 6.0, NOTHING, 5.0], 3),  # partitions that nothing is known of begin nothing
        ([0.5, 6.0, -0.4, 0.2, 0.1, 5.0, 6.0, 5.5], 5),  # an earlier night that lay out was not the beginning
    ],
)
def test_a_change_began_where_the_values_left_what_is_ordinary_for_good(values, place):
    assert began(np.array(values)) == place


def test_the_beginning_of_a_small_change_is_found_within_a_few_partitions():
    rng = np.random.default_rng(0)
    found = [began(np.append(rng.standard_normal(60), rng.standard_normal(9) + 3)) for _ in range(200)]
    assert (np.abs(np.array(found) - 60) <= 1).mean() > 0.9


@pytest.mark.parametrize(
    ("out", "gone"),
    [
        ("....", ""),
        (".xxx....", "123"),
        (".xxx..xxx", "123"),
        ("..xxxx", ""),
        ("..x.xx.x", ""),  # two of three all along
        (".x....xx", "1"),
        ("..xx.....x", "239"),  # one alone is not confirmed
        ("xxx", ""),
        ("", ""),
    ],
)
def test_what_lay_out_and_no_longer_does_has_passed(out, gone):
    found = passed([flag == "x" for flag in out], confirm=2, among=3)
    assert "".join(str(place) for place in np.flatnonzero(found)) == gone
