from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from leeway.core.errors import TrainingError
from leeway.definition import Boosting, Estimator, ExtraTrees, LightGBM, Logistic, XGBoost
from leeway.model.inputs import model_input
from leeway.training.trials import COPIES, encode, fit, learn, trials

SHARED_DATA = Path(__file__).parents[4] / "shared" / "data"
FEATURES = {
    "amount": "numeric",
    "empty": "numeric",
    "same": "numeric",
    "flag": "boolean",
    "kind": "categorical",
    "nothing": "categorical",
    "constant": "categorical",
    "note": "text",
    "silent": "text",
}
CANDIDATES = [
    Logistic(C=(1.0,)),
    Logistic(C=(1.0,), l1_ratio=(0.5,)),
    Boosting(max_leaf_nodes=(7,), max_iter=20),
    Boosting(max_leaf_nodes=(7,), max_iter=20, categories="ordered"),
    ExtraTrees(n_estimators=20, min_samples_leaf=(5,)),
    *([LightGBM(learning_rate=(0.1,), num_leaves=(7,), max_iter=20)] if find_spec("lightgbm") else []),
    *([XGBoost(learning_rate=(0.1,), max_leaves=(7,), max_iter=20)] if find_spec("xgboost") else []),
    Estimator(path="sklearn.linear_model.SGDClassifier", parameters={"loss": "log_loss", "max_iter": 5000}),
]


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
            "note": pd.Series(np.where(amount > 0, "thanks, all good", "where is my money?"), dtype="object").mask(
                rng.random(count) < 0.2
            ),
            "silent": None,
            "stranger": "not a feature",
        }
    )
    return rows, rng.random(count) < 1 / (1 + np.exp(-3 * amount))


@pytest.mark.parametrize("trial", list(trials(CANDIDATES)), ids=str)
def test_every_candidate_learns_from_nulls_constants_and_empty_columns_and_takes_what_it_never_saw(trial):
    rows, y = frame()
    pipeline = learn(trial, FEATURES, model_input(rows, FEATURES), y, seed=0)
    tonight, _ = frame(100, seed=1)
    tonight["kind"] = "never seen"
    tonight["nothing"] = "something at last"
    tonight["empty"] = 5.0
    tonight["note"] = "tschüß 👋"
    tonight.loc[::2, ["same", "constant", "note"]] = None
    p = pipeline.predict_proba(model_input(tonight, FEATURES))[:, 1]
    assert np.isfinite(p).all()
    assert p.std() > 0.05


@pytest.mark.parametrize(("categories", "told_apart"), [("ordered", False), ("sets", True)])
def test_one_split_cuts_the_list_of_categories_or_takes_a_set_of_them(categories, told_apart):
    x = pd.DataFrame({"kind": np.tile(list("abcdef"), 200), "noise": np.random.default_rng(0).normal(size=1200)})
    y = x["kind"].isin(["a", "c", "e"]).to_numpy()  # every second one of the list
    (trial,) = trials([Boosting(learning_rate=(0.5,), max_leaf_nodes=(2,), max_iter=1, categories=categories)])
    p = learn(trial, {"kind": "categorical", "noise": "numeric"}, x, y, 0).predict_proba(x)[:, 1]
    assert (roc_auc_score(y, p) == 1) is told_apart


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


SEVERAL = np.random.default_rng(3).integers(0, 4, 400)
TARGETS = {"codes": SEVERAL, "several labels": np.column_stack([SEVERAL == 0, SEVERAL > 1, SEVERAL == 3])}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("trial", list(trials(CANDIDATES)), ids=str)
def test_classes_and_several_labels_are_learnt_by_the_same_pipelines(trial, target):
    rows, _ = frame()
    y = TARGETS[target]
    rows["kind"] = pd.Series(SEVERAL).map(str)
    x = model_input(rows, FEATURES)
    p = learn(trial, FEATURES, x, y, seed=0).predict_proba(x)
    assert p.shape == (400, y.max() + 1 if y.ndim == 1 else y.shape[1])
    found = p.argmax(axis=1) == y if y.ndim == 1 else (p > 0.5) == y
    assert found.mean() > 0.9


def test_equal_rows_are_learnt_from_a_few_times_and_count_as_often_as_they_are():
    rows, y = frame(40)
    x = model_input(rows, FEATURES)
    often, outcome = pd.concat([x] * 200, ignore_index=True), np.tile(y, 200)
    encoded = encode("linear", FEATURES, often, outcome, 0)
    assert encoded.weights.sum() == pytest.approx(8_000)
    assert encoded.x.shape[0] == len(encoded.y) == COPIES * len(x.assign(y=y).drop_duplicates())
    trial = next(trials(CANDIDATES))
    weighted, repeated = (
        fit(trial, encoded, 0),
        fit(trial, replace(encoded, x=encoded.columns.transform(often), y=outcome, weights=None), 0),
    )
    assert weighted.coef_ == pytest.approx(repeated.coef_, abs=1e-3)
    few = pd.concat([x, x.head(1)], ignore_index=True)  # weights for one pair would cost more than they save
    assert encode("linear", FEATURES, few, np.append(y, y[0]), 0).weights is None
    missing = model_input(
        pd.DataFrame({"kind": pd.Series(["nan", None] * 500, dtype="object")}), {"kind": "categorical"}
    )
    assert encode("linear", {"kind": "categorical"}, missing, np.arange(1_000) % 4 < 2, 0).x.shape[0] == 4 * COPIES


@pytest.mark.parametrize(
    "candidate", [item for item in CANDIDATES if item.kind not in ("logistic", "estimator")], ids=str
)
def test_a_few_different_rows_that_occur_often_are_learnt_as_rows_that_all_differ(candidate):
    random = np.random.default_rng(0)
    kind, other = (pd.Series(random.choice(["a", "b"], 2_000, p=[0.7, 0.3])) for _ in range(2))
    y = (kind == other) ^ (random.random(2_000) < 0.1)  # no column alone tells
    x = model_input(pd.DataFrame({"kind": kind, "other": other}), {"kind": "categorical", "other": "categorical"})
    trial = next(trials((candidate,)))
    few = encode("trees", {"kind": "categorical", "other": "categorical"}, x, y.to_numpy(), 0)
    every = replace(few, x=few.columns.transform(x), y=y.to_numpy(), weights=None)
    assert few.x.shape[0] <= 8 * COPIES
    found, expected = (fit(trial, rows, 0).predict_proba(every.x)[:, 1] for rows in (few, every))
    assert roc_auc_score(y, found) == pytest.approx(roc_auc_score(y, expected), abs=0.01)
    assert roc_auc_score(y, found) > 0.75


def test_a_column_with_hundreds_of_values_is_learnt_out_of_fold_and_a_new_value_is_the_average():
    rng = np.random.default_rng(0)
    place = rng.integers(0, 300, 12_000)
    rows = pd.DataFrame(
        {"place": pd.Series([f"p{n}" for n in place], dtype="object"), "amount": rng.normal(size=12_000)}
    )
    features = {"place": "categorical", "amount": "numeric"}
    quality = rng.normal(size=300)
    y = rng.random(12_000) < 1 / (1 + np.exp(-2 * quality[place]))
    noise = rng.random(12_000) < 0.5
    x = model_input(rows, features)
    trial = next(trials([Boosting(max_leaf_nodes=(7,), max_iter=40)]))
    assert list(encode(trial.sees, features, x, y, 0).codes) == []
    kept = learn(trial, features, x[:9000], y[:9000], 0)
    assert roc_auc_score(y[9000:], kept.predict_proba(x[9000:])[:, 1]) > 0.8
    fooled = learn(trial, features, x[:9000], noise[:9000], 0)
    assert roc_auc_score(noise[:9000], fooled.predict_proba(x[:9000])[:, 1]) < 0.7  # it does not learn rows by heart
    new = kept.predict_proba(x.head(1).assign(place="never seen"))[0, 1]
    assert abs(new - y.mean()) < 0.2


def test_a_class_that_takes_no_sparse_matrix_is_given_a_dense_one_where_it_says_so():
    rng = np.random.default_rng(0)
    kinds = pd.DataFrame({f"kind {n}": rng.choice(list("abcdefgh"), 400) for n in range(3)})
    features, y = dict.fromkeys(kinds, "categorical"), rng.random(400) < 0.4
    x = model_input(kinds, features)

    def learnt(sees):
        (trial,) = trials([Estimator(path="sklearn.naive_bayes.GaussianNB", sees=sees)])
        return fit(trial, encode(sees, features, x, y, 0), 0)

    with pytest.raises(TypeError, match="Sparse data"):
        learnt("linear")
    assert learnt("dense").n_features_in_ == 24


def test_rows_that_are_all_equal_are_a_clear_error():
    rows = model_input(pd.DataFrame({"amount": [1.0] * 50}), {"amount": "numeric"})
    with pytest.raises(TrainingError, match=r"no feature has different values.*50 rows"):
        encode("linear", {"amount": "numeric"}, rows, np.arange(50) % 2 == 0, 0)


@pytest.mark.skipif(not (SHARED_DATA / "sms_spam.csv").exists(), reason="needs ../shared/data/sms_spam.csv")
@pytest.mark.parametrize(
    "trial", list(trials([Logistic(C=(1.0,)), Boosting(max_leaf_nodes=(15,), max_iter=80)])), ids=str
)
def test_real_messages_tell_spam(trial):
    data = pd.read_csv(SHARED_DATA / "sms_spam.csv")
    features = {"text": "text"}
    x, y = model_input(data, features), (data["type"] == "spam").to_numpy()
    train, test = train_test_split(np.arange(len(y)), test_size=0.25, stratify=y, random_state=0)
    pipeline = learn(trial, features, x.iloc[train], y[train], seed=0)
    assert roc_auc_score(y[test], pipeline.predict_proba(x.iloc[test])[:, 1]) >= 0.98
