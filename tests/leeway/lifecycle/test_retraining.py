from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from leeway.core.errors import NotFound
from leeway.lifecycle import retraining
from leeway.lifecycle.retraining import all_of, claim, file, get, move, settle, startable
from leeway.store.database import database


def ask(world, key, day=0, **options):
    with database().transaction() as connection:
        return file(connection, world.classifier, key, world.day(day).start, "harm", **options)


def states(request):
    return [step["state"] for step in request.history]


def test_a_request_is_carried_out_once_and_its_history_keeps_every_transition(world):
    assert ask(world, "toy:1") == "requested"
    assert startable("toy") == "toy:1"
    assert claim("toy:1").state == "running"
    done = move("toy:1", "promoted", "all gates passed", version=4)
    assert (done.state, done.version, done.reason) == ("promoted", 4, "harm")
    assert states(done) == ["requested", "running", "promoted"]
    assert [step["why"] for step in done.history] == ["harm", "started", "all gates passed"]
    assert [step["at"] for step in done.history] == sorted(step["at"] for step in done.history)
    assert startable("toy") is None
    assert all_of("toy") == [done]


def test_however_many_ask_there_is_one_request_of_a_key(world):
    world.fill(count=1)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: ask(world, "toy:1"), range(16)))
    assert set(answers) == {"requested"}
    assert [states(request) for request in all_of("toy")] == [["requested"]]


def test_of_several_breaches_at_once_one_starts(world):
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: ask(world, f"toy:{number}"), range(8)))
    assert sorted(answers) == ["requested"] + ["suppressed"] * 7
    assert {request.classifier for request in all_of("toy")} == {"toy"}


def test_asking_again_changes_nothing_of_what_became_of_a_request(world):
    ask(world, "toy:1")
    claim("toy:1")
    move("toy:1", "failed", "no luck")
    assert ask(world, "toy:1") == "failed"
    assert ask(world, "toy:1", forced=True) == "failed"
    assert states(get("toy:1")) == ["requested", "running", "failed"]


@pytest.mark.parametrize("state", ["requested", "running"])
def test_an_open_request_suppresses_others_and_says_which(world, state):
    ask(world, "toy:1")
    if state == "running":
        claim("toy:1")
    assert ask(world, "toy:20", day=20) == "suppressed"
    assert get("toy:20").history[0]["why"] == f"toy:1 is already {state}"


def test_after_a_request_there_is_a_cooldown_of_its_own_time(world):
    ask(world, "toy:1", day=1)
    claim("toy:1")
    move("toy:1", "kept_champion", "a tie")
    assert ask(world, "toy:3", day=3) == "suppressed"
    assert get("toy:3").history[0]["why"] == "cooldown until 2026-03-05 after toy:1"
    assert ask(world, "toy:4", day=4) == "requested"  # cooldown=days(3); a suppressed one begins none


def test_a_person_who_asks_waits_for_nothing(world):
    ask(world, "toy:1", day=1)
    world.redeclare("cooldown=days(3)", 'cooldown=days(3), retrain="never"')
    assert ask(world, "mine", day=1, forced=True) == "requested"


def test_a_policy_that_never_retrains_suppresses(world):
    world.redeclare("cooldown=days(3)", 'cooldown=days(3), retrain="never"')
    assert ask(world, "toy:1") == "suppressed"
    assert startable("toy") is None
    with pytest.raises(NotFound, match=r"carrying out toy:1.*\(found: suppressed\)"):
        claim("toy:1")


def test_a_reference_too_short_to_act_by_suppresses_and_says_so(world):
    assert ask(world, "toy:1", too_short="harm, but 20 partitions are too few") == "suppressed"
    assert get("toy:1").history[0]["why"] == "harm, but 20 partitions are too few"
    assert ask(world, "toy:2", day=1) == "requested"  # it begins no cooldown


def test_a_held_request_waits_for_a_person_and_the_answer_is_final(world):
    world.redeclare("cooldown=days(3)", 'cooldown=days(3), retrain="hold"')
    assert ask(world, "toy:1") == "held"
    assert startable("toy") is None
    with pytest.raises(NotFound, match=r"found: held\); approve it"):
        claim("toy:1")
    assert ask(world, "toy:9", day=9) == "suppressed"
    approved = settle("toy:1", True, "ada")
    assert (approved.state, approved.history[-1]["why"]) == ("requested", "approved by ada")
    assert startable("toy") == "toy:1"
    with pytest.raises(NotFound, match=r"rejecting toy:1: .*\(found: requested\)"):
        settle("toy:1", False, "eve")
    assert states(get("toy:1")) == ["held", "requested"]


def test_a_rejected_request_is_closed_and_begins_no_cooldown(world):
    world.redeclare("cooldown=days(3)", 'cooldown=days(3), retrain="hold"')
    ask(world, "toy:1", day=1)
    assert settle("toy:1", False, "ada").state == "rejected"
    with pytest.raises(NotFound):
        claim("toy:1")
    assert ask(world, "toy:2", day=2) == "held"


def test_of_two_answers_at_once_one_counts(world):
    world.redeclare("cooldown=days(3)", 'cooldown=days(3), retrain="hold"')
    ask(world, "toy:1")

    def answer(approved):
        try:
            return settle("toy:1", approved, "someone").state
        except NotFound:
            return None

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(answer, [True, False] * 8))
    assert len([state for state in answers if state]) == 1
    assert len(get("toy:1").history) == 2


def test_a_running_request_whose_process_died_is_found_and_taken_up_again(world):
    ask(world, "toy:1")
    claim("toy:1")
    assert startable("toy") == "toy:1"
    assert claim("toy:1").history[-1]["why"] == "started again after its process died"


@pytest.mark.parametrize("end", ["promoted", "kept_champion", "failed"])
def test_what_is_over_is_not_taken_up_again(world, end):
    ask(world, "toy:1")
    claim("toy:1")
    move("toy:1", end, "over")
    with pytest.raises(NotFound, match=f"found: {end}"):
        claim("toy:1")
    assert states(get("toy:1")) == ["requested", "running", end]


def test_a_request_that_does_not_exist_is_a_clear_error(world):
    for act in (get, claim, lambda key: settle(key, True, "me")):
        with pytest.raises(NotFound, match=r"finding a retrain request.*found: nothing"):
            act("nothing")


def test_a_request_rolls_back_with_the_verdict_that_asked_for_it(world):
    def crash():
        with database().transaction() as connection:
            file(connection, world.classifier, "toy:1", world.day(1).start, "harm")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        crash()
    assert all_of("toy") == []


def test_the_oldest_request_comes_first_and_other_classifiers_do_not_count(world):
    with database().transaction() as connection:
        other = world.classifier.model_copy(update={"name": "other"})
        file(connection, other, "other:1", world.day(1).start, "harm")
    ask(world, "toy:1", forced=True)
    ask(world, "toy:2", day=1, forced=True)
    assert startable("toy") == "toy:1"
    assert [request.key for request in all_of("toy")] == ["toy:2", "toy:1"]
    assert get("toy:2").as_of - get("toy:1").as_of == timedelta(days=1)
    assert retraining.startable("other") == "other:1"


def test_what_waits_is_what_nobody_carries_out_for_a_while(world):
    ask(world, "toy:1")
    now = datetime.now(UTC) + timedelta(seconds=1)
    assert retraining.waiting(now - timedelta(minutes=2)) == []  # whoever filed it is about to ask
    assert [request.key for request in retraining.waiting(now)] == ["toy:1"]
    claim("toy:1")
    now = datetime.now(UTC) + timedelta(seconds=1)
    with database().lock(retraining.training_lock_name("toy"), "training toy"):
        assert retraining.waiting(now) == []
    assert [request.key for request in retraining.waiting(now)] == ["toy:1"]  # its process died
    move("toy:1", "failed", "no rows")
    assert retraining.waiting(datetime.now(UTC) + timedelta(seconds=1)) == []


def test_a_change_that_is_too_young_waits_and_goes_on_once_when_enough_is_known(world):
    began = world.day(10).start
    assert ask(world, "toy:12", day=12, since=began, evidence={"spreads": 7.5}) == "waiting"
    request = get("toy:12")
    assert request.since == began
    assert request.as_of == world.day(21).start  # five days to learn, five to test, one of delay
    assert request.history[0]["evidence"] == {"spreads": 7.5, "since": began.isoformat()}
    with pytest.raises(NotFound, match="found: waiting"):
        claim("toy:12")
    assert ask(world, "toy:13", day=13, since=began) == "suppressed"

    def night(number):
        with database().transaction() as connection:
            return retraining.ripen(connection, "toy", world.day(number).end)

    assert night(19) == []
    with ThreadPoolExecutor(4) as threads:
        ripened = list(threads.map(night, [20] * 4))
    assert sorted(ripened) == [[], [], [], ["toy:12"]]
    assert states(get("toy:12")) == ["waiting", "requested"]
    assert claim("toy:12").since == began


def test_a_change_that_is_known_well_enough_does_not_wait(world):
    assert ask(world, "toy:22", day=22, since=world.day(10).start) == "requested"


def test_after_too_many_promotions_in_a_quarter_a_breach_changes_nothing_and_says_so(world):
    world.redeclare("cooldown=days(3)", "cooldown=days(3), promotions_per_quarter=2")
    for day in (0, 10):
        ask(world, f"toy:{day}", day=day)
        claim(f"toy:{day}")
        move(f"toy:{day}", "promoted", "better")
    ask(world, "toy:20", day=20)
    assert (get("toy:20").state, get("toy:20").history[0]["why"]) == (
        "suppressed",
        "2 promotions within 91 days, as many as the definition allows",
    )
    assert ask(world, "toy:92", day=92) == "requested"  # the first was 92 days before


def test_what_a_person_approves_waits_until_enough_is_known_of_its_change(world):
    world.redeclare("cooldown=days(3)", 'cooldown=days(3), retrain="hold"')
    assert ask(world, "toy:12", day=12, since=world.day(10).start) == "held"
    approved = settle("toy:12", True, "ada")
    assert (approved.state, approved.as_of) == ("waiting", world.day(21).start)
    with database().transaction() as connection:
        assert retraining.ripen(connection, "toy", world.day(21).start) == ["toy:12"]


def test_an_incident_is_held_for_a_person_but_one_within_a_cooldown_is_not_even_that(world):
    assert ask(world, "toy:1", incident="half of all columns moved") == "held"
    assert get("toy:1").history[0]["why"].endswith(": half of all columns moved")
    assert ask(world, "toy:2", day=2, incident="half of all columns moved") == "suppressed"
