from leeway.dataset import revisions
from tests.leeway.conftest import raw_rows


def test_a_column_that_is_filled_in_after_the_event_is_found_and_one_that_is_corrected_now_and_then_is_not(world):
    day = world.day(0)
    rows = raw_rows(day, 60)
    world.deliver(day, rows.assign(kind=None))
    assert revisions.filled_later(world.classifier) == {}
    later = rows.assign(amount=rows["amount"].where(rows.index > 1, 1.0))
    world.deliver(day, later)
    assert revisions.filled_later(world.classifier) == {
        "kind": "changed in 60 of 60 events after they were first delivered"
    }
    world.redeclare('"kind": categorical(', '"kind": categorical(known_at_event=True')
    assert revisions.filled_later(world.classifier) == {}
