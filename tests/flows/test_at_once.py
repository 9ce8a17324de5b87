"""Two runs of the same classifier and partition at once."""

from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from leeway.definition import catalog
from leeway.definition.grains import DAY
from leeway.definition.partitions import Partition
from leeway.store.database import database
from leeway.store.tables import tables_of
from tests.flows import killing


def test_a_night_that_is_under_way_elsewhere_is_refused_with_a_word(toy, prefect, night):
    partition = Partition.parse(night(0), DAY)
    with database().lock(f"partition {toy} {partition.key}", "working"):
        refused = killing.run("nightly", toy, partition.key)
    assert refused.error.startswith(f"AlreadyRunning: working on {toy} {partition}: one at a time")
    assert not killing.run("nightly", toy, partition.key).error


def test_two_nights_started_at_once_write_no_row_twice(toy, prefect, night):
    with ThreadPoolExecutor() as pool:
        ended = list(pool.map(lambda _: killing.run("nightly", toy, night(0)), range(2)))
    failed = [end.error for end in ended if end.error]
    assert len(failed) <= 1
    assert all(error.startswith("AlreadyRunning") for error in failed)
    own = tables_of(catalog.load(toy))
    with database().transaction() as connection:
        for table in (own.event, own.prediction):
            ids = connection.scalars(sa.select(table.c.event_id).where(table.c.partition == night(0))).all()
            assert len(ids) == len(set(ids)) == 59  # of 60 rows, one is in quarantine
