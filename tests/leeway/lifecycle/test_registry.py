import hashlib
import json
import os
import shutil
import subprocess
import sys
import uuid

import pytest
import sqlalchemy as sa

import leeway.model.bundle
from leeway.core.errors import BundleError, NotFound, StoreError
from leeway.core.settings import settings
from leeway.definition import catalog
from leeway.evaluation import evaluate
from leeway.evaluation.gates import GATES, better_than_champion
from leeway.lifecycle import registry
from leeway.lifecycle.verdict import GateVerdict
from leeway.store import database as store
from leeway.store import storage
from leeway.training import fit
from tests.conftest import Copied, become, forget, making
from tests.leeway.conftest import World

YES, NO = [GateVerdict("gate", "pass", "fine", {"value": 1})], [GateVerdict("gate", "fail", "poor", {"value": 0})]


@pytest.fixture
def lived(world):
    """Twenty days and one cheap trial; nobody is champion yet."""
    return world.one_trial().fill()


@pytest.fixture(scope="module")
def registered(server, tmp_path_factory):
    """The same with a first version, its challenger: made once, for it takes a second."""
    root = tmp_path_factory.mktemp("registered")
    with pytest.MonkeyPatch.context() as monkeypatch, making(server, root, monkeypatch) as project:
        key, version = World(project, catalog.load(project.declare())).one_trial().fill().train()
        yield Copied(root, project.databases), key, version


@pytest.fixture
def trained(server, project, registered):
    """A project of its own with that; its files in MLflow are those of the original, and are to be left alone."""
    original, key, version = registered
    become(server, project, original)
    return World(project, catalog.load("toy")), key, version


def aliases(name):
    return {alias: int(version) for alias, version in registry._client().get_registered_model(name).aliases.items()}


def decide(world, key, version, verdicts):
    return registry.decide(world.classifier, key, version, verdicts, reason="test", actor="test")


def better(world, key):
    (verdict,) = evaluate.judge(world.classifier, key, [better_than_champion.gate])
    return verdict


def outcomes(world):
    return [(item.version, item.outcome) for item in registry.history(world.name)]


def test_the_first_challenger_that_passes_its_gates_is_champion(trained):
    lived, key, version = trained
    assert aliases(lived.name) == {"challenger": version}
    assert registry.champion(lived.name) is None
    verdicts = evaluate.judge(lived.classifier, key)
    assert {verdict.gate: verdict.outcome for verdict in verdicts} == {
        **{gate.name: "pass" for gate in GATES},
        **dict.fromkeys(("better than champion", "slices", "fairness"), "not applicable"),
    }
    assert decide(lived, key, version, verdicts)
    champion = registry.champion(lived.name)
    assert (champion.version, champion.bundle, champion.as_of) == (version, key, lived.day(20).start)
    assert {gate["gate"] for gate in champion.evidence if gate["outcome"] == "fail"} == set()
    assert aliases(lived.name) == {"champion": version}
    assert registry.load(lived.name, champion).card.key == key


def test_the_same_bundle_has_one_version_and_another_one_the_next(lived):
    key, version = lived.train()
    assert registry.register(lived.name, key) == version == 1
    assert lived.train(19)[1] == 2


def test_an_ensemble_whose_name_is_longer_than_a_run_may_be_named_is_registered(quick):
    key = registry.champion(quick.name).bundle
    told = fit.folder_of(quick.name, key) / "bundle.json"
    card = json.loads(told.read_text())
    another = "a" * 16
    other = shutil.copytree(told.parent, told.parent.with_name(another))
    (other / "bundle.json").write_text(json.dumps(card | {"key": another, "trial": " + ".join(["boosting"] * 60)}))
    version = registry.register(quick.name, another)
    run = registry._client().get_run(registry._client().get_model_version(quick.name, str(version)).run_id)
    assert run.info.run_name.startswith(f"toy {card['as_of'][:10]} boosting + boosting")


def test_a_refused_challenger_leaves_the_champion_and_deciding_twice_decides_once(lived):
    first, second = lived.train(19), lived.train()
    assert decide(lived, *first, YES)
    assert not decide(lived, *second, NO)
    assert not decide(lived, *second, YES)
    assert decide(lived, *first, NO)
    assert outcomes(lived) == [(2, "refused"), (1, "promoted")]
    assert aliases(lived.name) == {"champion": 1}


def test_a_challenger_is_judged_against_the_champion_on_nights_that_are_new_to_both(lived):
    lived.fill(first=20, count=5)
    decide(lived, *lived.train(20), YES)
    key, _ = lived.train(25)
    verdict = better(lived, key)
    assert verdict.outcome == "fail"  # five more nights of the same make nothing clearly better
    assert verdict.numbers["partitions"] == 5


def test_the_champion_is_not_judged_against_itself(trained):
    lived, key, version = trained
    decide(lived, key, version, YES)
    assert better(lived, key).outcome == "not applicable"


def test_a_champion_with_a_feature_that_the_definition_dropped_is_a_clear_error(lived):
    lived.crown(19)
    lived.redeclare('"kind": categorical()', '"kind": categorical(feature=False)')
    key, version = lived.train()
    with pytest.raises(BundleError, match=r"found: kind.*promote"):
        evaluate.judge(lived.classifier, key)
    assert registry.promote(lived.name, version, reason="kind is gone", actor="me").version == version


def test_the_aliases_follow_after_a_crash_between_the_row_and_the_alias(lived):
    first, second = lived.train(19), lived.train()
    decide(lived, *first, YES)
    program = """
import os, sys
from leeway.definition import catalog
from leeway.lifecycle import registry
from leeway.lifecycle.verdict import GateVerdict
registry._align = lambda *arguments: os._exit(9)
name, key, version = sys.argv[1:]
verdicts = [GateVerdict("gate", "pass", "fine")]
registry.decide(catalog.load(name), key, int(version), verdicts, reason="crash", actor="test")
"""
    arguments = [sys.executable, "-c", program, lived.name, second[0], str(second[1])]
    assert subprocess.run(arguments, env=dict(os.environ), check=False).returncode == 9
    assert aliases(lived.name) == {"champion": 1, "challenger": 2}
    assert registry.champion(lived.name).version == 2
    assert aliases(lived.name) == {"champion": 2}
    assert decide(lived, *second, NO)
    assert outcomes(lived) == [(2, "promoted"), (1, "promoted")]


def test_a_person_may_promote_a_refused_version_but_none_that_is_not_registered(trained):
    lived, key, version = trained
    decide(lived, key, version, NO)
    promoted = registry.promote(lived.name, 1, reason="I know better", actor="me")
    assert (promoted.version, promoted.reason, promoted.actor) == (1, "I know better", "me")
    assert registry.champion(lived.name) == promoted
    with pytest.raises(NotFound, match=r"promoting version 7 of toy: .*\(found: versions \[1\]\)"):
        registry.promote(lived.name, 7, reason="", actor="me")


@pytest.mark.parametrize(
    "tags", [{}, {"bundle": "../../../elsewhere", "checksum": "0" * 64}, {"bundle": "0" * 15 + "/"}]
)
def test_a_version_that_somebody_else_registered_is_not_promoted(trained, tags):
    lived, _, _ = trained
    made = registry._client().create_model_version(lived.name, source="/tmp/elsewhere", tags=tags)
    with pytest.raises(BundleError, match="key is none of Leeway's"):
        registry.promote(lived.name, int(made.version), reason="", actor="me")
    assert registry.champion(lived.name) is None


def test_an_altered_bundle_is_neither_promoted_nor_loaded(trained):
    lived, key, version = trained
    champion = registry.promote(lived.name, version, reason="", actor="me")
    card = fit.folder_of(lived.name, key) / "bundle.json"
    card.write_text(card.read_text().replace('"seed": 0', '"seed": 1'))
    with pytest.raises(BundleError, match="checksum"):
        registry.load(lived.name, champion)
    with pytest.raises(BundleError, match="checksum"):
        registry.promote(lived.name, version, reason="", actor="me")
    assert len(outcomes(lived)) == 1


def test_rolling_back_goes_to_earlier_champions_one_after_the_other_and_to_nobody_else(lived):
    with pytest.raises(NotFound, match="no earlier champion"):
        registry.rollback(lived.name, reason="", actor="me")
    trained = [lived.train(as_of) for as_of in (17, 18, 19, 20)]
    for (key, version), verdicts in zip(trained, (YES, YES, NO, YES), strict=True):
        decide(lived, key, version, verdicts)
    assert registry.rollback(lived.name, reason="bad night", actor="me").version == 2
    assert registry.load(lived.name, registry.champion(lived.name)).card.key == trained[1][0]
    assert aliases(lived.name) == {"champion": 2}
    assert registry.rollback(lived.name, reason="worse night", actor="me").version == 1
    with pytest.raises(NotFound, match="no earlier champion"):
        registry.rollback(lived.name, reason="", actor="me")
    registry.promote(lived.name, 4, reason="it was the data", actor="me")
    assert registry.rollback(lived.name, reason="no, it was not", actor="me").version == 1
    assert registry.history(lived.name)[0].outcome == "rolled_back"


def test_a_bundle_that_left_the_data_folder_is_fetched_from_the_registry_and_is_the_same(trained):
    lived, key, _ = trained
    champion = registry.promote(lived.name, 1, reason="", actor="me")
    folder = fit.folder_of(lived.name, key)
    shutil.rmtree(folder)
    assert registry.load(lived.name, champion).card.key == key
    assert leeway.model.bundle.checksum(folder) == champion.checksum
    assert [path.name for path in folder.parent.iterdir()] == [key]


@pytest.fixture
def in_a_bucket(trained, monkeypatch):
    """A champion whose bundle lies in an object store, and not on this machine; with a way to alter it there."""
    lived, key, version = trained
    decide(lived, key, version, YES)
    made = fit.folder_of(lived.name, key)
    monkeypatch.setenv("LEEWAY_STORAGE_URL", f"memory://{uuid.uuid4().hex}")
    forget()
    folder = fit.folder_of(lived.name, key)
    with storage.keeping(folder, "keeping") as beside:
        shutil.copytree(made, beside, ignore=shutil.ignore_patterns(storage.MANIFEST))
    shutil.rmtree(folder)

    def alter(**contents):
        path = f"{storage._objects()._root}/{storage._key(folder)}"
        files = storage._objects()._fs
        manifest = json.loads(files.cat_file(f"{path}/{storage.MANIFEST}"))
        for name, content in contents.items():
            files.pipe_file(f"{path}/{name}", content)
            manifest[name] = hashlib.sha256(content).hexdigest()
        files.pipe_file(f"{path}/{storage.MANIFEST}", json.dumps(manifest).encode())

    yield lived, key, folder, alter
    monkeypatch.undo()


def test_a_bundle_in_a_bucket_is_fetched_if_it_is_the_one_on_record(in_a_bucket):
    world, key, folder, _ = in_a_bucket
    assert registry.load(world.name, registry.champion(world.name)).card.key == key
    shutil.rmtree(folder)
    assert registry.made(world.name, key).card.key == key


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("model.skops", "differs from the promotion record"),
        ("sitecustomize.py", "it has files that no bundle has"),
    ],
)
def test_a_bundle_that_was_altered_in_a_bucket_with_its_hashes_is_not_fetched(in_a_bucket, name, said):
    """Its manifest is as easily altered: only the record says what it was."""
    world, key, folder, alter = in_a_bucket
    alter(**{name: b"evil"})
    for use in (
        lambda: registry.load(world.name, registry.champion(world.name)),
        lambda: registry.described(world.name, registry.champion(world.name)),
        lambda: registry.promote(world.name, 1, reason="", actor="me"),
        lambda: registry.made(world.name, key),
        lambda: decide(world, key, 1, YES),
    ):
        with pytest.raises(BundleError, match=said):
            use()
        assert list(folder.parent.iterdir()) == []


def test_a_registered_bundle_that_was_altered_is_not_decided_on(trained):
    lived, key, version = trained
    card = fit.folder_of(lived.name, key) / "bundle.json"
    card.write_text(card.read_text() + " ")
    with pytest.raises(BundleError, match="differs from the promotion record"):
        decide(lived, key, version, YES)
    assert registry.history(lived.name) == []


def test_what_the_registry_has_is_not_kept_where_it_is_not_what_is_on_record(lived):
    key, version = lived.train()
    champion = registry.promote(lived.name, version, reason="", actor="me")
    folder = fit.folder_of(lived.name, key)
    shutil.rmtree(folder)
    [kept] = settings().folder("mlflow").rglob("model.skops")
    kept.write_bytes(b"evil")
    with pytest.raises(BundleError, match="differs from the promotion record"):
        registry.load(lived.name, champion)
    assert not folder.exists()


def test_a_bundle_that_nobody_has_any_more_is_a_clear_error(lived):
    key, _ = lived.train()
    champion = registry.promote(lived.name, 1, reason="", actor="me")
    shutil.rmtree(fit.folder_of(lived.name, key))
    shutil.rmtree(settings().folder("mlflow"))
    with pytest.raises(BundleError, match=r"fetching the bundle of toy version 1.*roll back"):
        registry.load(lived.name, champion)


def test_a_crash_before_the_record_leaves_no_champion(trained):
    lived, key, version = trained
    program = """
import os, sys
from leeway.definition import catalog
from leeway.lifecycle import registry
registry.asdict = lambda verdict: os._exit(9)
name, key, version = sys.argv[1:]
registry.decide(catalog.load(name), key, int(version), [registry.GateVerdict("g", "pass", "")], reason="", actor="")
"""
    arguments = [sys.executable, "-c", program, lived.name, key, str(version)]
    assert subprocess.run(arguments, env=dict(os.environ), check=False).returncode == 9
    assert registry.champion(lived.name) is None
    assert aliases(lived.name) == {"challenger": version}
    assert decide(lived, key, version, YES)


def mlflow_schema(change=None):
    """The revision of MLflow's database, after it has been made to look like another."""
    engine = sa.create_engine(store.mlflow_url(), poolclass=sa.NullPool)
    with engine.begin() as connection:
        if change:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = :to"), {"to": change})
        return connection.scalar(sa.text("SELECT version_num FROM alembic_version"))


def test_an_empty_mlflow_database_gets_its_tables_and_a_second_migration_changes_nothing(project, monkeypatch):
    ours = store.database().url
    store._ensure_database(ours, f"{ours.database}_empty")
    empty = ours.set(database=f"{ours.database}_empty")
    monkeypatch.setenv("LEEWAY_MLFLOW_DATABASE_URL", empty.render_as_string(hide_password=False))
    forget()
    registry.migrate()
    first = mlflow_schema()
    registry.migrate()
    assert first
    assert mlflow_schema() == first


def test_the_database_of_a_newer_mlflow_is_refused_by_name(project):
    known = mlflow_schema()
    mlflow_schema("f00f00f00f00")
    with pytest.raises(StoreError, match=r"migrating MLflow's database: .*f00f00f00f00.*LEEWAY_MLFLOW_DATABASE_URL"):
        registry.migrate()
    assert mlflow_schema(known) == known
