"""What every kind of candidate must do; a new one is tested here as soon as it is in the list."""

import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone

from leeway.core.errors import TrainingError
from leeway.core.outputs import Outputs
from leeway.definition import Boosting, Estimator, ExtraTrees, LightGBM, Logistic, XGBoost
from leeway.definition.candidates import CANDIDATES
from leeway.model import class_probabilities
from leeway.model.bundle import TRUSTED_TYPES
from leeway.training.learners import LEARNERS, Size, learner_of, must_be_there, why_not
from leeway.training.learners.booster import PATIENCE, Booster
from leeway.training.trials import best_iterations, encode, fit, learn, probabilities, trials

#: One small trial of each kind.
SMALL = {
    "logistic": Logistic(C=(1.0,)),
    "boosting": Boosting(learning_rate=(0.1,), max_leaf_nodes=(7,), max_iter=60),
    "extra_trees": ExtraTrees(n_estimators=20, min_samples_leaf=(5,)),
    "lightgbm": LightGBM(learning_rate=(0.1,), num_leaves=(7,), max_iter=60),
    "xgboost": XGBoost(learning_rate=(0.1,), max_leaves=(7,), max_iter=60),
    "estimator": Estimator(path="sklearn.naive_bayes.GaussianNB", sees="dense"),
}
ROOT = Path(__file__).parents[4]
FEATURES = {"amount": "numeric", "kind": "categorical"}
SIZE = Size(rows=(10_000, 20_000), all_rows=25_000, columns=20, outputs=1)


def kinds(only=object):
    return [
        pytest.param(
            learner,
            id=learner.declaration.model_fields["kind"].default,
            marks=pytest.mark.skipif(
                (extra := learner.declaration.extra) is not None and find_spec(extra) is None, reason=f"needs {extra}"
            ),
        )
        for learner in LEARNERS
        if isinstance(learner, only)
    ]


def trial_of(learner):
    (trial,) = trials([SMALL[learner.declaration.model_fields["kind"].default]])
    return trial


def data(count=600, seed=0):
    rng = np.random.default_rng(seed)
    amount = np.where(rng.random(count) < 0.1, np.nan, rng.normal(size=count))
    x = pd.DataFrame({"amount": amount, "kind": pd.Series(rng.choice(["a", "b", "c"], count), dtype="object")})
    odds = 2 * np.nan_to_num(amount) + np.where(x["kind"] == "b", 1.5, -0.5)
    return x, rng.random(count) < 1 / (1 + np.exp(-odds))


def test_every_declaration_has_one_learner_and_no_two_share_a_name():
    assert [learner.declaration for learner in LEARNERS] == list(CANDIDATES)
    assert [declaration.model_fields["kind"].default for declaration in CANDIDATES] == list(SMALL)
    assert all(learner_of(SMALL[name]).declaration is type(SMALL[name]) for name in SMALL)


@pytest.mark.parametrize("learner", kinds())
def test_it_learns_what_there_is_the_same_each_time(learner):
    x, y = data()
    trial = trial_of(learner)
    first, second = (learn(trial, FEATURES, x, y, seed=3).predict_proba(x) for _ in range(2))
    assert (first == second).all()
    assert first[y, 1].mean() - first[~y, 1].mean() > 0.2


@pytest.mark.parametrize("learner", kinds())
def test_classes_whose_codes_have_a_gap_are_learnt_and_learnt_anew(learner):
    x, y = data()
    codes = np.where(x["kind"] == "a", 3, np.where(y, 2, 0))
    made = learn(trial_of(learner), FEATURES, x, codes, seed=0)
    outputs = Outputs("multiclass", ("zero", "never", "two", "three"))
    p = class_probabilities.predict(made, outputs, x)
    assert p.shape == (len(x), 4)
    assert (p[:, 1] == 0).all()
    assert (p.argmax(axis=1) == codes).mean() > 0.7
    few = np.flatnonzero(codes != 2)  # as a gate learns from a part of the rows, in which a class may be missing
    again = clone(made).fit(x.iloc[few], codes[few])
    assert again.classes_.tolist() == [0, 3]


@pytest.mark.parametrize("learner", kinds())
def test_its_bundle_holds_only_types_on_the_list_and_scores_the_same_when_loaded(learner):
    x, y = data()
    for outcome in (y, np.where(x["kind"] == "a", 2, y)):
        made = learn(trial_of(learner), FEATURES, x, outcome, seed=0)
        content = skops.io.dumps(made)
        unknown = skops.io.get_untrusted_types(data=content)
        assert set(unknown) <= TRUSTED_TYPES
        assert (skops.io.loads(content, trusted=unknown).predict_proba(x) == made.predict_proba(x)).all()


NEW_PROCESS = """
import sys, pandas, skops.io
folder = sys.argv[1]
content = open(f"{folder}/model.skops", "rb").read()
model = skops.io.loads(content, trusted=skops.io.get_untrusted_types(data=content))
print(*(p.hex() for p in model.predict_proba(pandas.read_parquet(f"{folder}/rows.parquet"))[:, 1].tolist()))
"""


@pytest.mark.parametrize("learner", [case for case in kinds() if case.values[0].declaration.extra is not None])
@pytest.mark.system
def test_one_of_another_library_scores_the_same_in_a_new_process_to_the_bit(learner, tmp_path):
    x, y = data()
    made = learn(trial_of(learner), FEATURES, x, y, seed=0)
    (tmp_path / "model.skops").write_bytes(skops.io.dumps(made))
    x.to_parquet(tmp_path / "rows.parquet")
    done = subprocess.run(
        [sys.executable, "-c", NEW_PROCESS, str(tmp_path)], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == [float(p).hex() for p in made.predict_proba(x)[:, 1].tolist()]


@pytest.mark.parametrize("learner", kinds())
def test_its_cost_grows_with_the_rows_unless_nobody_knows_it(learner):
    trial = trial_of(learner)
    few, many = trial.seconds(1_000, SIZE), trial.seconds(10_000, SIZE)
    assert (few == many == 0) if not learner.is_bounded else 0 < few < many
    assert trial.microseconds(SIZE) > 0


@pytest.mark.parametrize("learner", kinds(Booster))
def test_boosting_stops_where_the_watched_loss_no_longer_falls_and_predicts_after_that_many(learner):
    x, y = data(2_000)
    trial, (other, truth) = trial_of(learner), data(1_000, seed=1)
    trial = type(trial)(trial.candidate.model_copy(update={"max_iter": 2_000}), trial.parameters)
    rows = encode(trial.sees, FEATURES, x, y, 0)
    seen = rows.columns.transform(other)
    for target, held_out in ((y, truth), (np.where(x["kind"] == "a", 3, y), np.where(other["kind"] == "a", 3, truth))):
        watched = fit(trial, encode(trial.sees, FEATURES, x, target, 0), 0, watch=(seen, held_out))
        best = best_iterations(trial, [watched], [1_000])
        assert 5 < best < 500
        curve = learner.curve(watched)
        p = probabilities(trial, watched, seen, best)
        loss = -np.log(p[np.arange(1_000), np.searchsorted(np.unique(target), held_out)]).mean()
        assert -curve[best] == pytest.approx(loss, rel=1e-3)
        assert len(curve) <= best + 2 * PATIENCE + 20


@pytest.mark.parametrize("learner", kinds(Booster))
def test_many_classes_and_labels_that_nobody_watches_have_fewer_iterations(learner):
    candidate = SMALL[learner.declaration.model_fields["kind"].default].model_copy(update={"max_iter": 2_000})
    parameters = {name: values[0] for name, values in learner.grid(candidate).items()}
    assert learner.iterations(candidate, parameters, np.arange(2)) == 2_000
    assert learner.iterations(candidate, parameters, np.arange(101)) == 20
    assert learner.iterations(candidate, parameters, np.zeros((5, 3))) == 150
    assert learner.after(candidate, 100, 2.0) == 200 + PATIENCE
    assert learner.after(candidate, None, 2.0) is None


@pytest.mark.parametrize("name", [name for name in SMALL if SMALL[name].extra is not None])
def test_a_candidate_whose_extra_is_not_installed_is_refused_with_the_way_to_install_it(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    kind = type(SMALL[name]).__name__
    expected = rf"making the candidate {kind}: its class is not installed.*pip install leeway\[{name}\]"
    with pytest.raises(TrainingError, match=expected):
        must_be_there([SMALL["logistic"], SMALL[name]])
    assert f"pip install leeway[{name}]" in why_not(SMALL[name])


@pytest.mark.parametrize("learner", kinds())
def test_nothing_speaks_against_what_is_installed(learner):
    assert why_not(trial_of(learner).candidate) is None


def test_every_extra_is_one_of_the_package_and_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras, lock = project["optional-dependencies"], (ROOT / "requirements.lock").read_text()
    for declaration in CANDIDATES:
        if declaration.extra is not None:
            assert declaration.extra in extras
            assert all(f"\n{name}==" in lock for name in declaration.libraries)
