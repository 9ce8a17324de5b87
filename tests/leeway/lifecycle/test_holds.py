import pytest

from leeway.core.errors import NotFound
from leeway.lifecycle import holds, retraining
from leeway.lifecycle.retraining import claim, file, get, settle, startable
from leeway.operations.status import status
from leeway.store.database import database


def ask(world, key, day=0, **options):
    with database().transaction() as connection:
        return file(connection, world.classifier, key, world.day(day).start, "harm", **options)


def test_while_somebody_holds_a_classifier_a_breach_waits_for_a_person(world):
    assert holds.hold("toy", "the source is being moved", "ada") == []
    assert ask(world, "toy:1", day=1) == "held"
    why = get("toy:1").history[0]["why"]
    assert why.startswith("held by ada since 20")
    assert why.endswith(": the source is being moved")
    assert str(status(world.classifier).hold) == why
    assert ask(world, "toy:9", day=9) == "suppressed"
    assert ask(world, "mine", day=1, forced=True) == "requested"


@pytest.mark.parametrize("state", ["requested", "waiting", "running"])
def test_a_hold_stops_what_is_open_and_a_release_lets_it_go_on(world, state):
    ask(world, "toy:12", day=12, since=world.day(10).start if state == "waiting" else None)
    if state == "running":
        claim("toy:12")
        assert retraining.is_running("toy:12")
    assert get("toy:12").state == state
    assert [request.state for request in holds.hold("toy", "wait", "ada")] == ["held"]
    assert startable("toy") is None
    assert not retraining.is_running("toy:12")
    assert [request.key for request in holds.release(world.classifier, "go on", "eve")] == ["toy:12"]
    assert get("toy:12").state == ("waiting" if state == "waiting" else "requested")
    assert get("toy:12").history[-1]["why"] == "released by eve: go on"
    assert status(world.classifier).hold is None


def test_one_request_may_be_approved_while_the_hold_lasts(world):
    holds.hold("toy", "wait", "ada")
    ask(world, "toy:1", day=1)
    assert settle("toy:1", True, "ada").state == "requested"
    assert claim("toy:1").state == "running"
    assert retraining.is_running("toy:1")


def test_a_release_leaves_what_the_definition_asks_a_person_about(world):
    world.redeclare("cooldown=days(3)", 'cooldown=days(3), retrain="hold"')
    holds.hold("toy", "wait", "ada")
    ask(world, "toy:1", day=1)
    assert holds.release(world.classifier, "go on", "ada") == []
    assert get("toy:1").state == "held"


def test_who_is_not_held_cannot_be_released_and_others_are_not_held(world):
    with pytest.raises(NotFound, match=r"releasing toy: nobody holds it"):
        holds.release(world.classifier, "go on", "ada")
    holds.hold("other", "wait", "ada")
    assert ask(world, "toy:1", day=1) == "requested"
