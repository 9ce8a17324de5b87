import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from leeway.core.metrics import log_losses
from leeway.core.outputs import Outputs
from leeway.definition import Boosting, Logistic
from leeway.model import class_probabilities
from leeway.model.inputs import model_input
from leeway.training import ensembling
from leeway.training.trials import learn, trials

FEATURES = {"amount": "numeric", "kind": "categorical"}


def noisy(rng, y, error):
    odds = (2.0 * y - 1) + rng.normal(0, error, len(y))
    return (1 / (1 + np.exp(-odds)))[:, None]


def test_scores_that_err_differently_are_better_together_and_the_weights_say_how():
    rng = np.random.default_rng(0)
    y = rng.random(4000) < 0.4
    scores = [noisy(rng, y, 1.0), noisy(rng, y, 1.0), noisy(rng, y, 6.0)]
    weights = ensembling.chosen(y[:, None], scores, [1, 1, 1], 0.0001, False)
    assert weights.sum() == pytest.approx(1)
    assert weights[:2] == pytest.approx(0.5, abs=0.15)
    assert weights[2] < 0.1
    together = sum(weight * p for weight, p in zip(weights, scores, strict=True))
    assert log_losses(y[:, None], together).mean() < min(log_losses(y[:, None], p).mean() for p in scores)


def test_what_is_hardly_better_is_not_worth_ten_times_the_time():
    rng = np.random.default_rng(0)
    y = rng.random(4000) < 0.4
    fast, slow = noisy(rng, y, 1.0), noisy(rng, y, 0.98)
    assert ensembling.chosen(y[:, None], [fast, slow], [1, 200], 0.05, False).tolist() == [1, 0]
    assert ensembling.chosen(y[:, None], [fast, slow], [1, 200], 0.0, False)[1] > 0


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_a_vote_is_the_mean_of_its_members(kind):
    rng = np.random.default_rng(1)
    outputs = Outputs(kind, ("a",) if kind == "binary" else ("a", "b", "c"))
    x = model_input(pd.DataFrame({"amount": rng.normal(size=300), "kind": rng.choice(["x", "y"], 300)}), FEATURES)
    y = np.eye(3, dtype=bool)[np.digitize(x["amount"], [-0.5, 0.5])][:, : len(outputs.names)]
    target = class_probabilities.targets(outputs, y)
    tried = list(trials([Logistic(C=(1.0,)), Boosting(max_leaf_nodes=(3, 5), max_iter=5)]))
    model = ensembling.learn(list(zip(tried, (0.5, 0.3, 0.2), strict=True)), FEATURES, x, target, 0)
    alone = [class_probabilities.predict(learn(trial, FEATURES, x, target, 0), outputs, x) for trial in tried]
    mean = 0.5 * alone[0] + 0.3 * alone[1] + 0.2 * alone[2]
    assert class_probabilities.predict(model, outputs, x) == pytest.approx(mean, abs=1e-6)
    assert len(model.estimators_) == 2  # both of boosting's see the same encoded columns
    again = clone(model).fit(x, target)  # as the gates do, on other rows
    assert class_probabilities.predict(again, outputs, x) == pytest.approx(mean, abs=0.02)
