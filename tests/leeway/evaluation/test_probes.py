import hashlib
import io
from dataclasses import replace
from datetime import datetime
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression

from leeway.core.errors import BundleError
from leeway.dataset import snapshots
from leeway.definition import catalog
from leeway.evaluation import evaluate, probes
from leeway.evaluation.gates import GATES, baselines, examine, leakage
from leeway.lifecycle import registry
from leeway.scoring import batch_scoring
from leeway.training import fit
from tests.conftest import making
from tests.leeway.conftest import World

pytestmark = pytest.mark.xdist_group("probes")


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
        with evaluate.evidence_of(world.classifier, made, None) as evidence:
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


def test_the_speed_of_many_rows_is_that_of_many_however_few_are_held_out(bench, monkeypatch):
    scored, few = [], replace(bench.probe.split, holdout=bench.probe.split.holdout.iloc[:3])
    monkeypatch.setattr(probes.Probing, "_seconds", lambda self, rows: scored.append(len(rows)) or 0.5)
    assert replace(bench.probe, split=few).speed[1] == 2 * probes.LEAST_SPEED_ROWS
    assert set(scored) == {probes.LEAST_SPEED_ROWS}


def test_one_row_is_timed_as_it_is_answered(bench):
    compiled = bench.probe.speed[0]
    without = replace(bench.probe, bundle=replace(bench.probe.bundle, folder=bench.probe.bundle.folder / "gone")).speed[
        0
    ]
    assert 1000 * compiled == pytest.approx(bench.probe.compiled.microseconds)
    assert compiled < without / 3


def test_seeds_differ_and_shuffled_labels_teach_nothing(bench):
    one, other = bench.probe.seeds.p
    assert 0 < np.abs(one - other).mean() < 0.2
    assert abs(bench.probe.label_permutation.auc - 0.5) < 4 * bench.probe.label_permutation.error


def test_a_new_process_says_the_same_and_one_that_cannot_load_the_bundle_says_why(bench):
    here, reloaded_scores = bench.probe.reloaded_scores
    assert (here == reloaded_scores).all()
    lost = replace(bench.probe.bundle, folder=bench.probe.bundle.folder / "gone")
    with pytest.raises(BundleError, match="in a new process"):
        probes.score_afresh(lost, bench.probe.split.holdout)


def test_a_refit_is_quick_and_of_another_seed_also_within_an_ensemble():
    boosting = HistGradientBoostingClassifier(max_iter=300, random_state=0)
    logistic = LogisticRegression(max_iter=2000, random_state=0)
    trees = ExtraTreesClassifier(n_estimators=500, random_state=0)
    vote = VotingClassifier([("0", boosting), ("1", logistic), ("2", trees)])
    assert probes._quick(vote, 7) == {
        "0__max_iter": probes.STEPS,
        "0__random_state": 7,
        "1__random_state": 7,
        "2__n_estimators": probes.STEPS,
        "2__random_state": 7,
    }


def test_every_so_manieth_row_is_kept():
    assert len(probes.thin(pd.DataFrame({"a": range(10)}), 4)) == 4
    assert len(probes.thin(pd.DataFrame({"a": range(3)}), 4)) == 3
    assert len(probes.thin(pd.DataFrame({"a": []}), 4)) == 0


def spoilt(evidence, change):
    """A challenger that has learnt from a snapshot which somebody has changed, and what its gates say."""
    card, classifier = evidence.probe.bundle.card, evidence.classifier
    content = io.BytesIO()
    change(snapshots.read(classifier.name, card.snapshot)).to_parquet(content, index=False)
    key = hashlib.sha256(content.getvalue()).hexdigest()
    snapshots.path_of(classifier.name, key).write_bytes(content.getvalue())
    made = registry.made(classifier.name, fit.fit(classifier, key, datetime.fromisoformat(card.as_of)))
    with evaluate.evidence_of(classifier, made, evidence.probe.bundle) as found:
        against_champion = examine(evaluate.QUICK, found)
        first = examine([baselines.gate, leakage.gate], replace(found, champion=None))
    return {verdict.gate: verdict for verdict in (*against_champion, *first)}


def test_a_challenger_of_shuffled_labels_is_kept_out_beside_a_champion_and_as_the_first(bench):
    until = bench.probe.bundle.card.trained_until

    def change(rows):
        early = (rows["event_time"] <= pd.Timestamp(until)).to_numpy()
        labels = rows["positive"].to_numpy().copy()
        labels[early] = np.random.default_rng(0).permutation(labels[early])
        return rows.assign(positive=labels)

    told = spoilt(bench, change)
    assert told["better than champion"].outcome == told["better than a rule"].outcome == "fail"
    assert "on 0 of 5 partitions" in told["better than champion"].why
    assert told["leakage"].outcome == "pass"


def test_a_challenger_of_a_leaked_label_is_kept_out_by_the_columns_name(bench):
    told = spoilt(bench, lambda rows: rows.assign(amount=rows["positive"] + 0.0))
    assert told["better than champion"].outcome == "pass"  # as good as can be, and worth nothing
    assert told["leakage"].outcome == "fail"
    assert told["leakage"].why.startswith("amount predicts the label by itself, ROC AUC 1.000")


def test_a_label_that_is_spread_over_two_columns_is_found_in_both(bench):
    def change(rows):
        turned = (rows["kind"] == "a").to_numpy()
        return rows.assign(amount=np.where(turned, ~rows["positive"], rows["positive"]).astype(float))

    told = spoilt(bench, change)["leakage"]
    assert told.outcome == "fail"
    assert [set(item["columns"]) for item in told.numbers["questions"]] == [{"amount", "kind"}]


@pytest.mark.skipif(find_spec("xgboost") is None, reason="needs xgboost")
def test_a_challenger_of_another_library_passes_every_gate_and_scores_a_night(world):
    world.redeclare(
        "Logistic(C=(1.0,)), Boosting(max_leaf_nodes=(7,), max_iter=20)", "XGBoost(max_leaves=(7,), max_iter=60),"
    ).fill(rows=60)
    key, version = world.train(20)
    verdicts, content = evaluate.examined(world.classifier, key, version)
    assert {verdict.outcome for verdict in verdicts} <= {"pass", "not applicable"}, verdicts
    assert content is not None
    registry.promote("toy", version, reason="test", actor="test")
    card = registry.load("toy", registry.champion("toy")).card
    assert card.trial.startswith("xgboost(learning_rate=0.05, max_leaves=7")
    assert 1 <= card.iterations[card.trial] <= 60
    assert card.libraries["xgboost-cpu"]
    world.fill(first=20, count=1)
    assert batch_scoring.score(world.classifier, world.day(20)).rows == 40
