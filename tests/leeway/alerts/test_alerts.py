import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import sqlalchemy as sa

from leeway import alerts
from leeway.alerts import finding, muting
from leeway.core.errors import DeliveryRejected, NotFound
from leeway.core.settings import settings
from leeway.ingest import publication
from leeway.lifecycle import retraining
from leeway.store import ledger
from leeway.store.database import database
from leeway.store.tables import alert, monitoring

NOW = datetime(2026, 4, 1, 6, tzinfo=UTC)


@pytest.fixture
def inbox():
    """A web server of this machine that keeps what it is sent; `inbox.refuses` makes it answer with an error."""
    received = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not server.refuses:
                received.append(json.loads(body))
            self.send_response(500 if server.refuses else 200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.refuses, server.received = False, received
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"json://127.0.0.1:{server.server_port}/"
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def told(world, inbox, monkeypatch):
    """A classifier whose happenings are told to the inbox."""
    addressed(monkeypatch, LEEWAY_ALERT_URLS=[inbox.url])
    return world


def addressed(monkeypatch, **variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, json.dumps(value) if isinstance(value, list) else value)
    settings.cache_clear()


def say(name, day, verdict, rows=500, **evidence):
    values = {"version": 1, "verdict": verdict, "why": "amount moved", "rows": rows, "evidence": evidence}
    with database().transaction() as connection:
        connection.execute(sa.insert(monitoring).values(classifier=name, partition=day, **values))


def states():
    with database().transaction() as connection:
        return {row.key: row.state for row in connection.execute(sa.select(alert))}


def test_a_message_says_what_since_when_how_bad_where_and_what_to_do(told, inbox, monkeypatch):
    addressed(monkeypatch, LEEWAY_DASHBOARDS_URL="http://boards.example")
    say(told.name, "2026-03-31", "breach")
    assert alerts.look(NOW) == ["Leeway: breach of toy on 2026-03-31"]
    (message,) = inbox.received
    assert message["title"] == "Leeway: breach of toy on 2026-03-31"
    for said in (
        "Since: 2026-03-31",
        "How bad: amount moved",
        "http://boards.example/reports?classifier=toy&night=2026-03-31",
        "What to do: Nothing, if a retrain was requested",
        "http://boards.example/runbook?subject=breach",
    ):
        assert said in message["message"]


def test_one_message_however_many_runs_see_it(told, inbox):
    say(told.name, "2026-03-30", "breach")
    threads = [threading.Thread(target=alerts.look, args=(NOW,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    say(told.name, "2026-03-31", "breach")  # of the same episode
    alerts.look(NOW)
    assert len(inbox.received) == 1


def test_what_happens_together_is_told_together(told, inbox):
    say(told.name, "2026-03-28", "alert")
    say(told.name, "2026-03-31", "breach")
    alerts.look(NOW)
    (message,) = inbox.received
    assert "and 1 more" in message["title"]
    assert "Alert of toy" in message["message"]
    assert "Breach of toy" in message["message"]


def test_what_lies_long_ago_is_not_told(told, inbox):
    say(told.name, "2026-02-01", "breach")
    assert alerts.look(NOW) == []
    assert inbox.received == []


def test_what_could_not_be_told_is_told_later_and_once(told, inbox):
    inbox.refuses = True
    say(told.name, "2026-03-31", "breach")
    assert alerts.look(NOW) == []
    assert set(states().values()) == {"waiting"}
    inbox.refuses = False
    assert len(alerts.look(NOW)) == 1
    assert alerts.look(NOW) == []
    assert len(inbox.received) == 1


def test_of_two_addresses_the_one_that_took_it_is_not_told_again(told, inbox, monkeypatch, tmp_path):
    addressed(monkeypatch, LEEWAY_ALERT_URLS=[f"file://{tmp_path / 'told.jsonl'}", inbox.url])
    inbox.refuses = True
    say(told.name, "2026-03-31", "breach")
    alerts.look(NOW)
    inbox.refuses = False
    alerts.look(NOW)
    lines = (tmp_path / "told.jsonl").read_text().splitlines()
    assert (len(lines), len(inbox.received)) == (1, 1)
    assert json.loads(lines[0])["items"][0]["kind"] == "breach"


def test_quiet_hours_hold_back_what_can_wait(told, inbox, monkeypatch):
    addressed(monkeypatch, LEEWAY_ALERT_QUIET="22:00-07:00", LEEWAY_ALERT_TIMEZONE="UTC")
    say(told.name, "2026-03-31", "breach")
    reject(told, told.day(30))  # cannot wait
    assert [message["title"] for message in _looked(inbox, NOW)] == [
        "Leeway: the delivery of toy 2026-03-31 was rejected"
    ]
    assert alerts.waiting() == 1
    assert "Breach of toy" in _looked(inbox, NOW + timedelta(hours=2))[-1]["message"]
    assert alerts.waiting() == 0


def _looked(inbox, now):
    alerts.look(now)
    return inbox.received


def reject(world, day):
    error = DeliveryRejected("auditing", problem="a rule", found="something", hint="mend it")
    publication.reject(world.classifier, day, "0" * 64, "suite", error)


def test_what_cannot_wait_goes_to_its_own_addresses(told, inbox, monkeypatch, tmp_path):
    addressed(monkeypatch, LEEWAY_PAGE_URLS=[f"file://{tmp_path / 'page.jsonl'}"])
    say(told.name, "2026-03-31", "breach")
    reject(told, told.day(30))
    alerts.look(NOW)
    assert "rejected" in (tmp_path / "page.jsonl").read_text()
    assert [message["title"] for message in inbox.received] == ["Leeway: breach of toy on 2026-03-31"]


def test_a_mute_notes_and_tells_nobody(told, inbox):
    muting.mute(told.name, NOW, timedelta(hours=2), reason="moving the source", actor="ann")
    say(told.name, "2026-03-31", "breach")
    assert alerts.look(NOW) == []
    assert set(states().values()) == {"suppressed"}
    assert muting.unmute(told.name, NOW) == 1
    say(told.name, "2026-04-01", "data fault")
    assert len(alerts.look(NOW)) == 1
    with pytest.raises(NotFound, match="is forgotten"):
        muting.mute(None, NOW, timedelta(days=99), reason="", actor="ann")
    with pytest.raises(NotFound, match="has no length"):
        muting.mute(None, NOW, timedelta(0), reason="", actor="ann")


def test_what_was_found_on_few_rows_is_not_told(told, inbox):
    say(told.name, "2026-03-31", "data fault", rows=5)
    assert alerts.look(NOW) == []
    assert set(states().values()) == {"suppressed"}


def test_an_episode_that_grows_is_told_then(told, inbox):
    say(told.name, "2026-03-30", "data fault", rows=5)
    assert alerts.look(NOW) == []
    say(told.name, "2026-03-31", "data fault")
    assert alerts.look(NOW) == ["Leeway: data fault of toy in 2 partitions, last on 2026-03-31"]
    assert alerts.look(NOW) == []


def test_an_episode_of_a_year_is_told_once(told, inbox):
    for number in range(200):
        say(told.name, f"{NOW - timedelta(days=number):%Y-%m-%d}", "data fault")
    assert len(alerts.look(NOW)) == 1
    for number in range(1, 4):
        say(told.name, f"{NOW + timedelta(days=number):%Y-%m-%d}", "data fault")
        assert alerts.look(NOW + timedelta(days=number)) == []


def test_what_still_goes_on_after_a_mute_is_told_then_and_what_is_over_is_not(told, inbox):
    muting.mute(told.name, NOW, timedelta(hours=30), reason="moving the source", actor="ann")
    say(told.name, "2026-03-28", "data fault")
    say(told.name, "2026-03-31", "breach")
    assert alerts.look(NOW) == []
    say(told.name, "2026-04-01", "breach")  # found while nobody is to be told, too
    assert alerts.look(NOW + timedelta(days=1)) == []
    assert alerts.look(NOW + timedelta(days=1, hours=12)) == []
    say(told.name, "2026-04-02", "breach")
    assert alerts.look(NOW + timedelta(days=2)) == ["Leeway: breach of toy in 3 partitions, last on 2026-04-02"]
    assert alerts.look(NOW + timedelta(days=2)) == []


def test_many_classifiers_at_once_are_one_incident(told, inbox):
    other = told.project.declare("other")
    for name in (told.name, other):
        say(name, "2026-03-31", "data fault")
    assert alerts.look(NOW) == ["Leeway: 2 classifiers at once on 2026-03-31: other, toy"]
    assert len(inbox.received) == 1
    assert sorted(states().values()) == ["sent", "suppressed", "suppressed"]


def test_most_columns_at_once_are_an_incident(told, inbox):
    say(told.name, "2026-03-31", "alert", incident="7 of 9 columns moved at once on 2026-03-31")
    assert alerts.look(NOW) == ["Leeway: incident of toy on 2026-03-31"]
    assert "docs/runbooks/incident.md" in inbox.received[0]["message"]


def test_a_missing_night_is_told_once_it_is_late(told, inbox):
    told.fill(first=26, count=3)
    with database().transaction() as connection:
        for number in (26, 27):
            for stage in ("score", "monitor"):
                source = {"delivery": "first", "suite": "suite", "version": 1}
                ledger.record(connection, told.name, told.day(number), stage, input=source, output=_output(stage))
    at = told.day(29).end  # the night of day 28 was due at two
    found = {item.kind.name: item for item in finding.of(told.classifier, at)}
    assert found["missing night"].key == "missing night:toy:after 2026-03-28"
    later = {
        item.kind.name: item for item in finding.of(told.classifier, told.day(99).end)
    }  # beyond what the calendar shows
    assert later["missing night"].key == found["missing night"].key
    assert later["missing night"].what == found["missing night"].what
    assert later["missing night"].how_bad == "71 nights are late"
    assert "missing night" not in {item.kind.name for item in finding.of(told.classifier, told.day(28).end)}


def _output(stage):
    if stage == "score":
        return {"rows": 40, "positives": 3}
    return {"verdict": "quiet", "why": "", "report": "", "request": None, "request_state": None}


def test_requests_that_wait_or_failed_are_told(told):
    held = told.redeclare("min_reference=8", 'min_reference=8, retrain="hold"').classifier
    with database().transaction() as connection:
        retraining.file(connection, held, "toy:a", NOW, "a breach")
    assert [(item.kind.name, item.key) for item in finding.of(held, datetime.now(UTC))] == [
        ("held request", "held request:toy:a")
    ]
    retraining.settle("toy:a", True, "ann")
    retraining.move("toy:a", "failed", "out of memory")
    (failed,) = finding.of(held, datetime.now(UTC))
    assert (failed.kind.name, failed.how_bad) == ("failed retrain", "out of memory")


def test_a_request_that_still_waits_when_a_mute_ends_is_told_then(told, inbox):
    held = told.redeclare("min_reference=8", 'min_reference=8, retrain="hold"').classifier
    now = datetime.now(UTC)
    muting.mute(held.name, now, timedelta(hours=1), reason="moving the source", actor="ann")
    with database().transaction() as connection:
        retraining.file(connection, held, "toy:a", NOW, "a breach")
    assert alerts.look(now) == []
    assert alerts.look(now + timedelta(hours=2)) == ["Leeway: the retrain toy:a waits for a person"]
    assert alerts.look(now + timedelta(hours=3)) == []


def test_promotions_and_refusals_are_told(quick):
    names = [item.kind.name for item in finding.of(quick.classifier, datetime.now(UTC))]
    kinds = [name for name in names if name != "missing night"]
    assert kinds == ["promotion"]


def test_without_addresses_nobody_is_told_and_nothing_waits_for_ever(world):
    say(world.name, "2026-03-31", "breach")
    assert alerts.look(NOW) == []
    assert set(states().values()) == {"suppressed"}


def test_an_address_that_nobody_knows_is_said_without_its_secret(told, monkeypatch):
    addressed(monkeypatch, LEEWAY_ALERT_URLS=["nonsense://user:secret@host"])
    say(told.name, "2026-03-31", "breach")
    alerts.look(NOW)
    with database().transaction() as connection:
        why = connection.scalar(sa.select(alert.c.why))
    assert "nonsense://" in why
    assert "secret" not in why
