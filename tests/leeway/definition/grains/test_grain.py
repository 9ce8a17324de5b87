import pickle
import re
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from cronsim import CronSim
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from leeway.definition import CSV, Classifier, Label, days, numeric
from leeway.definition.grains import GRAINS, NamedGrain, named, start_of_key
from leeway.definition.partitions import Partition, between, keys_of
from leeway.ingest.times import FIRST, LAST

EVERY = pytest.mark.parametrize("grain", GRAINS, ids=str)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.timezones())
STEPS = st.integers(-2000, 2000)


@EVERY
@given(moment=MOMENTS)
def test_a_moment_lies_in_its_partition_and_in_no_other(grain, moment):
    partition = Partition.containing(moment, grain)
    assert partition.start <= moment < partition.end
    assert Partition.containing(partition.start, grain) == partition
    assert Partition.containing(partition.end - timedelta(microseconds=1), grain) == partition
    assert Partition.containing(partition.end, grain) == partition.shift(1)
    assert keys_of(pd.Series([moment]), grain).tolist() == [partition.key]


@EVERY
@given(moment=MOMENTS, steps=STEPS)
def test_steps_lead_there_and_back_without_gaps(grain, moment, steps):
    partition = Partition.containing(moment, grain)
    there = partition.shift(steps)
    assert there.shift(-steps) == partition
    assert there.end == partition.shift(steps + 1).start
    assert grain.steps(partition.start, there.start) == steps


@EVERY
@given(moment=MOMENTS, steps=st.integers(0, 30))
def test_keys_name_partitions_and_sort_as_they_do(grain, moment, steps):
    partition = Partition.containing(moment, grain)
    later = partition.shift(steps)
    assert Partition.parse(partition.key, grain) == partition
    assert (partition.key < later.key) == (steps > 0)
    assert len(list(between(partition, later))) == steps + 1


@EVERY
@given(moment=MOMENTS)
def test_a_key_begins_with_its_date_and_tells_its_start_without_the_grain(grain, moment):
    partition = Partition.containing(moment, grain)
    date = partition.start.date().isoformat()
    assert partition.key.startswith(date) or date.startswith(partition.key)
    assert start_of_key(partition.key) == partition.start


@EVERY
@given(moment=MOMENTS)
def test_an_iso_date_or_time_is_read_as_the_partition_that_it_lies_in(grain, moment):
    assert Partition.parse(moment.isoformat(), grain) == Partition.containing(moment, grain)
    assert Partition.parse(f"{moment:%Y-%m-%d}", grain) == Partition.containing(moment.date(), grain)


@EVERY
@given(moment=MOMENTS)
@example(moment=datetime(2026, 3, 4, 5, tzinfo=UTC))
def test_places_in_the_season_and_in_the_calendar_follow_one_another(grain, moment):
    partition = Partition.containing(moment, grain)
    assert 0 <= grain.place(partition.start) < grain.season
    assert grain.place(partition.shift(grain.season).start) == grain.place(partition.start)
    assert 0 <= grain.column(partition.start) < grain.row
    assert grain.short(partition.key) in partition.key + "h"


@EVERY
def test_the_first_and_the_last_instants_that_a_source_may_have_lie_in_partitions(grain):
    times = pd.Series([FIRST, LAST]).dt.as_unit("us").dt.tz_localize("UTC")
    starts = [start_of_key(key) for key in keys_of(times, grain)]
    assert all(timedelta(0) <= at - start < 1.1 * grain.length for at, start in zip(times, starts, strict=True))


@EVERY
def test_what_the_platform_takes_for_granted_fits_the_length(grain):
    start = Partition.containing(datetime(2026, 3, 4), grain).start
    assert 300 < (grain.shift(start, round(grain.a_year)) - start).days < 400
    assert grain.least_reference < grain.most_reference
    assert grain.tested >= 3 * grain.length
    assert len(grain.heads) in (0, grain.row)
    assert (grain.count(1), grain.count(2)) == (f"1 {grain.noun}", f"2 {grain.noun}s")
    next(CronSim(grain.cron, datetime(2026, 1, 1)))


@EVERY
def test_a_grain_is_a_name_outside_and_the_same_object_in_every_process(grain):
    adapter = TypeAdapter(NamedGrain)
    assert adapter.dump_json(grain).decode() == f'"{grain.name}"'
    assert adapter.validate_python(grain.name) is named(grain.name) is grain
    partition = Partition.containing(datetime(2026, 3, 4), grain)
    assert pickle.loads(pickle.dumps(partition)) == partition


def test_no_two_grains_have_a_name_in_common():
    assert len({grain.name for grain in GRAINS}) == len(GRAINS)
    assert all(re.fullmatch(r"[a-z_]+", grain.name) for grain in GRAINS)


def declare(partition):
    return Classifier(
        source=CSV(path="x"),
        event_id="id",
        event_time="at",
        label=Label(column="y", delay=days(0)),
        columns={"x": numeric()},
        partition=partition,
    )


@EVERY
def test_a_definition_says_its_grain_by_name(grain):
    assert declare(grain.name).partition is grain
    assert declare(grain.name).model_dump()["partition"] == grain.name


def test_an_unknown_grain_is_refused_with_those_that_there_are():
    with pytest.raises(ValidationError, match=r"grain 'fortnight' is unknown; use one of 'hour', 'day', 'week'"):
        declare("fortnight")
    with pytest.raises(ValidationError):
        declare(7)


@pytest.mark.parametrize("key", ["yesterday", "2026-03-29-mon", "2026-03-31-sun"])
def test_no_key_is_refused(key):
    with pytest.raises(ValueError, match="is no partition's key"):
        start_of_key(key)
