import numpy as np
import pandas as pd
import pytest

from leeway.core.outputs import Outputs
from leeway.definition import Boosting, Logistic
from leeway.model import class_probabilities
from leeway.model.inputs import model_input
from leeway.training.trials import learn, trials

FEATURES = {"amount": "numeric", "kind": "categorical"}
TRIALS = list(trials([Logistic(C=(1.0,)), Boosting(max_leaf_nodes=(7,), max_iter=20, min_samples_leaf=5)]))
NAMES = ("low", "middle", "high", "rare", "never")


def development(count=400, seed=0):
    """`low`, `middle` and `high` follow from the amount, one row is `rare`, and none `never`."""
    rng = np.random.default_rng(seed)
    amount = rng.normal(size=count)
    y = np.zeros((count, 5), dtype=bool)
    y[np.arange(count), np.digitize(amount + 0.2 * rng.normal(size=count), [-0.5, 0.5])] = True
    y[7] = [False, False, False, True, False]
    return model_input(pd.DataFrame({"amount": amount, "kind": rng.choice(["a", "b"], count)}), FEATURES), y


def learnt(trial, outputs, x, y):
    """What a trial that learnt from rows says of them."""
    return class_probabilities.predict(
        learn(trial, FEATURES, x, class_probabilities.targets(outputs, y), 0), outputs, x
    )


@pytest.mark.parametrize("kind", ["multiclass", "multilabel"])
@pytest.mark.parametrize("trial", TRIALS, ids=str)
def test_rare_and_absent_classes_do_not_stop_a_trial_and_every_class_has_its_column(trial, kind):
    x, y = development()
    outputs = Outputs(kind, NAMES)
    p = learnt(trial, outputs, x, y)
    assert p.shape == y.shape
    assert ((p >= 0) & (p <= 1)).all()
    assert (p[:, 4] == 0).all()
    assert (p[:, :3].argmax(axis=1) == y[:, :3].argmax(axis=1)).mean() > 0.7
    if kind == "multiclass":
        assert p.sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("trial", TRIALS, ids=str)
def test_labels_that_do_not_exclude_each_other_are_learnt_each_by_itself(trial):
    x, y = development()
    rng = np.random.default_rng(1)
    both = np.column_stack([y[:, 0], rng.random(len(y)) < 0.5, np.ones(len(y), dtype=bool)])
    outputs = Outputs("multilabel", ("low", "coin", "always"))
    p = learnt(trial, outputs, x, both)
    alone = Outputs("binary", ("low",))
    assert p[:, [0]] == pytest.approx(learnt(trial, alone, x, both[:, :1]))
    assert (p[:, 2] == 1).all()


def test_one_row_gets_the_probability_that_it_has_among_many():
    x, y = development()
    outputs = Outputs("binary", ("high",))
    model = learn(TRIALS[1], FEATURES, x, class_probabilities.targets(outputs, y[:, [2]]), 0)
    among = class_probabilities.predict(model, outputs, x)
    assert len(x) > class_probabilities.FEW
    alone = [class_probabilities.predict(model, outputs, x.iloc[[place]])[0, 0] for place in range(5)]
    assert alone == among[:5, 0].tolist()
