from itertools import product

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, precision_score, recall_score, roc_auc_score

from leeway.detection.performance_metrics import METRICS, Usual, chance, decisions, performance


def of(q, p, decided, **options):
    given = {"exclusive": False, "judged": range(q.shape[1])} | options
    return dict(zip(METRICS, performance(q, p, decided, **given), strict=True))


def test_with_labels_the_metrics_are_the_usual_ones():
    rng = np.random.default_rng(0)
    p = rng.random(400).round(2)  # with ties
    y = rng.random(400) < p
    found = of(y[:, None].astype(float), p[:, None], p[:, None] >= 0.4)
    decided = p >= 0.4
    assert found["accuracy"] == pytest.approx(accuracy_score(y, decided))
    assert found["precision"] == pytest.approx(precision_score(y, decided))
    assert found["recall"] == pytest.approx(recall_score(y, decided))
    assert found["roc_auc"] == pytest.approx(roc_auc_score(y, p))
    assert found["log_loss"] == pytest.approx(log_loss(y, np.clip(p, 1e-6, 1 - 1e-6)))


def test_without_labels_they_are_what_all_possible_labels_give_on_average():
    q, p = np.array([[0.9], [0.4], [0.2], [0.6]]), np.array([[0.8], [0.5], [0.3], [0.5]])
    decided = p >= 0.5
    found = of(q, p, decided)
    accuracy = loss = ordered = pairs = 0.0
    for labels in product([0.0, 1.0], repeat=4):
        y = np.array(labels)[:, None]
        likelihood = float(np.where(y == 1, q, 1 - q).prod())
        own = of(y, p, decided)
        accuracy, loss = accuracy + likelihood * own["accuracy"], loss + likelihood * own["log_loss"]
        of_pairs = y.sum() * (1 - y).sum()
        pairs += likelihood * of_pairs
        ordered += likelihood * of_pairs * (own["roc_auc"] if of_pairs else 0.0)
    assert (found["accuracy"], found["log_loss"]) == (pytest.approx(accuracy), pytest.approx(loss))
    assert found["roc_auc"] == pytest.approx(ordered / pairs)
    assert found["precision"] == pytest.approx((0.9 + 0.4 + 0.6) / 3)
    assert found["recall"] == pytest.approx((0.9 + 0.4 + 0.6) / q.sum())


def test_of_classes_that_exclude_each_other_the_one_decided_for_must_hold():
    q = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    decided = np.array([[True, False, False], [False, True, False]])
    found = of(q, q, decided, exclusive=True)
    assert found["accuracy"] == pytest.approx((0.7 + 0.3) / 2)
    assert found["log_loss"] == pytest.approx(-(q * np.log(q)).sum() / 2)


@pytest.mark.parametrize("rows", [0, 1, 30])
def test_what_is_undefined_is_not_a_number_and_no_error(rows):
    nothing = np.zeros((rows, 1))
    found = of(nothing, nothing, nothing > 0)
    assert np.isnan([found["precision"], found["recall"], found["roc_auc"]]).all()
    assert np.isnan(found["accuracy"]) == (rows == 0)


def test_the_luck_of_labels_is_that_of_their_draws():
    rng = np.random.default_rng(1)
    p = rng.uniform(0.05, 0.95, (3_000, 1))
    found = chance(p, p, p >= 0.5, exclusive=False, judged=[0], rng=rng)
    likely = np.maximum(p, 1 - p)
    assert found[0] == pytest.approx(float((likely * (1 - likely)).mean()), rel=0.5)


def test_calibration_that_is_not_at_rest_is_told_from_luck():
    rng = np.random.default_rng(2)
    p = rng.uniform(0.05, 0.95, (40_000, 1))
    night = np.repeat(np.arange(40), 1_000)
    parts = [np.flatnonzero(night == place) for place in range(40)]
    off = 0.1 * rng.standard_normal(40)[night, None]
    for moved, low, high in ((0 * off, 0.0, 0.008), (off, 0.03, 0.15)):
        y = rng.random(p.shape) < np.clip(p + np.where(p >= 0.5, moved, -moved), 0, 1)
        usual = Usual.of(y, p, p >= 0.5, parts, exclusive=False, judged=[0], seed=0)
        assert low <= np.sqrt(usual.unrest[0]) <= high


@pytest.mark.parametrize(("accuracy", "more"), [(0.9, False), (0.87, False), (0.7, True)])
def test_decisions_are_surely_worse_where_neither_luck_nor_unrest_explains_it(accuracy, more):
    rng = np.random.default_rng(0)
    right = rng.binomial(300, 0.9, 30) / 300
    realised = [[value, 0.5, 0.5, 0.5, 0.5] for value in right]
    usual = Usual(rows=[300] * 30, realised=realised, expected=realised, chance=[0.09] * 5)
    found = decisions(usual, accuracy, 300)
    assert found.wrong == pytest.approx(1 - accuracy)
    assert found.usual == pytest.approx(1 - right.mean())
    assert (found.surely > 0) == more
    assert ("at least" in str(found)) == more
    assert str(decisions(usual, accuracy, 300, recall=0.11)).endswith("; recall 11%, usually 50%")
    assert decisions(usual.model_copy(update={"rows": [300] * 2, "realised": realised[:2]}), accuracy, 300) is None
