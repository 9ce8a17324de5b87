"""Spread over workers, every step has the same outcome as in one process, to the last digit."""

import pandas as pd
import pytest
import sqlalchemy as sa

from leeway.core.errors import DefinitionError
from leeway.core.settings import settings
from leeway.dataset import features, snapshots
from leeway.definition import catalog
from leeway.model.bundle import FILES
from leeway.scoring import batch_scoring
from leeway.store.database import database
from leeway.store.tables import tables_of
from leeway.training import distributed_search, fit, search, training_data
from tests.leeway.conftest import raw_rows


@pytest.fixture
def spread(monkeypatch):
    """From now on everything is spread, over so many processes."""

    def over(workers: int) -> None:
        monkeypatch.setenv("LEEWAY_WORKERS", str(workers))
        monkeypatch.setenv("LEEWAY_SPREAD_ROWS", "1")
        settings.cache_clear()

    return over


@pytest.fixture
def small_chunks(monkeypatch):
    """A day of 40 rows comes in chunks of 7, so that it has several parts."""
    whole = batch_scoring._chunks

    def chunks(classifier, partition):
        rows = next(whole(classifier, partition))
        yield from (rows.slice(first, 7) for first in range(0, rows.num_rows, 7))

    monkeypatch.setattr(batch_scoring, "_chunks", chunks)


def test_scored_rows_are_the_same_files_by_any_number_of_workers(quick, spread, small_chunks):
    day, found = quick.day(10), []
    prediction = tables_of(quick.classifier).prediction
    for workers in (1, 2, 3):
        spread(workers)
        assert batch_scoring.score(quick.classifier, day).rows == 40
        path = batch_scoring.path_of(quick.name, day, 1)
        assert [item.name for item in path.parent.iterdir()] == ["v1.parquet"], "no part is left"
        stored = database().read(sa.select(prediction).order_by(prediction.c.event_id)).to_pandas()
        found.append((pd.read_parquet(path), stored))
        with database().transaction() as connection:
            connection.execute(sa.text("DELETE FROM leeway.partition WHERE stage = 'score'"))
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_a_partition_without_events_is_scored_when_spread(quick, spread):
    spread(2)
    empty = quick.day(30)
    quick.deliver(empty, raw_rows(empty, 1), broken={0: ["bad"]})
    assert batch_scoring.score(quick.classifier, empty).rows == 0
    assert len(batch_scoring.read(quick.name, empty, 1)) == 0


def test_a_snapshot_taken_in_parts_is_the_same_file(quick, spread):
    as_of = quick.day(20).start
    spread(1)
    whole = snapshots.take(quick.classifier, as_of)
    spread(2)
    ranges = snapshots._ranges(quick.classifier, None, as_of)
    assert len(ranges) > 1
    assert snapshots.take(quick.classifier, as_of) == whole
    few = quick.redeclare("holdout=days(5)", "holdout=days(5), max_rows=150").classifier
    in_parts = snapshots.take(few, as_of)
    spread(1)
    assert snapshots.take(few, as_of) == in_parts
    assert in_parts.rows == 150


def test_ranges_that_touch_give_together_what_the_whole_gives(quick):
    as_of = quick.day(20).start
    cut = quick.day(9).start + pd.Timedelta(hours=7)
    query = features.for_training
    whole = database().read(query(quick.classifier, first=None, as_of=as_of)).to_pandas()
    parts = [
        database().read(query(quick.classifier, first=first, until=until, as_of=as_of)).to_pandas()
        for first, until in ((None, cut), (cut, None))
    ]
    assert all(len(part) for part in parts)
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), whole, check_exact=True)


def test_a_spread_search_has_the_same_outcome_and_the_same_bundle(world, spread):
    world.fill()
    as_of = world.day(20).start
    taken = snapshots.take(world.classifier, as_of).hash
    told: list[str] = []
    spread(1)
    learnt = training_data.material(world.classifier, taken, as_of)
    here = search.search(world.classifier, learnt.x, learnt.y, learnt.folds)
    spread(2)
    there = distributed_search.spread_search(world.classifier, learnt, lambda text, share: told.append(text))
    assert (there.trial, there.results) == (here.trial, here.results)
    assert (there.scores == here.scores).all()
    assert (there.rows == here.rows).all()
    assert told == ["2 trials on 100% of the rows, spread over workers"]
    key = fit.fit(world.classifier, taken, as_of)
    folder = fit.folder_of(world.name, key)
    spread_files = {name: (folder / name).read_bytes() for name in FILES if name != "model.skops"}
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    spread(1)
    assert fit.fit(world.classifier, taken, as_of) == key
    assert spread_files == {name: (folder / name).read_bytes() for name in spread_files}


def test_a_worker_with_another_definition_refuses_and_takes_up_the_changed_one(quick):
    asked_with = catalog.fingerprint(quick.name)
    assert catalog.load_as(quick.name, asked_with).training.folds == 3
    path = quick.project.root / "models" / f"{quick.name}.py"
    path.write_text(path.read_text().replace("folds=3", "folds=4"))  # as on another machine: nothing is forgotten here
    with pytest.raises(DefinitionError, match=r"another definition.*models/"):
        catalog.load_as(quick.name, asked_with)
    assert catalog.load_as(quick.name, catalog.fingerprint(quick.name)).training.folds == 4
