import pytest
import sqlalchemy as sa

from leeway.core.errors import DeliveryRejected, NotFound
from leeway.ingest import publication
from leeway.lifecycle.retraining import file
from leeway.operations.status import LAST, status, verdict
from leeway.scoring.batch_scoring import score
from leeway.store.database import database
from leeway.store.tables import monitoring


def monitored(world, number, verdict):
    values = {"version": 1, "verdict": verdict, "why": "because", "rows": 1, "evidence": {}, "report": f"{number}.html"}
    with database().transaction() as connection:
        connection.execute(
            sa.insert(monitoring).values(classifier=world.name, partition=world.day(number).key, **values)
        )


def test_a_classifier_without_a_past_has_an_empty_status(world):
    found = status(world.classifier)
    assert (found.champion, found.events, found.quarantined, found.ledger, found.requests) == (None, 0, 0, [], [])


def test_status_shows_champion_counts_the_last_partitions_and_requests(quick):
    score(quick.classifier, quick.day(19))
    error = DeliveryRejected("auditing", problem="there are too few rows", found="2", hint="wait")
    publication.reject(quick.classifier, quick.day(20), "d", "s", error)
    with database().transaction() as connection:
        file(connection, quick.classifier, "toy:1", quick.day(20).start, "harm")
    found = status(quick.classifier)
    assert found.champion.version == 1
    assert (found.events, found.quarantined) == (800, 0)
    assert len(found.ledger) == LAST
    newest, scored, ingested = found.ledger[:3]
    assert newest["partition"] == "2026-03-21"
    assert newest["ingest"] == "rejected: there are too few rows (found: 2)"
    assert scored["score"].endswith("of 40 flagged by v1")
    assert (ingested["ingest"], ingested["score"], ingested["monitor"]) == ("40 events, 0 quarantined", "", "")
    assert [request.key for request in found.requests] == ["toy:1"]


def test_the_last_verdict_is_the_default_and_any_date_within_a_partition_finds_its_own(world):
    monitored(world, 3, "quiet")
    monitored(world, 4, "drift")
    assert verdict(world.classifier, None)["verdict"] == "drift"
    assert verdict(world.classifier, "2026-03-04T15:00:00") == {
        "partition": "2026-03-04",
        "verdict": "quiet",
        "why": "because",
        "report": "3.html",
    }


@pytest.mark.parametrize(
    ("partition", "hint"), [(None, "leeway backfill toy"), ("2026-03-04", "leeway nightly toy --partition 2026-03-04")]
)
def test_a_verdict_that_is_not_there_is_a_clear_error(world, partition, hint):
    with pytest.raises(NotFound, match=f"run `{hint}`") as error:
        verdict(world.classifier, partition)
    assert error.value.found == partition
