import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from leeway.definition import Boosting, Logistic
from leeway.model.fast_pipeline import ByValue, quick
from leeway.model.inputs import model_input
from leeway.training import encoders, ensembling
from leeway.training.trials import Trial

FEATURES = {"kind": "categorical", "town": "categorical", "amount": "numeric", "note": "text"}


def rows_of(seed, count, unknown=0):
    """Rows with rare, missing and, where it is asked for, unknown categories."""
    rng = np.random.default_rng(seed)
    kinds = ["a", "b", None, *(["new"] * unknown)]
    return pd.DataFrame(
        {
            "kind": rng.choice(np.array(kinds, dtype=object), count),
            "town": np.where(rng.random(count) < 0.1, rng.choice([f"t{k}" for k in range(40)], count), "big"),
            "amount": rng.normal(size=count),
            "note": rng.choice(["a few words", "", "others"], count),
        }
    )


def same(one, two):
    assert sparse.issparse(one) == sparse.issparse(two)
    one, two = (part.toarray() if sparse.issparse(part) else part for part in (one, two))
    assert np.array_equal(one, two, equal_nan=True)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.sampled_from([1, 3, 200]), stored=st.sampled_from(["str", "object"]))
def test_encoders_asked_by_value_give_what_they_give_by_row(seed, count, stored):
    learnt = model_input(rows_of(seed, 300), FEATURES)
    y = np.arange(300) % 2 == 0
    others = rows_of(seed + 1, count, unknown=1).astype({"kind": stored, "town": stored})
    x = model_input(others, FEATURES)
    for columns in (encoders.linear(FEATURES), encoders.trees(FEATURES, frozenset(), 0)[0]):
        columns.fit(learnt, y)
        encoder, names = next((part, names) for name, part, names in columns.transformers_ if name == "categories")
        same(encoder.transform(x[names]), ByValue(encoder).transform(x[names]))


def test_a_vote_scores_alike_and_is_itself_left_as_it_was():
    x = model_input(rows_of(0, 400), FEATURES)
    y = np.random.default_rng(0).random(400) < 0.5
    trees = {"learning_rate": 0.1, "max_leaf_nodes": 7}
    members = [
        (Trial(Logistic(), {"C": 1.0}), 0.5),
        (Trial(Boosting(), trees, 5), 0.3),
        (Trial(Boosting(), trees, 9), 0.2),
    ]
    model = ensembling.learn(members, FEATURES, x, y, 0)
    same(model.predict_proba(x), quick(model).predict_proba(x))
    assert all(type(part).__module__.startswith("sklearn.") for _, part, _ in model.estimators_[0][0].transformers_)


@pytest.mark.parametrize("model", [object(), None])
def test_what_is_no_pipeline_is_left_alone(model):
    assert quick(model) is model
