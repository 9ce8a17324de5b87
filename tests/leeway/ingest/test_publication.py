import threading
from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given
from hypothesis import settings as trial
from hypothesis import strategies as st

from leeway.core.errors import DeliveryRejected, LeewayError, StoreError
from leeway.definition import catalog, grains
from leeway.definition.partitions import Partition
from leeway.ingest import deliveries, publication
from leeway.ingest.audit import Audit, audit_path
from leeway.ingest.contract import check
from leeway.store import ledger
from leeway.store.database import database
from leeway.store.schemas import ensure_tables
from tests.conftest import TOY_MODEL

DAY = Partition.parse("2026-03-01", grains.DAY)
RULES = {"amount": "amount: must be a finite number"}


@pytest.fixture
def toy(project):
    return catalog.load(project.declare())


def rows(ids="abc", **columns):
    count = len(ids)
    given = {
        "id": list(ids),
        "at": ["2026-03-01T12:00"] * count,
        "bad": ["0"] * count,
        "card": ["c"] * count,
        "email": ["someone@example.org"] * count,
        "amount": ["1"] * count,
        "kind": ["k"] * count,
    }
    return pd.DataFrame({**given, **columns})


def audited(classifier, frame, partition=DAY):
    """Write a delivery, and an audit that found what the definition's contract finds."""
    delivery = deliveries.write(classifier.name, partition, frame)
    now = datetime.now(UTC)
    checked = check(classifier, partition, frame, now=now)
    found = Audit(delivery, len(frame), 0, dict(checked.broken), [], [], now.isoformat(), sorted(checked.repeated))
    found.save(audit_path(classifier.name, partition, delivery))
    return found


def deliver(classifier, frame, partition=DAY, suite="s"):
    """Write and publish a delivery."""
    return publication.publish(classifier, partition, audited(classifier, frame, partition).delivery, suite)


def stored(classifier, table):
    with database().transaction() as connection:
        chosen = getattr(ensure_tables(connection, classifier), table)
        return [row._mapping for row in connection.execute(sa.select(chosen).order_by(*chosen.primary_key.columns))]


def current(classifier):
    return {row["event_id"]: row["amount"] for row in stored(classifier, "event") if row["superseded_at"] is None}


def test_good_rows_become_events_and_labels_and_the_ledger_says_so(toy):
    done = deliver(toy, rows(bad=["0", "1", None]))
    assert (done.changed, done.rows, done.new, done.revised, done.labels, done.quarantined) == (True, 3, 3, 0, 2, 0)
    event = stored(toy, "event")[0]
    assert event["known_at"] == DAY.end
    assert (event["event_time"], event["kind"], event["amount"]) == (datetime(2026, 3, 1, 12, tzinfo=UTC), "k", 1.0)
    assert [(row["event_id"], row["positive"]) for row in stored(toy, "label")] == [("a", False), ("b", True)]
    with database().transaction() as connection:
        entry = ledger.entry(connection, "toy", DAY, "ingest")
        leftover = connection.scalar(sa.text("SELECT count(*) FROM pg_tables WHERE schemaname = 'staging'"))
    assert (entry.status, entry.input) == ("done", {"delivery": done.delivery, "suite": "s"})
    assert entry.output["new"] == 3
    assert leftover == 0


def test_rows_that_another_process_staged_are_published_as_they_are(toy):
    audit = audited(toy, rows(bad=["0", "1", None]))
    publication.stage(toy, DAY, audit)
    deliveries.path_of("toy", DAY, audit.delivery).unlink()
    done = publication.publish(toy, DAY, audit.delivery, "s")
    assert (done.rows, done.new, done.labels) == (3, 3, 2)
    assert set(current(toy)) == {"a", "b", "c"}


def test_rows_that_were_staged_by_an_earlier_audit_are_not_published(toy):
    publication.stage(toy, DAY, audited(toy, rows()))
    now = audited(toy, rows())
    replace(now, broken={0: ["refused since"]}).save(audit_path("toy", DAY, now.delivery))
    assert publication.publish(toy, DAY, now.delivery, "s").rows == 2
    assert set(current(toy)) == {"b", "c"}


def test_a_second_publication_of_the_same_delivery_changes_nothing(toy):
    first = deliver(toy, rows())
    before = [stored(toy, table) for table in ("event", "label", "quarantine")]
    again = deliver(toy, rows())
    assert (again.new, again.revised, again.labels) == (0, 0, 0)
    assert [stored(toy, table) for table in ("event", "label", "quarantine")] == before
    known = publication.published(toy, DAY, first.delivery, "s")
    assert known is not None
    assert not known.changed
    assert publication.published(toy, DAY, first.delivery, "another suite") is None
    assert publication.published(toy, DAY.shift(1), first.delivery, "s") is None


def test_a_revised_row_becomes_a_later_version_and_the_former_one_is_kept(toy):
    deliver(toy, rows())
    done = deliver(toy, rows(amount=["1", "2", "1"]))
    assert (done.new, done.revised) == (0, 1)
    old, new = [row for row in stored(toy, "event") if row["event_id"] == "b"]
    assert (old["amount"], new["amount"]) == (1.0, 2.0)
    assert old["superseded_at"] == new["known_at"] > old["known_at"]
    assert new["superseded_at"] is None


def test_an_event_that_a_redelivery_adds_was_not_known_before(toy):
    deliver(toy, rows())
    deliver(toy, rows(ids="abcd"))
    known_at = {row["event_id"]: row["known_at"] for row in stored(toy, "event")}
    assert known_at["a"] == DAY.end < known_at["d"]


def test_a_redelivery_in_another_order_or_with_repetitions_is_no_revision(toy):
    deliver(toy, rows())
    done = deliver(toy, pd.concat([rows().iloc[::-1], rows().head(1)], ignore_index=True))
    assert (done.new, done.revised, done.labels, done.repeated) == (0, 0, 0, 1)


def test_a_value_that_becomes_missing_is_a_revision(toy):
    deliver(toy, rows())
    assert deliver(toy, rows(kind=[None, "k", "k"])).revised == 1
    assert deliver(toy, rows(kind=[None, "k", "k"])).revised == 0


def test_a_corrected_label_becomes_a_second_version_and_the_first_is_kept(toy):
    deliver(toy, rows(bad=["0", None, "0"]))
    assert deliver(toy, rows(bad=["1", "1", None])).labels == 2
    versions = [(row["event_id"], row["positive"]) for row in stored(toy, "label")]
    assert versions == [("a", False), ("a", True), ("b", True), ("c", False)]
    assert deliver(toy, rows(bad=["1", "1", None])).labels == 0
    assert deliver(toy, rows(bad=["0", "1", None])).labels == 1
    assert [row["positive"] for row in stored(toy, "label") if row["event_id"] == "a"] == [False, True, False]


def test_a_label_corrected_before_it_was_to_be_known_is_the_last_word_once(project):
    model = (project.root / "models" / f"{project.declare()}.py").read_text()
    project.write("models/toy.py", model.replace("delay=days(1)", "delay=days(30_000)"))
    toy = catalog.load("toy")
    deliver(toy, rows("a", bad=["0"]))
    assert deliver(toy, rows("a", bad=["1"])).labels == 1
    assert deliver(toy, rows("a", bad=["1"], amount=["2"])).labels == 0
    assert [row["positive"] for row in stored(toy, "label")] == [False, True]


def test_a_quarantined_row_is_kept_raw_with_its_rules_and_as_often_as_it_came(toy):
    bad = rows("bb", amount=["much"] * 2, kind=["zero\0byte"] * 2)
    done = deliver(toy, pd.concat([rows("a"), bad], ignore_index=True))
    assert (done.rows, done.new) == (1, 1)
    (kept,) = stored(toy, "quarantine")
    assert kept["row"] == {**rows("b").iloc[0].to_dict(), "amount": "much", "kind": "zero\\0byte"}
    assert kept["broken"] == [RULES["amount"], "kind: must be text without zero bytes"]
    assert (kept["occurrences"], kept["partition"], kept["delivery"]) == (2, DAY.key, done.delivery)


def test_values_that_json_lacks_are_kept_as_their_text(toy):
    frame = rows("a", amount=[float("inf")], at=[pd.Timestamp("2026-03-05T00:00:00.123456+02:00")], card=[None])
    deliver(toy, frame)
    (kept,) = stored(toy, "quarantine")
    assert kept["row"]["amount"] == "inf"
    assert kept["row"]["at"] == "2026-03-05T00:00:00.123456+02:00"
    assert kept["row"]["card"] is None


def test_the_newest_audit_replaces_the_quarantine_of_its_partition_and_of_no_other(toy):
    for partition in (DAY, DAY.shift(1)):
        frame = rows(at=[f"{partition.key}T12:00"] * 3, id=[f"{partition.key}{x}" for x in "abc"])
        deliver(toy, frame.assign(amount=["much", "1", "1"]), partition)
    deliver(toy, rows(amount=["1", "2", "1"]))
    assert [row["partition"] for row in stored(toy, "quarantine")] == [DAY.shift(1).key]


def test_a_delivery_of_bad_rows_only_publishes_its_quarantine(toy):
    done = deliver(toy, rows(amount=["much"] * 3))
    assert (done.rows, done.new, done.quarantined) == (0, 0, 3)


def test_a_publication_that_fails_at_its_last_step_leaves_nothing(toy):
    deliver(toy, rows())
    before = [stored(toy, table) for table in ("event", "label", "quarantine")]
    with database().transaction() as connection:
        connection.execute(
            sa.text(
                "CREATE FUNCTION leeway.refuse() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'the ledger is closed'; END $$"
            )
        )
        connection.execute(
            sa.text(
                "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON leeway.partition"
                " FOR EACH ROW EXECUTE FUNCTION leeway.refuse()"
            )
        )
    revised = rows("abcd", amount=["2", "much", "1", "1"], bad=["1"] * 4)
    with pytest.raises(StoreError, match="the ledger is closed") as caught:
        deliver(toy, revised)
    assert "\n" not in str(caught.value)
    assert [stored(toy, table) for table in ("event", "label", "quarantine")] == before
    with database().transaction() as connection:
        connection.execute(sa.text("DROP TRIGGER refuse ON leeway.partition"))
    assert deliver(toy, revised).revised == 1


def test_a_role_that_may_not_write_gets_a_clear_error(toy):
    deliver(toy, rows())

    def record():
        with database().transaction() as connection:
            connection.execute(sa.text("SET LOCAL ROLE pg_monitor"))
            ledger.record(connection, "toy", DAY, "ingest", input={}, output={})

    with pytest.raises(StoreError, match="permission denied"):
        record()


def test_a_rejected_delivery_is_in_the_ledger_with_its_reason_and_publishes_nothing(toy):
    error = DeliveryRejected("auditing", problem="a rule", found="a fault", hint="mend it")
    publication.reject(toy, DAY, "d1", "s", error)
    with database().transaction() as connection:
        entry = ledger.entry(connection, "toy", DAY, "ingest")
    assert (entry.status, entry.input) == ("rejected", {"delivery": "d1", "suite": "s"})
    assert entry.output == {"reason": "a rule (found: a fault)"}
    assert publication.published(toy, DAY, "d1", "s") is None
    assert stored(toy, "event") == []

    deliver(toy, rows())
    publication.reject(toy, DAY, "d2", "s", error)
    assert len(stored(toy, "event")) == 3  # what an earlier one published stays


def test_the_rows_of_every_kind_of_name_are_published(project):
    names = ["select", "a b", 'quo"te', "100%", "x:y", "%(z)s", "Größe"]
    columns = ", ".join(f"{name!r}: categorical()" for name in names)
    project.declare(
        model=f"""
        from leeway.definition import *

        classifier = Classifier(
            source=CSV(path="x"), event_id="id", event_time="at", label=Label(column="bad", positive=1, negative=0,
            delay=days(1)), columns={{"amount": numeric(), {columns}}},
        )
        """
    )
    toy = catalog.load("toy")
    frame = rows("a").assign(**{name: name for name in names})
    deliver(toy, frame)
    (event,) = stored(toy, "event")
    assert {name: event[name] for name in names} == {name: name for name in names}
    assert deliver(toy, frame.assign(**{"x:y": "other"})).revised == 1


def test_two_publications_at_once_leave_one_current_version(toy):
    deliver(toy, rows())
    frames = [rows(amount=[str(number)] * 3) for number in (2, 3)]
    threads = [threading.Thread(target=deliver, args=(toy, frame)) for frame in frames]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    versions = [row for row in stored(toy, "event") if row["event_id"] == "a"]
    assert len(versions) == 3
    assert all(
        version["superseded_at"] is None or version["known_at"] < version["superseded_at"] for version in versions
    )
    assert set(current(toy).values()) in ({2.0}, {3.0})


AMOUNTS = st.sampled_from(["1", "2", "much"])
DELIVERIES = st.lists(st.dictionaries(st.sampled_from("abc"), AMOUNTS, min_size=1), min_size=1, max_size=5)


@given(DELIVERIES)
@trial(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_of_redeliveries_leaves_one_current_version_of_the_last_good_content(toy, sequence):
    with database().transaction() as connection:
        connection.execute(sa.text("DROP SCHEMA IF EXISTS toy CASCADE"))
    expected, versions = {}, 0
    for content in sequence:
        deliver(toy, rows("".join(content), amount=list(content.values())))
        for key, amount in content.items():
            if amount != "much":
                versions += expected.get(key) != float(amount)
                expected[key] = float(amount)
    events = stored(toy, "event")
    assert sum(row["superseded_at"] is None for row in events) == len(expected)
    assert current(toy) == expected
    assert len(events) == versions
    bad = sorted(key for key, amount in sequence[-1].items() if amount == "much")
    assert sorted(row["row"]["id"] for row in stored(toy, "quarantine")) == bad


def test_a_publication_needs_its_audit(toy):
    delivery = deliveries.write("toy", DAY, rows())
    with pytest.raises(LeewayError, match="audit"):
        publication.publish(toy, DAY, delivery, "s")
    Audit(delivery, 3, 1, {}, ["refused"], [], datetime.now(UTC).isoformat()).save(audit_path("toy", DAY, delivery))
    with pytest.raises(DeliveryRejected, match="refused"):
        publication.publish(toy, DAY, delivery, "s")
    assert stored(toy, "event") == []


SEVERAL = {
    "multiclass": ('classes=("x", "y", "z")', ["x", "y", None], ["x", "z", "y"], ["x", "y"], ["x", "y", "z", "y"]),
    "multilabel": (
        'classes=("x", "y", "z"), separator="+"',
        ["x", "z+y", None],
        ["x", "y", "+"],
        [["x"], ["y", "z"]],
        [["x"], ["y", "z"], ["y"], []],
    ),
}


@pytest.mark.parametrize("kind", SEVERAL)
def test_labels_of_several_classes_are_stored_and_a_correction_is_a_later_version(project, kind):
    declared, given, corrected, first, second = SEVERAL[kind]
    model = TOY_MODEL.replace("positive=1, negative=0", declared)
    toy = catalog.load(project.declare("toy", model))
    assert deliver(toy, rows(bad=given)).labels == 2
    assert [row["label"] for row in stored(toy, "label")] == first
    assert deliver(toy, rows(bad=corrected)).labels == 2
    assert deliver(toy, rows(bad=corrected)).labels == 0
    assert [row["label"] for row in stored(toy, "label")] == second


def test_a_label_of_another_kind_than_the_stored_ones_is_refused(project):
    toy = catalog.load(project.declare())
    deliver(toy, rows())
    several = catalog.load(project.declare("toy", TOY_MODEL.replace("positive=1, negative=0", "classes=(0, 1, 2)")))
    with pytest.raises(StoreError, match=r"label changed .*than multiclass.*another name"):
        deliver(several, rows())
    many = TOY_MODEL.replace("positive=1, negative=0", 'classes=(0, 1, 2), separator=";"')
    other = catalog.load(project.declare("other", TOY_MODEL.replace("positive=1, negative=0", "classes=(0, 1, 2)")))
    deliver(other, rows())
    with pytest.raises(StoreError, match=r"label changed .*than multilabel"):
        deliver(catalog.load(project.declare("other", many)), rows())
