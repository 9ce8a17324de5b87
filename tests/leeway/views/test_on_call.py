from datetime import UTC, datetime, timedelta

import pytest

from leeway.definition.grains import DAY, HOUR, MONTH, WEEK
from leeway.definition.partitions import Partition, between
from leeway.store import ledger
from leeway.store.database import database
from leeway.views import on_call
from leeway.views.on_call import Cell, Day


def record(world, number, *stages, delivery="first", verdict="quiet"):
    """Say that stages have done a day."""
    with database().transaction() as connection:
        for stage in stages:
            source = {"delivery": delivery, "suite": "suite"}
            output = {"rows": 40, "quarantined": 0}
            if stage != "ingest":
                source["version"] = 1
                output = {"rows": 40, "positives": 3, "verdict": verdict, "why": "", "report": "", "request": None}
            ledger.record(connection, world.name, world.day(number), stage, input=source, output=output)


def states(world, now):
    return {
        day.partition: [cell.state for cell in day.cells.values()] for day in on_call.calendar(world.classifier, now)
    }


def test_the_calendar_tells_done_late_failed_quarantined_stale_and_not_due_apart(world):
    record(world, 0, "ingest")  # history
    record(world, 1, "ingest", "score", "monitor")
    record(world, 2, "ingest", "score", "monitor")
    record(world, 2, "ingest", delivery="second")
    with database().transaction() as connection:
        source = {"delivery": "x", "suite": "suite"}
        ledger.record(
            connection,
            world.name,
            world.day(3),
            "ingest",
            status="rejected",
            input=source,
            output={"reason": "columns"},
        )
        output = {"rows": 40, "quarantined": 2}
        ledger.record(connection, world.name, world.day(4), "ingest", input=source, output=output)
    now = world.day(7).start + timedelta(hours=1)  # the night of day 6 is due at two
    assert states(world, now) == {
        "2026-03-01": ["done", "none", "none"],
        "2026-03-02": ["done", "done", "done"],
        "2026-03-03": ["done", "stale", "done"],
        "2026-03-04": ["failed", "none", "none"],
        "2026-03-05": ["quarantined", "late", "late"],
        "2026-03-06": ["late", "late", "late"],
        "2026-03-07": ["none", "none", "none"],
    }
    assert states(world, now + timedelta(hours=4))["2026-03-07"] == ["late", "late", "late"]


def test_the_calendar_goes_back_to_a_night_that_is_asked_for(world):
    for number in range(12):
        record(world, number, "ingest", "score", "monitor")
    now = world.day(11).end + timedelta(hours=1)

    def shown(at):
        return [day.partition for day in reversed(on_call.calendar(world.classifier, now, 5, at))]

    last = ["2026-03-08", "2026-03-09", "2026-03-10", "2026-03-11", "2026-03-12"]
    assert [shown(None), shown("2026-03-08"), shown("2026-03-11")] == [last, last, last]
    assert shown("2026-03-05") == ["2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06", "2026-03-07"]
    assert shown("2026-03-01") == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert shown("1999-01-01") == last
    days = on_call.calendar(world.classifier, now, 5)
    assert on_call.earlier(world.classifier, days) == "2026-03-01"
    assert on_call.earlier(world.classifier, on_call.calendar(world.classifier, now)) is None


@pytest.mark.parametrize(
    ("verdict", "state"),
    [("quiet", "done"), ("drift", "done"), ("alert", "alarm"), ("breach", "alarm"), ("data fault", "quarantined")],
)
def test_a_night_that_found_something_does_not_look_like_a_quiet_one(world, verdict, state):
    record(world, 1, "ingest", "score", "monitor", verdict=verdict)
    now = world.day(2).start + timedelta(hours=1)
    assert states(world, now)["2026-03-02"] == ["done", "done", state]


def test_nothing_is_late_where_nothing_ever_ran(world):
    assert on_call.calendar(world.classifier, datetime.now(UTC)) == []


@pytest.mark.parametrize(
    ("grain", "first", "width", "place"),
    [
        (DAY, "2026-03-04", 7, 2),
        (HOUR, "2026-03-04T05", 24, 5),
        (WEEK, "2026-03-02", 13, 0),
        (MONTH, "2026-03", 12, 2),
    ],
)
def test_the_calendars_rows_are_weeks_of_days_days_of_hours_and_years_of_months(world, grain, first, width, place):
    begin = Partition.parse(first, grain)
    days = [Day(item.key, dict.fromkeys(ledger.STAGES, Cell("done"))) for item in between(begin, begin.shift(20))]
    rows = on_call.weeks(list(reversed(days)), world.classifier.model_copy(update={"partition": grain}))
    assert {len(row) for row in rows} == {width}
    assert rows[0][place].partition == first
    assert rows[0][:place] == [None] * place
    assert sum(day is not None for row in rows for day in row) == 21
