import pytest

from leeway.core.errors import DeliveryRejected, NotFound
from leeway.definition import catalog
from leeway.definition.partitions import between
from leeway.ingest import publication
from leeway.operations.backfill_plan import estimate, missed, plan, span
from leeway.scoring.batch_scoring import score
from leeway.store import ledger
from leeway.store.database import database
from leeway.store.ledger import STAGES


def record(world, number, stage, **input):
    with database().transaction() as connection:
        ledger.record(connection, world.name, world.day(number), stage, input=input, output={})


def done(world, *numbers, delivery="d", suite=None, version=1):
    """All stages of these days are done, as they would be tonight."""
    suite = suite or catalog.audit_fingerprint(world.name)
    source = {"delivery": delivery, "suite": suite}
    for number in numbers:
        record(world, number, "ingest", **source)
        for stage in ("score", "monitor"):
            record(world, number, stage, **source, version=version, checksum="c")


def planned(world, first, last, which, stages=STAGES):
    steps = plan(world.classifier, list(between(world.day(first), world.day(last))), stages, which)
    return [(step.partition.key[-2:], step.stage, step.why) for step in steps]


@pytest.fixture
def crowned(world):
    """One cheap trial."""
    return world.one_trial()


def test_what_was_never_done_is_missing_oldest_partition_and_earliest_stage_first(world):
    done(world, 1)
    record(world, 2, "ingest", delivery="d", suite="s")
    assert planned(world, 0, 2, "missing") == [
        ("01", "ingest", "missing"),
        ("01", "score", "missing"),
        ("01", "monitor", "missing"),
        ("03", "score", "missing"),
        ("03", "monitor", "missing"),
    ]


@pytest.mark.parametrize("which", ["missing", "stale", "all"])
def test_a_rejected_delivery_is_due_with_all_that_follows_it(world, which):
    done(world, 0)
    error = DeliveryRejected("auditing", problem="rows must be enough", found="2", hint="wait")
    publication.reject(world.classifier, world.day(0), "other", catalog.audit_fingerprint(world.name), error)
    steps = planned(world, 0, 0, which)
    assert steps[0] == ("01", "ingest", "rejected")
    assert [stage for _, stage, _ in steps] == list(STAGES)


def test_what_is_done_as_it_would_be_tonight_is_due_only_when_all_is_asked_for(world):
    done(world, 0, 1)
    assert planned(world, 0, 1, "missing") == planned(world, 0, 1, "stale") == []
    assert [why for *_, why in planned(world, 0, 1, "all")] == ["asked for"] * 6


def test_another_suite_makes_a_partition_stale_from_the_start(world):
    done(world, 0, 1)
    world.project.write(f"expectations/{world.name}.py", "expectations = []")
    assert planned(world, 1, 1, "stale") == [
        ("02", "ingest", "the suite has changed"),
        ("02", "score", "follows an earlier stage"),
        ("02", "monitor", "follows an earlier stage"),
    ]
    assert planned(world, 0, 1, "missing") == []


def test_another_delivery_makes_what_was_scored_from_the_former_stale(world):
    done(world, 0)
    record(world, 0, "ingest", delivery="later", suite=catalog.audit_fingerprint(world.name))
    assert planned(world, 0, 0, "stale") == [
        ("01", "score", "the delivery has changed"),
        ("01", "monitor", "follows an earlier stage"),
    ]


def test_a_delivery_that_was_audited_anew_makes_its_scores_stale(world):
    done(world, 0, suite="former")
    record(world, 0, "ingest", delivery="d", suite=catalog.audit_fingerprint(world.name))
    assert planned(world, 0, 0, "stale")[0] == ("01", "score", "ingest was run again")


def test_another_champion_makes_scores_and_verdicts_stale(crowned):
    crowned.fill(count=20)
    assert crowned.crown() == 1
    done(crowned, 0)
    assert planned(crowned, 0, 0, "stale") == []
    assert crowned.crown(19) == 2
    assert planned(crowned, 0, 0, "stale") == [
        ("01", "score", "version 2 is champion now"),
        ("01", "monitor", "version 2 is champion now"),
    ]
    record(crowned, 0, "score", delivery="d", suite=catalog.audit_fingerprint("toy"), version=2, checksum="c")
    assert planned(crowned, 0, 0, "stale", ("monitor",)) == [("01", "monitor", "score was run again")]


def test_what_scoring_itself_writes_is_not_stale(crowned):
    crowned.fill(count=20).crown()
    score(crowned.classifier, crowned.day(3))
    assert planned(crowned, 3, 3, "stale", ("score",)) == []


def test_only_the_stages_that_are_asked_for_are_planned(world):
    done(world, 0)
    assert planned(world, 0, 1, "missing", ("ingest",)) == [("02", "ingest", "missing")]
    assert planned(world, 0, 0, "all", ("score",)) == [("01", "score", "asked for")]


def test_an_empty_range_is_a_clear_error(world):
    with pytest.raises(NotFound) as error:
        span(world.classifier, world.day(2), world.day(1))
    assert error.value.found == "2026-03-03 to 2026-03-02"


def missed_nights(world, due):
    return [partition.key[-2:] for partition in missed(world.classifier, world.day(due))]


def test_no_night_is_missed_before_the_first_was_held(world):
    assert missed_nights(world, 5) == []
    for number in range(3):
        record(world, number, "ingest", delivery="d", suite="s")  # history
    assert missed_nights(world, 5) == []


def test_missed_nights_are_those_not_finished_since_the_first_oldest_first(world):
    record(world, 0, "ingest", delivery="d", suite="s")
    done(world, 1, 4)
    record(world, 2, "ingest", delivery="d", suite="s")  # was killed on its way
    assert missed_nights(world, 6) == ["03", "04", "06"]
    assert missed_nights(world, 2) == []


def test_nights_further_back_than_the_schedule_catches_up_are_left(world):
    done(world, 0)
    assert len(missed_nights(world, 100)) == world.classifier.schedule.catch_up.days


def test_an_estimate_is_by_what_each_stage_took_lately(world):
    steps = plan(world.classifier, [world.day(0), world.day(1)], STAGES, "missing")
    assert estimate(world.name, steps) is None
    done(world, 5, 6, 7)
    with database().transaction() as connection:
        for stage, seconds in (("ingest", 3.0), ("score", 2.0), ("monitor", 5.0)):
            for number, factor in ((5, 1), (6, 1), (7, 100)):
                ledger.took(connection, world.name, world.day(number), stage, seconds * factor)
    assert estimate(world.name, steps) == 2 * (3.0 + 2.0 + 5.0)
    assert estimate(world.name, []) == 0
