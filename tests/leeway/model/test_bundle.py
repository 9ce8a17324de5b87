import gzip
import json
import subprocess
import sys
import zipfile
from collections import UserDict
from functools import cache
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer

import leeway.model.bundle
from leeway.core.errors import BundleError
from leeway.core.outputs import Outputs
from leeway.core.settings import settings
from leeway.definition import CSV, Boosting, Classifier, ExtraTrees, Label, LightGBM, Logistic, XGBoost, days
from leeway.definition import numeric as number
from leeway.detection import build_reference
from leeway.model import calibration, class_probabilities
from leeway.model.bundle import COMPILED, FILES, Card
from leeway.model.inputs import model_input, plain_rows
from leeway.training.trials import learn, trials

BINARY = Outputs("binary", ("true",))
FEATURES = {"amount": "numeric", "kind": "categorical", "flag": "boolean", "note": "text"}
CANDIDATES = [
    Logistic(C=(1.0,)),
    Boosting(max_leaf_nodes=(7,), max_iter=20),
    ExtraTrees(n_estimators=10, min_samples_leaf=(5,)),
    *([LightGBM(num_leaves=(7,), max_iter=10)] if find_spec("lightgbm") else []),
    *([XGBoost(max_leaves=(7,), max_iter=10)] if find_spec("xgboost") else []),
]
TRIALS = list(trials(CANDIDATES))


def rows_of(count=400, seed=0):
    rng = np.random.default_rng(seed)
    amount = np.where(rng.random(count) < 0.1, np.nan, rng.normal(size=count))
    kind = pd.Series(rng.choice(["a", "b", None], count), dtype="object")
    note = pd.Series(rng.choice(["it is good", "how bad", None], count), dtype="object")
    return pd.DataFrame({"amount": amount, "kind": kind, "flag": rng.random(count) < 0.5, "note": note})


def card(**changes):
    fields = dict.fromkeys(
        ("classifier", "key", "snapshot", "trial", "trained_until", "holdout_from", "holdout_until"), "t"
    )
    fields |= {
        "as_of": "2026-03-01T00:00:00+00:00",
        "features": FEATURES,
        "kind": "binary",
        "classes": ["true"],
        "thresholds": [0.1 + 0.2],
        "calibration": ["none"],
    }
    fields |= {
        "seed": 0,
        "rows": 1,
        "positives": 1,
        "metrics": {"recall": None},
        "search": {},
        "calibration_losses": {},
    }
    return Card(**{**fields, "libraries": {}, **changes})


def reference_of(x, p):
    classifier = Classifier(
        source=CSV(path="x"),
        event_id="id",
        event_time="at",
        label=Label(column="bad", delay=days(1)),
        columns={"amount": number()},
    )
    at = pd.Series(pd.Timestamp("2026-03-01T12:00Z"), index=range(len(x)))
    rows = pd.DataFrame({"event_time": at, "positive": p[:, 0] > 0.5, "known_at": at})
    as_of = pd.Timestamp("2026-04-01", tz="UTC")
    return build_reference.build(
        classifier, rows, x[["amount"]], p, as_of, lambda some: np.tile(p.mean(axis=0), (len(some), 1))
    )


@cache
def learnt(place, kind=None):
    """What one of the trials learns from the same rows, for the tests to share: several classes, or two."""
    x = model_input(rows_of(), FEATURES)
    if kind is None:
        y = np.random.default_rng(1).random((len(x), 1)) < 1 / (1 + np.exp(-2 * x[["amount"]].fillna(0).to_numpy()))
        outputs = BINARY
    else:
        codes = np.digitize(x["amount"].fillna(0) + 0.3 * np.random.default_rng(1).normal(size=len(x)), [-0.5, 0.5])
        y, outputs = np.eye(4, dtype=bool)[codes], Outputs(kind, ("a", "b", "c", "never"))
    fitted = learn(TRIALS[place], FEATURES, x, class_probabilities.targets(outputs, y), 0)
    return x, y, outputs, fitted, class_probabilities.predict(fitted, outputs, x)


def save(folder, trial=None, method="none", pipeline=None):
    x, y, _, fitted, scores = learnt(TRIALS.index(trial or TRIALS[0]))
    calibrators = calibration.fit([method], y, scores)
    sample = x.assign(score=scores[:, 0])
    leeway.model.bundle.save(folder, card(), pipeline or fitted, calibrators, reference_of(x, scores), sample)
    return calibration.apply(calibrators, scores), rows_of()


@pytest.mark.parametrize("method", calibration.METHODS)
@pytest.mark.parametrize("trial", TRIALS, ids=str)
def test_a_loaded_bundle_scores_as_the_saved_one_to_the_bit(tmp_path, trial, method):
    before, rows = save(tmp_path / "b", trial, method)
    loaded = leeway.model.bundle.load(tmp_path / "b", leeway.model.bundle.checksum(tmp_path / "b"))
    assert (loaded.score(rows) == before).all()
    assert loaded.card == card()
    assert type(loaded.calibrators[0]) is {"none": type(None), "sigmoid": LogisticRegression}.get(
        method, IsotonicRegression
    )


@pytest.mark.parametrize("kind", ["multiclass", "multilabel"])
@pytest.mark.parametrize("method", calibration.EXCLUSIVE_METHODS)
@pytest.mark.parametrize("trial", TRIALS, ids=str)
def test_a_loaded_bundle_of_several_classes_scores_and_decides_as_the_saved_one_to_the_bit(
    tmp_path, trial, method, kind
):
    x, y, outputs, fitted, scores = learnt(TRIALS.index(trial), kind)
    rows = rows_of()
    methods = ["sigmoid" if method == "temperature" and kind == "multilabel" else method] * 4
    calibrators = calibration.fit(methods, y, scores)
    known = reference_of(x, scores[:, :1])
    own = card(kind=kind, classes=list(outputs.names), thresholds=[0.3, 0.3, 0.2, 0.5])
    leeway.model.bundle.save(tmp_path / "b", own, fitted, calibrators, known, x)
    loaded = leeway.model.bundle.load(tmp_path / "b", leeway.model.bundle.checksum(tmp_path / "b"))
    p = loaded.score(rows)
    assert (p == calibration.apply(calibrators, scores, exclusive=outputs.exclusive)).all()
    assert p.shape == loaded.decide(p).shape == (len(rows), 4)
    assert loaded.outputs == outputs


def test_a_bundle_of_another_version_is_a_clear_error(tmp_path):
    save(tmp_path / "b")
    path = tmp_path / "b" / "bundle.json"
    path.write_text(path.read_text().replace('"thresholds"', '"threshold"'))
    with pytest.raises(BundleError, match=r"this version of Leeway.*threshold.*train again"):
        leeway.model.bundle.load(tmp_path / "b")


def test_a_reference_of_another_version_is_a_clear_error(tmp_path):
    folder = tmp_path / "b"
    save(folder)
    (folder / "reference.json").write_text('{"partitions": []}')
    loaded = leeway.model.bundle.load(folder)
    checksum = leeway.model.bundle.checksum(folder)
    for read in (lambda: loaded.reference, lambda: leeway.model.bundle.described(folder, checksum)):
        with pytest.raises(BundleError, match=r"this version of Leeway.*fields.*train again") as refused:
            read()
        assert len(str(refused.value).splitlines()) == 1


@pytest.mark.system
def test_a_fresh_process_scores_the_same_to_the_bit(tmp_path):
    before, rows = save(tmp_path / "b", TRIALS[1], "isotonic")
    rows.to_parquet(tmp_path / "rows.parquet")
    program = """
import sys, pandas, pathlib, leeway.model.bundle
folder = pathlib.Path(sys.argv[1])
bundle = leeway.model.bundle.load(folder / "b", sys.argv[2])
print(*(score.hex() for score in bundle.score(pandas.read_parquet(folder / "rows.parquet"))[:, 0].tolist()))
"""
    arguments = [sys.executable, "-c", program, str(tmp_path), leeway.model.bundle.checksum(tmp_path / "b")]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    assert done.stdout.split() == [score.hex() for score in before[:, 0].tolist()]


def test_a_reference_of_too_few_partitions_survives_the_round_trip(tmp_path):
    save(tmp_path / "b")
    loaded = leeway.model.bundle.load(tmp_path / "b")
    assert loaded.reference.distance_limit == loaded.reference.alarm.limit == float("inf")
    assert loaded.reference.partitions == ("2026-03-01",)


@pytest.mark.parametrize("name", [*FILES, COMPILED])
def test_one_changed_byte_in_any_file_is_refused(tmp_path, name):
    save(tmp_path / "b")
    checksum = leeway.model.bundle.checksum(tmp_path / "b")
    path = tmp_path / "b" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BundleError, match=f"altered.*instead of {checksum[:12]}"):
        leeway.model.bundle.load(tmp_path / "b", checksum)


def test_one_row_is_scored_by_functions_which_an_older_bundle_has_not(tmp_path, monkeypatch):
    before, rows = save(tmp_path / "b")
    loaded = leeway.model.bundle.load(tmp_path / "b")
    x = model_input(rows, loaded.card.features)
    assert [loaded.compiled.score(row) for row in plain_rows(x, loaded.card.features)] == before.tolist()
    monkeypatch.setattr("leeway.model.compiled.description.FORM", 0)
    assert leeway.model.bundle.load(tmp_path / "b").compiled is None
    (tmp_path / "b" / COMPILED).unlink()
    assert leeway.model.bundle.load(tmp_path / "b").compiled is None


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(tmp_path, name):
    save(tmp_path / "b")
    (tmp_path / "b" / name).unlink()
    with pytest.raises(BundleError, match=f"found: no {name}"):
        leeway.model.bundle.load(tmp_path / "b")


def test_a_type_that_is_not_on_the_hosts_list_is_refused_by_name_until_the_host_names_it(tmp_path, monkeypatch):
    save(tmp_path / "b", pipeline=FunctionTransformer(func=UserDict))
    monkeypatch.delenv("LEEWAY_TRUSTED_TYPES", raising=False)
    settings.cache_clear()
    with pytest.raises(BundleError, match=r"found: collections.UserDict"):
        leeway.model.bundle.load(tmp_path / "b")
    monkeypatch.setenv("LEEWAY_TRUSTED_TYPES", '["collections.UserDict"]')
    settings.cache_clear()
    assert isinstance(leeway.model.bundle.load(tmp_path / "b").pipeline, FunctionTransformer)
    settings.cache_clear()


def test_there_is_no_pickle_in_a_bundle(tmp_path):
    for trial in TRIALS:
        folder = tmp_path / trial.candidate.kind
        save(folder, trial, "isotonic")
        assert {path.name for path in folder.iterdir()} == {*FILES, COMPILED}
        description = json.loads(gzip.decompress((folder / COMPILED).read_bytes()))
        assert {"form", "members", "calibrators"} <= description.keys()
        with zipfile.ZipFile(folder / "model.skops") as archive:
            assert {name.rpartition(".")[2] for name in archive.namelist()} <= {"json", "npy", "npz", "bin"}
            assert not any(archive.read(name).startswith(b"\x80") for name in archive.namelist())


def test_no_rows_have_no_scores_and_rows_without_a_feature_are_refused_by_name(tmp_path):
    _, rows = save(tmp_path / "b")
    loaded = leeway.model.bundle.load(tmp_path / "b")
    assert len(loaded.score(rows.iloc[:0])) == 0
    with pytest.raises(BundleError, match=r"found: kind, flag, note.*promote"):
        loaded.score(rows[["amount"]])


def test_rows_may_come_in_any_chunks_and_column_order(tmp_path):
    before, rows = save(tmp_path / "b", TRIALS[0], "sigmoid")
    loaded = leeway.model.bundle.load(tmp_path / "b")
    shuffled = rows[["note", "flag", "kind", "amount"]].assign(more=1)
    chunks = [loaded.score(shuffled.iloc[start : start + 7]) for start in range(0, len(rows), 7)]
    assert np.concatenate(chunks) == pytest.approx(before, rel=1e-12)


@pytest.mark.parametrize("trial", TRIALS, ids=str)
@pytest.mark.parametrize("classes", [2, 5])
def test_means_of_many_categories_and_several_classes_survive_the_round_trip_through_the_hosts_own_list(trial, classes):
    rng = np.random.default_rng(0)
    place = pd.Series([f"p{n}" for n in rng.integers(0, 280, 9000)], dtype="object")
    x = model_input(pd.DataFrame({"place": place}), {"place": "categorical"})
    y = rng.integers(0, classes, 9000)
    pipeline = learn(trial, {"place": "categorical"}, x, y == 1 if classes == 2 else y, 0)
    content = skops.io.dumps(pipeline)
    unknown = skops.io.get_untrusted_types(data=content)
    assert set(unknown) <= leeway.model.bundle.TRUSTED_TYPES
    assert (skops.io.loads(content, trusted=unknown).predict_proba(x) == pipeline.predict_proba(x)).all()
