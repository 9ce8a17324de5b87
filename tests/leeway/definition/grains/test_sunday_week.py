import re
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from leeway.dataset import snapshots
from leeway.definition import catalog
from leeway.definition.grains import named
from leeway.definition.partitions import Partition, between
from leeway.ingest import audit, publication, sources
from leeway.lifecycle import registry
from leeway.monitoring import night
from leeway.scoring import batch_scoring
from leeway.training import fit
from leeway.views import on_call, overview, owner, roster
from tests.conftest import TOY_MODEL
from tests.leeway.conftest import raw_rows

SUNDAY_WEEK = named("sunday_week")
FIRST = Partition.parse("2026-01-04-sun", SUNDAY_WEEK)


def test_a_week_starts_on_sunday():
    saturday, sunday = datetime(2026, 4, 4, 23, 59, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC)
    assert Partition.containing(saturday, SUNDAY_WEEK).key == "2026-03-29-sun"
    assert Partition.containing(sunday, SUNDAY_WEEK).key == "2026-04-05-sun"
    assert Partition.parse("2026-04-01", SUNDAY_WEEK).start == datetime(2026, 3, 29, tzinfo=UTC)


@pytest.fixture
def weekly(project):
    """A toy classifier by weeks from Sunday, with fifteen of them at its source."""
    model = TOY_MODEL.replace("columns=", 'partition="sunday_week", columns=', 1)
    model = model.replace(", Boosting(max_leaf_nodes=(7,), max_iter=20))", ",)")
    model = model.replace("holdout=days(5)", "holdout=days(28)")
    project.declare(model=model)
    weeks = list(between(FIRST, FIRST.shift(14)))
    rows = [raw_rows(week, 200).assign(at=lambda given: _over_a_week(given["at"])) for week in weeks]
    project.write("data/rows.csv", pd.concat(rows).to_csv(index=False))
    return catalog.load("toy"), weeks


def _over_a_week(times):
    place = pd.Series(range(len(times)), index=times.index) % 7
    return (pd.to_datetime(times, format="ISO8601") + pd.to_timedelta(place, unit="D")).map(lambda at: at.isoformat())


def test_a_classifier_lives_by_weeks_from_sunday(weekly):
    classifier, weeks = weekly
    assert sources.occupied(classifier, weeks[-1].end) == weeks
    for week in weeks:
        delivery = sources.deliver(classifier, week)
        audit.audit(classifier, week, delivery)
        published = publication.publish(classifier, week, delivery, "suite")
        assert published.rows == 200
    as_of = weeks[-1].start
    key = fit.fit(classifier, snapshots.take(classifier, as_of).hash, as_of)
    registry.promote("toy", registry.register("toy", key), reason="test", actor="test")
    assert batch_scoring.score(classifier, weeks[-1]).rows == 200
    found = night.run(classifier, weeks[-1])
    assert found.verdict in ("quiet", "drift", "suspect")

    now = weeks[-1].end + timedelta(hours=3)
    days = on_call.calendar(classifier, now)
    assert [day.partition for day in days] == [week.key for week in reversed(weeks)]
    assert {cell.state for cell in days[0].cells.values()} == {"done"}
    assert on_call.weeks(days, classifier)[0][0].partition == "2026-01-04-sun"
    (row,) = overview.rows(now)
    assert (row.mark, row.night.partition) == ("well", "2026-04-12-sun")
    assert owner.course(roster.known("toy")).total is None  # no mature labels yet
    assert re.search(r"2026-04-12-sun", str(found.report))
