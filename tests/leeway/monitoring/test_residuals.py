import numpy as np
import pandas as pd
import pytest

from leeway.monitoring.residuals import SCORE, ColumnResidual
from leeway.monitoring.residuals import residuals as of_classes
from leeway.monitoring.sketch import Binning


def night(seed, count=2000, lift=0.0):
    """Scores that are right but for kind `b`, whose true probability is `lift` higher."""
    rng = np.random.default_rng(seed)
    x = pd.DataFrame({"kind": rng.choice(["a", "b", "c", "d"], count), "amount": rng.normal(size=count)})
    p = np.clip(0.3 + 0.1 * x["amount"].to_numpy(), 0.02, 0.9)
    true = np.clip(p + lift * (x["kind"] == "b").to_numpy(), 0, 1)
    return x, rng.random(count) < true, p


def residuals(binnings, x, y, p):
    """Those of one class."""
    columns = {name: binning for name, binning in binnings.items() if name != SCORE}
    return of_classes(columns, {"bad": binnings[SCORE]}, x, y[:, None], p[:, None])["bad"]


def binnings():
    x, _, p = night(999)
    return {
        "kind": Binning.learn(x["kind"], "categorical"),
        "amount": Binning.learn(x["amount"], "numeric"),
        SCORE: Binning.learn(pd.Series(p), "numeric"),
    }


def test_where_scores_are_right_residuals_are_what_chance_makes_of_them():
    found = [residuals(binnings(), *night(seed)) for seed in range(60)]
    for name in ("kind", "amount", SCORE):
        errors = np.array([item[name].mse for item in found])
        assert abs(errors.mean()) < 3 * errors.std() / np.sqrt(len(errors))


def test_one_misjudged_category_stands_out_in_its_own_column_by_as_much_as_it_is_misjudged():
    found = residuals(binnings(), *night(0, lift=0.3))
    assert max(found, key=lambda name: found[name].error) == "kind"
    assert found["kind"].error > 1.5 * found["amount"].error
    assert found["kind"].mse == pytest.approx(0.3**2 / 4, rel=0.3)  # a quarter of the rows


def test_scores_that_are_all_too_low_show_in_the_score_itself():
    x, y, p = night(0)
    found = residuals(binnings(), x, y, p / 3)
    assert found[SCORE].mse > 0.02


def test_no_rows_have_no_residual():
    x, y, p = night(0)
    assert {item.error for item in residuals(binnings(), x.iloc[:0], y[:0], p[:0]).values()} == {0.0}


def test_what_is_ordinary_is_taken_off_before_an_error_is_weighed():
    found = ColumnResidual(mse=0.05**2)
    assert found.beyond(0.03) == pytest.approx(0.04)
    assert found.beyond(0.06) == 0.0
    assert found.beyond(-0.03) > 0.05
    assert ColumnResidual(mse=-0.01).error == pytest.approx(-0.1)


def test_one_class_that_goes_wrong_is_not_lost_among_those_that_do_not():
    x, y, p = night(0, lift=0.3)
    rng = np.random.default_rng(5)
    others = rng.uniform(0.1, 0.9, (len(x), 4))
    classes = {
        name: Binning.learn(pd.Series(others[:, 0]), "numeric") for name in ("one", "two", "bad", "four", "five")
    }
    columns = {name: binning for name, binning in binnings().items() if name != SCORE}
    all_p = np.insert(others, 2, p, axis=1)
    all_y = np.insert(rng.random(others.shape) < others, 2, y, axis=1)
    found = of_classes(columns, classes, x, all_y, all_p)
    errors = {(name, column): item.error for name, of_class in found.items() for column, item in of_class.items()}
    assert max(errors, key=errors.get) == ("bad", "kind")
    alone = residuals(binnings(), x, y, p)
    assert {column: found["bad"][column].mse for column in columns} == pytest.approx(
        {column: alone[column].mse for column in columns}
    )
