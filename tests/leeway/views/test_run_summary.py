from dataclasses import replace
from datetime import UTC, datetime

from leeway.ingest.publication import Published
from leeway.lifecycle.retraining import Request
from leeway.monitoring.night import Monitored
from leeway.scoring.batch_scoring import ScoredPartition
from leeway.scoring.lineage import LineageStep
from leeway.views.run_summary import RunSummary, in_words

INGESTED = Published(True, "d", rows=59, new=59, revised=0, labels=30, quarantined=1, repeated=0)
SCORED = ScoredPartition(changed=True, version=3, rows=59, positives=7)
MONITORED = Monitored(True, "breach", "harm in [amount] | 2 of 3", "/reports/toy.html", "toy:1", "requested")
REQUEST = Request("toy:1", "toy", "promoted", "harm", datetime(2026, 3, 2, tzinfo=UTC), 4, [])
NIGHT = RunSummary("2026-03-01", INGESTED, SCORED, MONITORED, retrained=REQUEST)


def test_a_night_says_what_happened_and_links_to_its_report():
    text = in_words("toy", NIGHT, "http://127.0.0.1:4280/reports/toy/2026-03-01")
    assert text.startswith("# toy 2026-03-01")
    assert "**Breach**: harm in \\[amount] \\| 2 of 3" in text  # no link, and no further cell
    assert "[Open the report](http://127.0.0.1:4280/reports/toy/2026-03-01)" in text
    assert "| flagged | 7 positive |" in text
    assert "| retrain | toy:1: promoted, version 4 |" in text


def test_without_a_platform_the_report_is_a_path():
    assert "`/reports/toy.html`" in in_words("toy", NIGHT, None)


def test_a_night_without_a_champion_says_why():
    night = replace(NIGHT, scored=None, monitored=None, retrained=None, waits_for="mature labels are missing")
    text = in_words("toy", replace(night, caught_up={"2026-02-28": "done"}), None)
    assert "**No champion yet**: mature labels are missing" in text
    assert "| caught up on 2026-02-28 | done |" in text
    assert "| flagged |" not in text


def test_a_night_tells_what_its_predictions_come_from():
    text = in_words(
        "toy", NIGHT, None, lineage=[LineageStep("delivery", "d"), LineageStep("version", "3, learnt as of 2026-03-01")]
    )
    assert "From: delivery d → version 3, learnt as of 2026-03-01" in text
