import hashlib

import pytest
import sqlalchemy as sa

from leeway.core.errors import NotFound, TrainingError
from leeway.dataset import snapshots
from leeway.store.database import database
from leeway.store.tables import monitoring, tables_of
from leeway.store.tables import snapshot as table


def relabel(world, value):
    with database().transaction() as connection:
        connection.execute(sa.update(tables_of(world.classifier).label).values(positive=value))


def test_the_same_knowledge_has_the_same_hash_and_that_of_the_file(world):
    world.fill(count=5)
    first, second = (snapshots.take(world.classifier, world.day(5).start) for _ in range(2))
    assert first == second
    content = snapshots.path_of(world.name, first.hash).read_bytes()
    assert hashlib.sha256(content).hexdigest() == first.hash
    with database().transaction() as connection:
        recorded = connection.execute(sa.select(table.c.hash, table.c.rows, table.c.positives)).all()
    assert [tuple(row) for row in recorded] == [(first.hash, first.rows, first.positives)]


def test_what_became_known_later_changes_no_snapshot_and_a_later_one_holds_it(world):
    as_of = world.fill(count=5).day(5).start
    before = snapshots.take(world.classifier, as_of)
    world.fill(first=5, count=2)
    assert snapshots.take(world.classifier, as_of) == before
    later = snapshots.take(world.classifier, world.day(7).start)
    assert later.hash != before.hash
    assert later.rows == before.rows + 2 * 40


def test_events_whose_labels_may_still_come_are_left_out(world):
    world.fill(count=5)
    taken = snapshots.take(world.classifier, world.day(5).start)
    rows = snapshots.read(world.name, taken.hash)
    assert len(rows) == taken.rows == 4 * 40  # the label's maturity is a day
    assert rows["event_time"].max() < world.day(4).start
    assert rows["known_at"].max() <= world.day(5).start


def test_a_partition_with_a_fault_of_the_data_teaches_nothing(world):
    world.fill(count=10)
    whole = snapshots.take(world.classifier, world.day(11).start)
    faulty = {
        "classifier": "toy",
        "partition": world.day(4).key,
        "version": 1,
        "verdict": "data fault",
        "why": "",
        "rows": 9,
    }
    with database().transaction() as connection:
        connection.execute(sa.insert(monitoring).values(**faulty, evidence={}))
    taken = snapshots.take(world.classifier, world.day(11).start)
    days = snapshots.read("toy", taken.hash)["event_time"].dt.strftime("%Y-%m-%d")
    assert taken.rows < whole.rows
    assert world.day(4).key not in set(days)
    assert world.day(3).key in set(days)


def test_partitions_whose_labels_lay_apart_for_a_while_teach_nothing_but_a_change_that_lasts_does(world):
    world.fill(count=20)

    def snapshot_days(out):
        """The days learnt from after nights on which the labels of these days lay apart, by the version that scored them."""
        with database().transaction() as connection:
            connection.execute(sa.delete(monitoring))
            for number in range(20):
                harm = {"partition": world.day(number).key, "shift": {"out": number in out}}
                row = {"partition": world.day(number + 1).key, "version": out.get(number, 1), "verdict": "suspect"}
                values = {**row, "classifier": "toy", "why": "", "rows": 9, "evidence": {"harm": harm}}
                connection.execute(sa.insert(monitoring).values(values))
        taken = snapshots.take(world.classifier, world.day(20).start)
        found = snapshots.read("toy", taken.hash)["event_time"].dt.strftime("%Y-%m-%d")
        return {number for number in range(19) if world.day(number).key in set(found)}

    assert snapshot_days({}) == set(range(19))
    assert snapshot_days({5: 1, 6: 1, 7: 1}) == set(range(19)) - {5, 6, 7}
    assert snapshot_days({5: 1, 15: 1, 16: 1, 17: 1, 18: 1}) == set(range(19)) - {5}


def test_nights_of_an_early_leeway_did_not_say_what_was_out_of_control(world):
    world.fill(count=10)
    harm = {"partition": world.day(3).key, "harmful": True, "standardised": 9.0, "bias": 0.2}
    night = {"partition": world.day(4).key, "classifier": "toy", "version": 1, "verdict": "quiet", "why": "", "rows": 9}
    with database().transaction() as connection:
        connection.execute(sa.insert(monitoring).values(**night, evidence={"harm": harm}))
    assert snapshots.take(world.classifier, world.day(10).start).rows


def test_max_rows_keeps_the_most_recent(world):
    world.redeclare("holdout=days(5)", "max_rows=100, holdout=days(5)").fill(count=5)
    everything = database().read(
        sa.select(tables_of(world.classifier).event.c.event_time).order_by(sa.literal_column("event_time"))
    )
    rows = snapshots.read(world.name, snapshots.take(world.classifier, world.day(6).start).hash)
    assert len(rows) == 100
    assert rows["event_time"].min().to_pydatetime() == everything["event_time"][100].as_py()


def test_a_window_bounds_how_far_back_a_snapshot_reaches_but_not_its_history_features(world):
    world.fill(count=8)
    unbounded = snapshots.read(world.name, snapshots.take(world.classifier, world.day(8).start).hash)
    world.redeclare("holdout=days(5)", "window=days(3), holdout=days(1)")
    bounded = snapshots.read(world.name, snapshots.take(world.classifier, world.day(8).start).hash)
    assert bounded["event_time"].min() >= world.day(4).start
    same = unbounded[unbounded["event_id"].isin(bounded["event_id"])].reset_index(drop=True)
    assert same.equals(bounded)


@pytest.mark.parametrize(
    ("positive", "found"), [(True, "120 labelled events, 120 positive"), (False, "120 labelled events, 0 positive")]
)
def test_one_class_alone_is_a_clear_error(world, positive, found):
    world.fill(count=3)
    relabel(world, positive)
    with pytest.raises(TrainingError, match=rf"mature labels of both classes.*{found}.*ingest more"):
        snapshots.take(world.classifier, world.day(5).start)


def test_no_label_is_a_clear_error(world):
    with pytest.raises(TrainingError, match=r"training toy as of 2026-03-06.*no labelled event"):
        snapshots.take(world.classifier, world.day(5).start)


def test_a_snapshot_that_is_not_there_is_a_clear_error(world):
    with pytest.raises(NotFound, match="reading snapshot abc of toy"):
        snapshots.read(world.name, "abc")
