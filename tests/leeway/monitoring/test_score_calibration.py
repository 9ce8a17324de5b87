from types import SimpleNamespace

import numpy as np
import pytest

from leeway.detection.sketch import Binning
from leeway.monitoring import score_calibration
from leeway.monitoring.realised import RealisedPartition

REFERENCE = SimpleNamespace(
    judged=[0],
    watched=("true",),
    binnings={"kind": Binning(values=("a", "b"), seen=("a", "b"))},
)


def nights(rng, count, rows, off):
    """Partitions whose labels lie apart from the scores by `off` of the night, in each of 32 bins."""
    found = []
    for number in range(count):
        score = np.tile((np.arange(32) + 0.5) / 34, rows // 32)
        y = rng.random(len(score)) < np.clip(score + off(number), 0, 1)
        bins = np.tile(np.arange(32), rows // 32)
        table = np.column_stack([np.bincount(bins, own, 34) for own in (np.ones(len(y)), y, score)])
        found.append(RealisedPartition(f"{number}", 1, len(y), {}, {"score": table.tolist()}))
    return found


def test_scores_that_are_right_are_off_by_nothing_however_few_labels_there_are():
    rng = np.random.default_rng(0)
    errors = [score_calibration.off(REFERENCE, ["score"], nights(rng, 10, 64, lambda _: 0.0))[0] for _ in range(30)]
    assert np.median([item.error for item in errors]) < 0.03  # undebiased, it would be .08
    assert np.mean([item.low == 0.0 for item in errors]) > 0.8


def test_scores_that_are_off_are_told_by_how_much_and_how_surely():
    found = score_calibration.off(REFERENCE, ["score"], nights(np.random.default_rng(1), 30, 640, lambda _: 0.08))[0]
    assert found.error == pytest.approx(0.08, abs=0.01)
    assert found.low < 0.08 < found.high
    assert sum(rows for rows, _, _ in found.curve) == found.labels == 30 * 640
    assert len(found.curve) <= score_calibration.POINTS


def test_what_is_off_on_single_nights_makes_it_less_sure_and_few_nights_say_nothing_of_that():
    rng = np.random.default_rng(2)
    steady, fickle = (
        score_calibration.off(REFERENCE, ["score"], nights(rng, 20, 640, off))[0]
        for off in (lambda _: 0.05, lambda night: 0.5 * (night % 10 == 0))
    )
    assert fickle.high - fickle.low > 2 * (steady.high - steady.low)
    assert score_calibration.off(REFERENCE, ["score"], nights(rng, 7, 640, lambda _: 0.05))[0].low is None


def test_the_slice_that_surely_parts_comes_before_a_small_one_that_may_be_luck():
    table = [[2_000, 600, 400.0], [16, 6, 3.2], [4, 4, 0.4], [500, 102, 100.0]]  # a, b, rare, missing
    known = [RealisedPartition(f"{number}", 1, 2_520, {}, {"kind": table}) for number in range(2)]
    found = score_calibration.slices(REFERENCE, ["kind"], known)
    assert [item.value for item in found] == ["a", "b", "missing"]
    assert (found[0].rows, found[0].apart, found[0].rates) == (4_000, pytest.approx(0.1), [0.3, 0.3])
    assert found[0].surely > 0.05
    assert found[1].surely == pytest.approx(0.0, abs=0.2)
