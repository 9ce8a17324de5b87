import pandas as pd
import sqlalchemy as sa

from leeway.definition import catalog, grains
from leeway.definition.partitions import Partition
from leeway.ingest import deliveries, publication, quarantine
from leeway.ingest.audit import audit
from leeway.store import ledger
from leeway.store.database import database
from leeway.store.schemas import ensure_tables

DAY = Partition.parse("2026-03-01", grains.DAY)


def rows(amounts):
    count = len(amounts)
    return pd.DataFrame(
        {
            "id": [str(number) for number in range(count)],
            "at": ["2026-03-01T12:00"] * count,
            "bad": ["0"] * count,
            "card": ["c"] * count,
            "email": ["someone@example.org"] * count,
            "amount": amounts,
            "kind": ["k"] * count,
        }
    )


def ingest(name, frame):
    classifier = catalog.load(name)
    delivery = deliveries.write(name, DAY, frame)
    audit(classifier, DAY, delivery)
    return publication.publish(classifier, DAY, delivery, catalog.audit_fingerprint(name))


def events(classifier):
    with database().transaction() as connection:
        event = ensure_tables(connection, classifier).event
        return connection.scalar(sa.select(sa.func.count()).select_from(event).where(event.c.superseded_at.is_(None)))


def test_quarantined_rows_are_listed_with_their_rule_and_without_sensitive_values(project):
    ingest(project.declare(), rows(["1"] * 9 + ["-1"]))
    (found,) = quarantine.rows(catalog.load("toy"))
    assert (found.partition, found.occurrences) == (DAY.key, 1)
    assert found.broken[0].startswith("expect_column_values_to_be_between(column=amount")
    assert (found.shown["amount"], found.shown["email"]) == ("-1", "•••")


def test_a_replay_publishes_the_rows_once_the_suite_is_mended(project):
    name = project.declare()
    ingest(name, rows(["1"] * 8 + ["-1", "-900"]))
    classifier = catalog.load(name)
    assert quarantine.replay(classifier) == {DAY.key: "0 new events, 2 still in quarantine"}

    suite = (project.root / "expectations" / "toy.py").read_text()
    project.write("expectations/toy.py", suite.replace("min_value=0", "min_value=-100"))
    classifier = catalog.load(name)
    assert quarantine.replay(classifier) == {DAY.key: "1 new events, 1 still in quarantine"}
    assert events(classifier) == 9
    assert len(quarantine.rows(classifier)) == 1
    with database().transaction() as connection:
        entry = ledger.entry(connection, name, DAY, "ingest")
    assert entry.input["suite"] == catalog.audit_fingerprint(name)


def test_a_replay_that_is_refused_says_why_and_keeps_everything(project):
    name = project.declare()
    ingest(name, rows(["1"] * 9 + ["-1"]))
    suite = (project.root / "expectations" / "toy.py").read_text()
    project.write("expectations/toy.py", suite.replace("min_value=5", "min_value=50"))
    classifier = catalog.load(name)
    (said,) = quarantine.replay(classifier).values()
    assert "breaks a table-level expectation" in said
    assert (events(classifier), len(quarantine.rows(classifier))) == (9, 1)


def test_a_replay_leaves_a_partition_that_another_process_is_at(project):
    name = project.declare()
    ingest(name, rows(["1"] * 9 + ["-1"]))
    with database().lock(f"partition {name} {DAY.key}", "ingesting"):
        (said,) = quarantine.replay(catalog.load(name)).values()
    assert "another process is at it now" in said


def test_nothing_in_quarantine_is_nothing_to_replay(project):
    classifier = catalog.load(project.declare())
    assert quarantine.rows(classifier) == []
    assert quarantine.replay(classifier) == {}
