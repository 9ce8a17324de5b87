from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression

from leeway import catalog, judging, probing, registry
from leeway.errors import BundleError
from leeway.gates import GATES, examine
from tests.conftest import making
from tests.leeway.conftest import World

pytestmark = pytest.mark.xdist_group("probing")


@pytest.fixture(scope="module")
def bench(server, tmp_path_factory):
    """A boosted challenger of the toy classifier on its bench, and the evidence it is of."""
    with pytest.MonkeyPatch.context() as patch, making(server, tmp_path_factory.mktemp("bench"), patch) as project:
        world = World(project, catalog.load(project.declare())).redeclare(
            "Logistic(C=(1.0,)), Boosting(max_leaf_nodes=(7,), max_iter=20)",
            "Boosting(max_leaf_nodes=(7,), max_iter=20),",
        )
        world.fill(count=20, rows=60)
        made = registry.made(world.name, world.train(20)[0])
        with judging.evidence_of(world.classifier, made, None) as evidence:
            yield evidence


def test_a_sound_challenger_passes_every_gate_that_tries_something(bench):
    verdicts = examine([gate for gate in GATES if gate.tries], bench)
    assert {verdict.outcome for verdict in verdicts} == {"pass"}, verdicts


def test_baselines_are_what_is_known_without_a_model(bench):
    share, rule = bench.probe.baselines.values()
    assert len(np.unique(share)) == 1
    assert share[0, 0] == pytest.approx(bench.y.mean(), abs=0.1)
    assert len(np.unique(rule)) == 2
    assert list(bench.probe.baselines)[1] == "a rule on amount"


def test_importance_knows_what_matters(bench):
    names = list(bench.probe.importance)
    assert set(names[:2]) == {"amount", "kind"}
    assert bench.probe.importance["amount"].low > 0


def test_seeds_differ_and_shuffled_labels_teach_nothing(bench):
    one, other = bench.probe.seeds.p
    assert 0 < np.abs(one - other).mean() < 0.2
    assert abs(bench.probe.shuffled.auc - 0.5) < 4 * bench.probe.shuffled.error


def test_a_new_process_says_the_same_and_one_that_cannot_load_the_bundle_says_why(bench):
    here, afresh = bench.probe.afresh
    assert (here == afresh).all()
    lost = replace(bench.probe.bundle, folder=bench.probe.bundle.folder / "gone")
    with pytest.raises(BundleError, match="in a new process: it must load and score"):
        probing.score_afresh(lost, bench.probe.split.holdout)


def test_a_refit_is_quick_and_of_another_seed_also_within_an_ensemble():
    boosting = HistGradientBoostingClassifier(max_iter=300, random_state=0)
    logistic = LogisticRegression(max_iter=2000, random_state=0)
    trees = ExtraTreesClassifier(n_estimators=500, random_state=0)
    vote = VotingClassifier([("0", boosting), ("1", logistic), ("2", trees)])
    assert probing._quick(vote, 7) == {
        "0__max_iter": probing.STEPS,
        "0__random_state": 7,
        "1__random_state": 7,
        "2__n_estimators": probing.STEPS,
        "2__random_state": 7,
    }


def test_every_so_manieth_row_is_kept():
    assert len(probing.thin(pd.DataFrame({"a": range(10)}), 4)) == 4
    assert len(probing.thin(pd.DataFrame({"a": range(3)}), 4)) == 3
    assert len(probing.thin(pd.DataFrame({"a": []}), 4)) == 0
