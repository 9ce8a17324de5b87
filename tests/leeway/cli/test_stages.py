from types import SimpleNamespace

import pytest

from leeway.cli import stages
from leeway.core.settings import settings
from leeway.definition import catalog
from leeway.lifecycle.verdict import GateVerdict

MODEL = """from leeway.definition import *

classifier = Classifier(
    source=CSV(path="data/*.csv"), event_id="id", event_time="at", label=Label(column="bad", delay=days(1)),
    columns={"payment": categorical(), "fare": numeric(known_at_event=True)},
)
"""


@pytest.fixture
def rides(tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_PROJECT", str(tmp_path))
    for cached in (settings, catalog.load):
        cached.cache_clear()
    (tmp_path / "models").mkdir()
    (tmp_path / "models/rides.py").write_text(MODEL)
    yield
    for cached in (settings, catalog.load):
        cached.cache_clear()


def test_train_says_first_what_only_a_person_can_know(rides, capsys):
    asked = [{"columns": [name], "why": "predicts the label"} for name in ("payment", "fare")]
    verdict = GateVerdict("leakage", "pass", "so", {"questions": asked})
    stages._say_decision("rides", SimpleNamespace(version=3, promoted=True, verdicts=[verdict]))
    first, question, how, gate = capsys.readouterr().out.splitlines()
    assert first == "rides version 3: promoted"
    assert question.strip().startswith("Only you can know: could you have known `payment` when the event happened?")
    assert "known_at_event=True" in how
    assert gate.strip() == "leakage: pass, so"


def test_partitions_that_failed_alike_are_one_line():
    failed = {f"2026-03-0{day}": f"scoring toy 2026-03-0{day}: toy has no champion yet" for day in (1, 2, 3)}
    lines = list(stages._failures({**failed, "2026-03-04": "scoring toy 2026-03-04: the disk is full"}))
    assert lines == [
        "2026-03-01 and 2 more up to 2026-03-03, alike: scoring toy 2026-03-01: toy has no champion yet",
        "2026-03-04: scoring toy 2026-03-04: the disk is full",
    ]
