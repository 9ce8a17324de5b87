import numpy as np
import pandas as pd
import pytest

from leeway.definition import CSV, Boosting, Classifier, Label, Logistic, Training, categorical, days, numeric
from leeway.metrics import log_losses
from leeway.training.candidates import learn, model_input
from leeway.training.folds import folds
from leeway.training.search import search as search_on


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
