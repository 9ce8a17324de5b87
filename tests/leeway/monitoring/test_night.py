import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sa

from leeway.core.errors import NotFound
from leeway.lifecycle import registry, retraining
from leeway.monitoring import night, report
from leeway.monitoring.acceptance import accept
from leeway.scoring import batch_scoring
from leeway.scoring.batch_scoring import score
from leeway.store.database import database
from leeway.store.tables import column_drift, monitoring, tables_of


def everything(world):
    tables = (monitoring, column_drift)
    with database().transaction() as connection:
        return [connection.execute(sa.select(table).order_by(*table.primary_key)).all() for table in tables]


def nightly(world, number):
    score(world.classifier, world.day(number))
    return night.run(world.classifier, world.day(number))


@pytest.fixture
def harmed(quick):
    """After twenty ordinary days, ten on which kind `b` is misjudged."""
    return quick.fill(first=20, count=10, rows=150, drift=-5.0)


def test_monitoring_twice_changes_nothing(quick):
    first = nightly(quick, 18)
    before = everything(quick)
    again = night.run(quick.classifier, quick.day(18))
    assert (first.changed, again.changed) == (True, False)
    assert (again.verdict, again.why, again.report) == (first.verdict, first.why, first.report)
    assert everything(quick) == before
    assert len(before[0]) == 1
    assert {row.column for row in before[1]} == set(quick.classifier.features)


def test_a_report_that_is_gone_is_written_anew_and_nothing_else_is(quick):
    first = nightly(quick, 18)
    before = everything(quick)
    path = report.path_of("toy", quick.day(18))
    path.unlink()
    assert night.run(quick.classifier, quick.day(18)) == replace(first, changed=False)
    assert f"{first.verdict.capitalize()}" in path.read_text()
    assert everything(quick) == before


def test_a_partition_that_was_not_scored_is_a_clear_error(quick):
    with pytest.raises(NotFound, match=r"monitoring toy 2026-03-19: .*run `leeway score toy --partition 2026-03-19`"):
        night.run(quick.classifier, quick.day(18))


def test_a_night_of_the_reference_is_no_breach_and_asks_for_nothing(quick):
    found = nightly(quick, 18)
    assert found.verdict in ("quiet", "drift", "suspect")
    assert (found.request, retraining.all_of("toy")) == (None, [])


def test_harm_that_is_confirmed_is_a_breach_and_files_one_request_as_of_its_night(harmed):
    verdicts = [nightly(harmed, number).verdict for number in range(20, 24)]
    assert verdicts[0] in ("quiet", "drift")  # no label of a bad night is mature yet
    assert verdicts[1:] == ["suspect", "breach", "breach"]
    first, second = (retraining.get(f"toy:{harmed.day(number).key}") for number in (22, 23))
    # Five days of the change to learn from, five to be tested on, and one until their labels are known.
    assert (first.state, first.since, first.as_of) == ("waiting", harmed.day(20).start, harmed.day(31).start)
    assert " on 2026-03-22 " in first.reason  # a day for the labels to become known
    assert first.history[0]["evidence"]["harm"]["shift"]["out"] is True
    assert (second.state, second.history[0]["why"]) == ("suppressed", "toy:2026-03-23 is already waiting")
    assert second.history[0]["evidence"]["harm"]["partition"] == harmed.day(22).key
    status = night.run(harmed.classifier, harmed.day(22))
    assert (status.changed, status.request, status.request_state) == (False, "toy:2026-03-23", "waiting")
    assert len(retraining.all_of("toy")) == 2


def test_harm_that_a_short_reference_only_watches_leaves_a_record_of_why_nothing_was_done(world):
    world.redeclare("min_reference=8", "min_reference=100")
    world.one_trial().fill().crown()
    world.fill(first=20, count=10, rows=150, drift=-5.0)
    verdicts = [nightly(world, number).verdict for number in range(20, 24)]
    assert verdicts[2:] == ["watching", "watching"]
    kept = retraining.get(f"toy:{world.day(23).key}")
    assert (kept.state, kept.history[0]["why"]) == ("suppressed", kept.reason)
    assert "reference partitions are too few to act on" in kept.reason
    assert kept.history[0]["evidence"]["harm"]["partition"] == world.day(22).key


def test_the_night_by_which_enough_is_known_lets_a_waiting_request_go_on(harmed):
    for number in range(20, 23):
        nightly(harmed, number)
    harmed.fill(first=30, count=1, rows=150, drift=-5.0)
    assert retraining.startable("toy") is None
    nightly(harmed, 29)
    assert retraining.startable("toy") is None
    nightly(harmed, 30)
    assert retraining.startable("toy") == "toy:2026-03-23"
    assert retraining.get("toy:2026-03-23").history[-1]["why"] == "enough is known as of 2026-04-01 00:00"


def test_two_monitors_of_a_breach_at_once_file_one_request(harmed):
    for number in (20, 21):
        nightly(harmed, number)
    score(harmed.classifier, harmed.day(22))
    with ThreadPoolExecutor(2) as threads:
        found = list(threads.map(lambda _: night.run(harmed.classifier, harmed.day(22)), range(2)))
    assert {item.request for item in found} == {"toy:2026-03-23"}
    [request] = retraining.all_of("toy")
    assert [step["state"] for step in request.history] == ["waiting"]


def test_a_monitor_killed_before_its_record_leaves_nothing_and_files_one_request_when_run_again(harmed, monkeypatch):
    for number in (20, 21):
        nightly(harmed, number)
    score(harmed.classifier, harmed.day(22))
    with monkeypatch.context() as patched:

        def killed(*_, **__):
            raise KeyboardInterrupt

        patched.setattr(night.ledger, "record", killed)
        with pytest.raises(KeyboardInterrupt):
            night.run(harmed.classifier, harmed.day(22))
    assert retraining.all_of("toy") == []
    assert night.run(harmed.classifier, harmed.day(22)).verdict == "breach"
    assert [request.key for request in retraining.all_of("toy")] == ["toy:2026-03-23"]


def test_harm_counts_only_labels_that_were_known_at_their_age(harmed):
    label = tables_of(harmed.classifier).label
    with database().transaction() as connection:
        late = sa.update(label).where(label.c.event_id.like(f"{harmed.day(20).key}%"))
        connection.execute(late.values(known_at=harmed.day(25).start))
    nightly(harmed, 20)
    why = nightly(harmed, 21).why
    assert "no mature labels yet" in why
    assert (
        f"labels are late: 0% of those of {harmed.day(20)} are known at the age at which they count, usually 100%"
        in why
    )


def test_a_successor_does_not_inherit_the_harm_of_the_champion_before(harmed):
    assert [nightly(harmed, number).verdict for number in (20, 21)][-1] == "suspect"
    harmed.redeclare("C=(1.0,)", "C=(0.5,)").crown()
    for number in (21, 22):
        score(harmed.classifier, harmed.day(number))
    assert night.run(harmed.classifier, harmed.day(22)).verdict == "suspect"


def test_a_partition_is_monitored_anew_after_another_version_scored_it(quick):
    nightly(quick, 18)
    quick.crown(19)
    assert nightly(quick, 18).changed
    with database().transaction() as connection:
        assert list(connection.scalars(sa.select(monitoring.c.version))) == [2]


def test_an_empty_partition_is_a_data_fault_with_a_report(quick):
    day = quick.day(25)
    quick.fill(first=25, count=1, rows=3)
    with database().transaction() as connection:
        connection.execute(sa.delete(tables_of(quick.classifier).event).where(sa.column("partition") == day.key))
    found = nightly(quick, 25)
    assert (found.verdict, "0 events" in found.why) == ("data fault", True)
    assert "Look at the source" in report.path_of("toy", day).read_text()


def test_a_fault_that_a_person_accepts_is_learnt_from_and_is_none_from_then_on(quick):
    quick.fill(first=20, count=4, rows=400)  # ten times as many as ever
    first = nightly(quick, 20)
    assert first.verdict == "data fault"
    why = accept("toy", quick.day(20), "we bought another shop", "ann")
    assert why.startswith("accepted by ann: we bought another shop; it looked like a fault: 400 events")
    again = night.run(quick.classifier, quick.day(20))
    assert (again.changed, again.verdict, again.why) == (False, "drift", why)
    assert nightly(quick, 21).verdict != "data fault"
    with pytest.raises(NotFound, match="found: its verdict is "):
        accept("toy", quick.day(21), "it was me", "ann")
    with pytest.raises(NotFound, match="was not monitored"):
        accept("toy", quick.day(22), "it was me", "ann")


def test_a_young_reference_watches_and_is_written_down(world):
    world.one_trial()
    world.redeclare("holdout=days(5), folds=3", "holdout=days(1), folds=2")
    world.fill(count=5, rows=80).crown(5)
    bundle = registry.load("toy", registry.champion("toy"))
    assert len(bundle.reference.partitions) <= 4
    world.fill(first=5, count=3, rows=160, drift=-6.0)
    verdicts = {nightly(world, number).verdict for number in (5, 6, 7)}
    assert "breach" not in verdicts
    assert {item.state for item in retraining.all_of("toy")} <= {"suppressed"}


def test_a_report_opens_without_a_network_and_begins_with_the_verdict_and_what_to_do(quick):
    found = nightly(quick, 18)
    page = report.path_of("toy", quick.day(18)).read_text(encoding="utf-8")
    assert found.report == str(report.path_of("toy", quick.day(18)))
    body = page[page.index("<body>") :]
    assert page.count("<title>toy 2026-03-19: ") == 1  # drawings have titles of their own
    assert re.search(rf"<h1[^>]*>{found.verdict.capitalize()}</h1>", body[:2000])
    assert report.EVERY_VERDICT[found.verdict][1].replace("'", "&#x27;") in body[:2000]
    for name in ("amount", "kind", "card_count_7d"):
        assert f"<td>{name}</td>" in body[:5000]
    tags = re.findall(r"<(?:script|link|img|iframe|source|use)\b[^>]*>", page)
    assert not [tag for tag in tags if re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", tag)]
    assert not re.search(r"@import\s+(?:url\()?[\"']?(?:https?:)?//", page)


def test_no_value_of_a_sensitive_column_reaches_the_report_or_the_record(world):
    world.one_trial()
    world.redeclare("sensitive=True", "sensitive=True, feature=True")
    world.redeclare('"amount": numeric()', '"amount": numeric(sensitive=True, feature=True)')
    world.redeclare('aggregate="mean"', 'aggregate="max"')
    world.fill().crown()
    found = nightly(world, 18)
    page = report.path_of("toy", world.day(18)).read_text(encoding="utf-8")
    assert "secret" not in page
    rows = batch_scoring.read("toy", world.day(18), 1)
    values = {f"{value}" for name in ("amount", "card_max_amount_7d") for value in rows[name].dropna() if value > 1000}
    assert values or np.isfinite(rows["amount"]).all()
    assert not [value for value in values if value in page]
    own = page[page.index("<body>") :][:5000]
    assert "<td>kind</td>" in own
    assert "<td>amount</td>" not in own
    assert "<td>card_max_amount_7d</td>" not in own
    assert "secret" not in f"{everything(world)} {found}"


def test_names_keep_their_case_in_the_report(quick):
    quick.fill(first=20, count=1, rows=300)
    found = nightly(quick, 20)
    page = report.path_of("toy", quick.day(20)).read_text(encoding="utf-8")
    assert found.why[1:] in page.replace("&#x27;", "'")
