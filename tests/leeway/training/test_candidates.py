import numpy as np
import pandas as pd
import pytest

from leeway.definition import Boosting, Logistic
from leeway.outputs import Outputs
from leeway.training.candidates import learn, model_input, trials

FEATURES = {
    "amount": "numeric",
    "empty": "numeric",
    "same": "numeric",
    "flag": "boolean",
    "kind": "categorical",
    "nothing": "categorical",
    "constant": "categorical",
}
CANDIDATES = [Logistic(C=(1.0,)), Boosting(max_leaf_nodes=(7,), max_iter=20)]


def frame(count=400, seed=0):
    rng = np.random.default_rng(seed)
    amount = rng.normal(size=count)
    rows = pd.DataFrame(
        {
            "amount": np.where(rng.random(count) < 0.1, np.nan, amount),
            "empty": np.full(count, np.nan),
            "same": 3.0,
            "flag": pd.Series(rng.choice([True, False, None], count), dtype="object"),
            "kind": pd.Series(rng.choice(["a", "b", None], count), dtype="object"),
            "nothing": pd.Series([None] * count, dtype="object"),
            "constant": "x",
            "stranger": "not a feature",
        }
    )
    return rows, rng.random(count) < 1 / (1 + np.exp(-3 * amount))


@pytest.mark.parametrize("trial", list(trials(CANDIDATES)), ids=str)
def test_every_candidate_learns_from_nulls_constants_and_empty_columns_and_takes_what_it_never_saw(trial):
    rows, y = frame()
    pipeline = learn(trial, FEATURES, Outputs("binary", ("bad",)), model_input(rows, FEATURES), y[:, None], seed=0)
    tonight, _ = frame(100, seed=1)
    tonight["kind"] = "never seen"
    tonight["nothing"] = "something at last"
    tonight["empty"] = 5.0
    tonight.loc[::2, ["same", "constant"]] = None
    p = pipeline.predict_proba(model_input(tonight, FEATURES))[:, 1]
    assert np.isfinite(p).all()
    assert p.std() > 0.05


def test_every_combination_is_tried_in_the_order_of_the_definition():
    found = list(trials([Logistic(C=(0.1, 2.0)), Boosting(learning_rate=(0.1, 0.2), max_leaf_nodes=(7, 15))]))
    assert [str(trial) for trial in found] == [
        "logistic(C=0.1)",
        "logistic(C=2.0)",
        "boosting(learning_rate=0.1, max_leaf_nodes=7)",
        "boosting(learning_rate=0.1, max_leaf_nodes=15)",
        "boosting(learning_rate=0.2, max_leaf_nodes=7)",
        "boosting(learning_rate=0.2, max_leaf_nodes=15)",
    ]


def test_a_chunk_and_one_row_become_the_same_input_as_the_whole():
    rows, _ = frame(60)
    whole = model_input(rows, FEATURES)
    assert list(whole.columns) == list(FEATURES)
    chunks = [model_input(rows.iloc[start : start + 1], FEATURES) for start in range(60)]
    pd.testing.assert_frame_equal(pd.concat(chunks), whole)
