import os
import shutil
import time
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from leeway.core.errors import TrainingError
from leeway.core.metrics import log_losses
from leeway.definition import (
    CSV,
    Boosting,
    Classifier,
    Estimator,
    Label,
    Logistic,
    Training,
    categorical,
    days,
    numeric,
)
from leeway.model.inputs import model_input
from leeway.training.data_warnings import notes
from leeway.training.folds import folds, time_folds
from leeway.training.search import search as search_on
from leeway.training.trials import learn


def classifier(**training):
    return Classifier(
        source=CSV(path="x"),
        event_id="id",
        event_time="at",
        label=Label(column="bad", delay=days(1)),
        columns={"amount": numeric(), "kind": categorical(), "late": numeric()},
        candidates=(Logistic(C=(1e-6, 1.0)), Boosting(max_leaf_nodes=(7,), max_iter=20)),
        training=Training(**{"folds": 3, "latency_worth": None, **training}),
    )


def development(count=500, seed=0):
    rng = np.random.default_rng(seed)
    amount = rng.normal(size=count)
    late = np.where(np.arange(count) < count / 2, np.nan, rng.normal(size=count))  # empty in the first folds
    rows = pd.DataFrame({"amount": amount, "kind": rng.choice(["a", "b"], count), "late": late})
    return model_input(rows, classifier().features), (rng.random(count) < 1 / (1 + np.exp(-2 * amount)))[:, None]


def search(declared, x, y, *progress):
    rows = pd.DataFrame({"event_time": pd.date_range("2026-01-01", periods=len(x), freq="h", tz="UTC")})
    return search_on(declared, x, y, folds(declared, rows, y), *progress)


@pytest.mark.parametrize("by", ["log_loss", "roc_auc", "average_precision"])
def test_the_trial_with_the_best_out_of_fold_metric_is_kept(by):
    x, y = development()
    outcome = search(classifier(select_by=by), x, y)
    assert len(outcome.results) == 3
    best = min if by == "log_loss" else max
    assert str(outcome.trial) == best(outcome.results, key=lambda name: outcome.results[name])
    assert (outcome.rows == np.arange(125, 500)).all()
    if by == "log_loss":
        loss = log_losses(y[outcome.rows], outcome.scores).mean()
        assert outcome.results[str(outcome.trial)] == pytest.approx(loss)


def test_the_same_rows_have_the_same_outcome_and_progress_names_every_trial():
    x, y = development()
    told = []
    first = search(classifier(), x, y, lambda text, share: told.append((share, text)))
    second = search(classifier(), x, y)
    assert first.trial == second.trial
    assert first.results == second.results
    assert (first.scores == second.scores).all()
    assert [text for _, text in told] == list(first.results)
    assert sorted(told) == told
    assert all(0 <= share < 1 for share, _ in told)


def test_out_of_fold_scores_do_not_depend_on_what_lies_after():
    x, y = development()
    changed_x, changed_y = x.copy(), y.copy()
    changed_x.iloc[375:, 0], changed_y[375:] = -9.0, ~y[375:]
    one = classifier().model_copy(update={"candidates": (Logistic(C=(1.0,)),)})
    before, after = search(one, x, y), search(one, changed_x, changed_y)
    assert (before.scores[:250] == after.scores[:250]).all()


def test_boosting_stops_where_the_folds_together_have_the_least_loss_and_says_after_how_many_iterations():
    x, y = development(800)
    greedy = classifier().model_copy(update={"candidates": (Boosting(learning_rate=(0.5,), max_leaf_nodes=(31,)),)})
    outcome = search(greedy, x, y)
    assert 1 <= outcome.trial.iterations < 40  # of 300
    assert str(outcome.trial) == "boosting(learning_rate=0.5, max_leaf_nodes=31)"
    fixed = greedy.candidates[0].model_copy(update={"max_iter": 1})
    shorter = search(greedy.model_copy(update={"candidates": (fixed,)}), x, y)
    assert shorter.trial.iterations == 1
    assert outcome.results[str(outcome.trial)] <= shorter.results[str(shorter.trial)]
    pipeline = learn(outcome.trial, greedy.features, x, y[:, 0], 0)
    assert pipeline[-1].n_iter_ == outcome.trial.iterations


class Raising(LogisticRegression):
    """It learns nothing."""

    def fit(self, X, y):
        raise RuntimeError("no, thank you")


class Endless(LogisticRegression):
    """It never ends."""

    def fit(self, X, y):
        time.sleep(600)


class Wild(LogisticRegression):
    """Its probabilities are none."""

    def predict_proba(self, X):
        return np.full((X.shape[0], 2), np.nan)


class Deadly(LogisticRegression):
    """It takes its process with it."""

    def fit(self, X, y):
        os._exit(3)


@pytest.fixture
def own(tmp_path, monkeypatch):
    """This file as a module that another process can import."""
    shutil.copy(__file__, tmp_path / "own_estimators.py")
    monkeypatch.syspath_prepend(tmp_path)
    return lambda name: Estimator(path=f"own_estimators.{name}")


@pytest.mark.system
def test_a_candidate_that_raises_hangs_dies_or_says_nonsense_is_told_and_the_search_goes_on(own):
    x, y = development()
    names = ("Raising", "Endless", "Wild", "Deadly")
    candidates = (Logistic(C=(1.0,)), *(own(name) for name in names))
    declared = classifier(budget=timedelta(seconds=10)).model_copy(update={"candidates": candidates})
    outcome = search(declared, x, y)
    assert str(outcome.trial) == "logistic(C=1.0)"
    why = {name: outcome.failures[f"own_estimators.{name}()"] for name in names}
    assert why["Raising"] == "RuntimeError: no, thank you"
    assert "2 seconds" in why["Endless"]
    assert "not numbers" in why["Wild"]
    assert why["Deadly"] == "its process died, with exit code 3"


@pytest.mark.system
def test_where_all_fail_the_error_says_why_and_a_class_that_is_not_there_is_one_at_once(own):
    x, y = development(100)
    declared = classifier().model_copy(update={"candidates": (own("Raising"),)})
    with pytest.raises(TrainingError, match=r"every candidate failed.*no, thank you"):
        search(declared, x, y)
    missing = classifier().model_copy(update={"candidates": (Logistic(), Estimator(path="nowhere.Nothing"))})
    with pytest.raises(TrainingError, match=r"is not installed.*No module named 'nowhere'"):
        search(missing, x, y)


@pytest.mark.system
def test_an_estimator_of_ones_own_is_tried_in_a_process_of_its_own_and_can_win():
    x, y = development()
    own = Estimator(path="sklearn.linear_model.LogisticRegression", parameters={"C": 1.0})
    here = classifier().model_copy(update={"candidates": (Logistic(C=(1.0,)),)})
    outcome = search(here.model_copy(update={"candidates": (Logistic(C=(1e-6,)), own)}), x, y)
    assert str(outcome.trial) == "sklearn.linear_model.LogisticRegression(C=1.0)"
    assert outcome.scores == pytest.approx(search(here, x, y).scores, abs=1e-3)


def test_little_time_drops_the_weak_on_few_rows_and_the_same_plan_gives_the_same_outcome():
    x, y = development(12_000)
    candidates = (Logistic(C=(1e-6, 1e-5, 1.0)), Boosting(max_leaf_nodes=(7,), max_iter=20))
    declared = classifier(budget=timedelta(seconds=0.4)).model_copy(update={"candidates": candidates})
    first, second = search(declared, x, y), search(declared, x, y)
    assert first.results == second.results
    assert (first.scores == second.scores).all()
    full = {name for name, share in first.shares.items() if share == 1}
    assert str(first.trial) in full < set(first.results)
    assert {"logistic(C=1e-06)", "logistic(C=1e-05)"}.isdisjoint(full)


def test_time_that_is_up_is_told(monkeypatch):
    x, y = development()
    monkeypatch.setattr("leeway.training.search.LATE", 0.0)
    outcome = search(classifier(), x, y)
    left = "logistic(C=1.0), boosting(learning_rate=0.08, max_leaf_nodes=7, max_iter=20)"
    assert outcome.cut_short == f"time was up before 2 trials: {left}"
    assert str(outcome.trial) == "logistic(C=1e-06)"


def test_what_is_odd_is_said_in_words_and_stops_nothing():
    x, y = development()
    rows = x.assign(same=1.0, amount=x["amount"].where(x["amount"] < 1.5, np.inf))
    features = {**classifier().features, "same": "numeric"}
    seen = model_input(rows, features)
    y[:125] = False
    cut = time_folds(len(x), 3)
    outputs, scored = classifier().label.outputs, len(x) - 125
    told = notes(features, outputs, rows, seen, y, cut, y[-scored:].astype(float), 1)
    assert told == [
        f"amount is infinite in {int(np.isinf(rows['amount']).sum())} rows, which was taken as missing",
        "same never varies, so nothing was learnt from it",
        "late is empty in all rows that 2 of 3 folds learnt from",
        "late is empty in all rows that 1 of 3 folds validated on",
        "1 of 4 folds were left out: all labels of a side are the same",
        "no row that 1 of 3 folds learnt from is true",
        "the columns predict the label nearly without error: does one of them leak it?",
    ]
