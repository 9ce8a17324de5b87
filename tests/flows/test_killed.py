"""Killed between any two steps, the next run of the same command completes it."""

import shutil
from collections.abc import Sequence

import pandas as pd
import pytest
import sqlalchemy as sa

from flows.nightly import nightly
from flows.retrain import retrain
from leeway.definition import catalog
from leeway.lifecycle import registry, retraining
from leeway.store.database import database
from leeway.store.tables import column_drift, monitoring, origin, promotion, tables_of
from leeway.store.tables import partition as ledger
from tests.conftest import TOY_MODEL
from tests.flows import killing

NOT_THE_SAME_TWICE = ["finished_at", "seconds", "created_at", "quarantined_at", "report"]


def _rows(name: str, partition: str) -> dict[str, pd.DataFrame]:
    """Everything that a night writes about a partition, but for when and where it was written."""
    own = tables_of(catalog.load(name))
    found = {}
    for table in (own.event, own.quarantine, own.prediction, ledger, monitoring, column_drift):
        rows = database().read(sa.select(table).where(table.c.partition == partition)).to_pandas()
        rows = rows.drop(columns=[column for column in NOT_THE_SAME_TWICE if column in rows])
        if "output" in rows:
            rows["output"] = rows["output"].str.replace(r'"report": "[^"]*"', "", regex=True)
        found[table.name] = rows.sort_values(list(rows.columns)).reset_index(drop=True)
    events = sa.select(own.event.c.event_id).where(own.event.c.partition == partition)
    labels = database().read(sa.select(own.label).where(own.label.c.event_id.in_(events))).to_pandas()
    found["label"] = labels.sort_values("event_id").reset_index(drop=True)
    return found


def _staged() -> list[str]:
    with database().transaction() as connection:
        return sa.inspect(connection).get_table_names("staging")


@pytest.mark.timeout(400)
def test_a_night_killed_at_any_step_is_completed_by_the_next_run_with_the_same_rows(toy, prefect, night, project):
    before = shutil.copytree(project.home, project.root / "before")
    origins = _origins()
    steps = killing.run("nightly", toy, night(0)).steps
    assert steps > 7
    expected = _rows(toy, night(0))  # it was never killed
    assert all(len(rows) for rows in expected.values())
    for step in range(1, steps + 1):
        _forget_nights(toy, night(0), origins)
        shutil.rmtree(project.home)
        shutil.copytree(before, project.home)
        assert killing.run("nightly", toy, night(0), kill_at=step).killed
        nightly(toy, night(0))
        for table, rows in _rows(toy, night(0)).items():
            pd.testing.assert_frame_equal(rows, expected[table], obj=f"{table}, killed at step {step}")
        assert not _staged()


def _origins() -> list[dict[str, object]]:
    with database().transaction() as connection:
        return [dict(row._mapping) for row in connection.execute(sa.select(origin))]


def _forget_nights(name: str, first: str, origins: Sequence[dict[str, object]] = ()) -> None:
    """Back to before the first night, which also noted of what files the nights before were."""
    own = tables_of(catalog.load(name))
    with database().transaction() as connection:
        nightly = sa.select(own.event.c.event_id).where(own.event.c.partition >= first)
        connection.execute(sa.delete(own.label).where(own.label.c.event_id.in_(nightly)))
        for table in (own.event, own.quarantine, own.prediction, ledger, monitoring, column_drift):
            connection.execute(sa.delete(table).where(table.c.partition >= first))
        connection.execute(sa.delete(origin))
        if origins:
            connection.execute(sa.insert(origin), list(origins))


@pytest.mark.timeout(400)
def test_a_retrain_killed_at_any_step_is_completed_and_registry_and_table_agree(
    toy, prefect, night, project, monkeypatch
):
    killing.score_here(monkeypatch)
    model = TOY_MODEL.replace(", Boosting(max_leaf_nodes=(7,), max_iter=20)", ",")
    assert model != TOY_MODEL
    project.declare(model=model)  # of one candidate, which learns fast
    classifier = catalog.load(toy)

    def request(number: int) -> str:
        key, as_of = f"{toy}:killed{number}", pd.Timestamp(night(0), tz="UTC") - pd.Timedelta(hours=number)
        with database().transaction() as connection:
            retraining.file(connection, classifier, key, as_of.to_pydatetime(), "asked for", forced=True)
        return key

    steps = killing.run("retrain", toy, request(0)).steps
    assert steps > 7
    for step in range(1, steps + 1):
        key = request(step)
        assert killing.run("retrain", toy, key, kill_at=step).killed
        if retraining.get(key).state in retraining.STARTABLE:  # else all was done but the process's own end
            retrain(toy, key)
        settled = retraining.get(key)
        assert settled.state in ("promoted", "kept_champion")
        decided = [item for item in registry.history(toy) if item.version == settled.version]
        assert len(decided) == 1
        assert decided[0].outcome == {"promoted": "promoted", "kept_champion": "refused"}[settled.state]
        aliases = registry._client().get_registered_model(toy).aliases
        assert int(aliases["champion"]) == registry.champion(toy).version
        assert "challenger" not in aliases
    with database().transaction() as connection:
        versions = connection.scalars(sa.select(promotion.c.version)).all()
    assert len(versions) == len(set(versions))
