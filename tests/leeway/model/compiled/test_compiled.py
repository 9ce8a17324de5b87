"""A compiled bundle gives what the bundle gives, whatever it was made of and whatever a row holds."""

from functools import cache
from types import SimpleNamespace
from typing import NamedTuple

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leeway.core.errors import BundleError
from leeway.core.outputs import Outputs
from leeway.definition import Boosting, ExtraTrees, LightGBM, Logistic, XGBoost
from leeway.model import calibration, class_probabilities
from leeway.model.bundle import Bundle
from leeway.model.compiled import Compiled, Description, build
from leeway.model.compiled.describe import describe
from leeway.model.compiled.text import bucket, murmur
from leeway.model.inputs import model_input, plain_rows
from leeway.training import ensembling
from leeway.training.trials import Trial

ROWS = 600
FEATURES = {
    "kind": "categorical",
    "town": "categorical",
    "street": "categorical",
    "amount": "numeric",
    "count": "numeric",
    "flag": "boolean",
    "empty": "numeric",
    "note": "text",
}
NAMES = {"binary": ("yes",), "multiclass": ("w", "x", "y", "z"), "multilabel": ("a", "b", "never")}
METHODS = ("none", "sigmoid", "isotonic", "temperature")
FAST = {"learning_rate": 0.3, "max_leaf_nodes": 15}
CANDIDATES = {
    "logistic": [(Trial(Logistic(), {"C": 1.0}), 1.0)],
    "ordered": [(Trial(Boosting(categories="ordered"), FAST, 12), 1.0)],
    "sets": [(Trial(Boosting(categories="sets"), FAST, 12), 1.0)],
    "extra trees": [(Trial(ExtraTrees(n_estimators=8), {"min_samples_leaf": 1}), 1.0)],
    "lightgbm": [(Trial(LightGBM(), {"learning_rate": 0.3, "num_leaves": 15}, 12), 1.0)],
    "xgboost": [(Trial(XGBoost(), {"learning_rate": 0.3, "max_leaves": 15}, 12), 1.0)],
    "vote": [
        (Trial(Logistic(), {"C": 1.0}), 0.5),
        (Trial(Boosting(categories="ordered"), FAST, 5), 0.3),
        (Trial(Boosting(categories="sets"), FAST, 9), 0.2),
    ],
}
TEXTS = ["a few words", "", "others are here", "Ünï 漢字 code!! http://x.y", "short a bb ccc dddd"]


class Made(NamedTuple):
    bundle: Bundle
    compiled: Compiled


def table(seed, rows):
    random = np.random.default_rng(seed)
    amount = random.normal(size=rows) * 100
    amount[random.random(rows) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "kind": random.choice(np.array(["a", "b", None], dtype=object), rows),
            "town": np.where(random.random(rows) < 0.1, random.choice([f"t{k}" for k in range(40)], rows), "big"),
            "street": random.choice([f"s{k}" for k in range(300)], rows),
            "amount": amount,
            "count": random.integers(0, 9, rows).astype("float64"),
            "flag": random.random(rows) < 0.5,
            "empty": np.where(np.arange(rows) == 0, 1.0, np.nan),
            "note": random.choice(TEXTS, rows),
        }
    )


@cache
def learnt(candidate, kind):
    rows, random = table(0, ROWS), np.random.default_rng(5)
    x = model_input(rows, FEATURES)
    score = np.nan_to_num(x["amount"]) / 100 + (x["kind"] == "a") + x["count"] / 5 + random.normal(size=ROWS)
    y = {
        "binary": (score > 1).to_numpy()[:, None],
        "multiclass": np.digitize(score, [-0.5, 0.5, 1.5])[:, None] == np.arange(4),
        "multilabel": np.column_stack([score > 1, score < 0, np.zeros(ROWS, dtype=bool)]),
    }[kind]
    outputs = Outputs(kind, NAMES[kind])
    pipeline = ensembling.learn(CANDIDATES[candidate], FEATURES, x, class_probabilities.targets(outputs, y), 0)
    return y, class_probabilities.predict(pipeline, outputs, x), pipeline


@cache
def made(candidate, kind, method):
    y, scores, pipeline = learnt(candidate, kind)
    names = list(NAMES[kind])
    card = SimpleNamespace(features=FEATURES, kind=kind, classes=names)
    bundle = Bundle(None, card, pipeline, calibration.fit([method] * len(names), y, scores))
    written = msgspec.json.encode(describe(FEATURES, bundle.outputs, pipeline, bundle.calibrators))
    return Made(bundle, build(msgspec.json.decode(written, type=Description)))


def difference(own, rows):
    want = own.bundle.score(rows)
    got = np.array([own.compiled.score(row) for row in plain_rows(model_input(rows, FEATURES), FEATURES)])
    return float(np.abs(got - want).max())


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("candidate", CANDIDATES)
def test_every_candidate_and_kind_of_label_scores_as_the_bundle_does(candidate, kind):
    assert difference(made(candidate, kind, "sigmoid"), table(9, 60)) < 1e-14


@pytest.mark.parametrize("kind", NAMES)
def test_every_calibrator_gives_what_the_bundles_gives(kind):
    for method in METHODS if kind == "multiclass" else METHODS[:-1]:
        assert difference(made("ordered", kind, method), table(9, 200)) < 1e-14


NUMBERS = st.floats(width=32) | st.sampled_from([0.0, -0.0, 5e-324, 1e30, 3.0, 4.0, np.nan, np.inf])
WORDS = st.text(max_size=30) | st.sampled_from([*TEXTS, "a", "big", "word " * 50])
ROW = st.fixed_dictionaries(
    {
        "kind": st.none() | WORDS,
        "town": st.none() | WORDS | st.sampled_from(["t1", "t2"]),
        "street": st.none() | WORDS | st.sampled_from(["s1", "s299"]),
        "amount": NUMBERS,
        "count": NUMBERS,
        "flag": st.booleans() | st.none(),
        "empty": NUMBERS,
        "note": WORDS,
    }
)


@settings(max_examples=50)
@given(st.sampled_from(sorted(CANDIDATES)), st.sampled_from(sorted(NAMES)), st.lists(ROW, min_size=1, max_size=6))
def test_hostile_rows_score_as_the_bundle_scores_them(candidate, kind, rows):
    frame = pd.DataFrame(rows, columns=list(FEATURES)).astype({"kind": object, "town": object, "street": object})
    assert difference(made(candidate, kind, "sigmoid"), frame) < 1e-12


def test_many_values_of_a_category_become_the_means_that_the_bundle_learnt(monkeypatch):
    monkeypatch.setattr("leeway.training.encoders.MOST_CODES", 3)
    monkeypatch.setattr("leeway.training.encoders.RARE", 1)
    for kind in ("binary", "multiclass"):
        learnt.cache_clear()
        made.cache_clear()
        own = made("sets", kind, "none")
        assert "means" in {name for name, _, _ in own.bundle.pipeline[0].transformers_}
        assert difference(own, table(9, 60)) < 1e-14
    learnt.cache_clear()
    made.cache_clear()


def test_a_number_without_a_float_of_4_bytes_is_refused_where_trees_round_to_them():
    own = made("extra trees", "binary", "none")
    row = plain_rows(model_input(table(9, 1), FEATURES), FEATURES)[0]
    with pytest.raises(OverflowError):
        own.compiled.score({**row, "amount": 1e39})


def test_a_bundle_with_a_part_of_somebody_elses_is_not_compiled():
    from sklearn.naive_bayes import GaussianNB

    own = made("ordered", "binary", "none")
    pipeline = type(own.bundle.pipeline)([*own.bundle.pipeline.steps[:-1], ("estimator", GaussianNB())])
    with pytest.raises(BundleError, match="GaussianNB"):
        describe(FEATURES, own.bundle.outputs, pipeline, [None])


@given(st.text())
def test_words_are_hashed_as_scikit_learn_hashes_them(text):
    from sklearn.utils import murmurhash3_32

    data = text.encode()
    assert murmur(data) == murmurhash3_32(data, seed=0)
    assert 0 <= bucket(text, 4096) < 4096


def test_deep_trees_are_compiled_in_parts(monkeypatch):
    monkeypatch.setattr("leeway.model.compiled.trees.DEEPEST", 3)
    for candidate in ("sets", "extra trees", "xgboost"):
        made.cache_clear()
        assert difference(made(candidate, "binary", "none"), table(9, 60)) < 1e-14
    made.cache_clear()
