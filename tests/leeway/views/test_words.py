from datetime import UTC, datetime, timedelta

from leeway.definition import DriftPolicy
from leeway.definition.grains import DAY
from leeway.views import links, verdicts, words

NOW = datetime(2026, 4, 1, tzinfo=UTC)


def test_an_alarm_counts_once_until_its_cooldown_is_over():
    policy = DriftPolicy(cooldown=timedelta(days=7))
    assert verdicts.alarms_used([], policy, DAY) == 0
    nights = ["2026-03-01", "2026-03-02", "2026-03-07", "2026-03-08", "2026-03-20"]
    assert verdicts.alarms_used(nights, policy, DAY) == 3


def test_numbers_and_times_are_plain_words():
    assert words.share_of(0, 0) == "–"
    assert words.share_of(50, 100) == "50 % (40 to 60)"
    assert words.points(-0.000001) == "+0.00 points"
    assert words.points(0.0123) == "+1.23 points"
    assert [words.number(value) for value in (1234.0, 3.0, 0.123)] == ["1,234", "3", "0.12"]
    assert [words.figure(value) for value in (1284.0, -931.4, 0.01184, 2.0, 0.0)] == [
        "1,280",
        "-931",
        "0.0118",
        "2",
        "0",
    ]
    assert [words.figure(value, 2) for value in (193.0, 0.998, 9.96)] == ["190", "1", "10"]
    assert words.ago(NOW - timedelta(days=1), NOW) == "1 day ago"
    assert words.ago(NOW + timedelta(hours=3), NOW) == "in 3 hours"


def test_an_address_carries_what_it_shows(project, monkeypatch):
    assert links.page("on_call", classifier="toy") is None  # nobody serves it
    assert links.relative("on_call", classifier="toy", night="2026-03-01") == "on_call?classifier=toy&night=2026-03-01"
    assert links.relative("overview") == "."
