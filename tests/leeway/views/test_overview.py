from datetime import UTC, datetime

from leeway.definition import catalog
from leeway.profiling.questions import Question
from leeway.store.database import database
from leeway.store.tables import promotion
from leeway.views import overview
from tests.leeway.lifecycle.test_open_questions import evidence

NOW = datetime(2026, 3, 21, 6, tzinfo=UTC)


def test_an_open_question_is_the_first_thing_to_do_until_it_is_answered(world):
    asked = evidence(Question(("kind",), "predicts much of the label by itself, ROC AUC 0.900"))
    decided = {"outcome": "promoted", "reason": "test", "actor": "test", "bundle": "b", "checksum": "c"}
    with database().transaction() as connection:
        values = {"classifier": world.name, "version": 1, "evidence": asked, "as_of": NOW, **decided}
        connection.execute(promotion.insert().values(**values))
    (row,) = overview.rows(NOW)
    assert row.mark == "act"
    assert row.waits[0].startswith("answer in models/toy.py: could you have known `kind` when the event happened?")
    world.redeclare('"kind": categorical(', '"kind": categorical(known_at_event=True')
    catalog.load.cache_clear()
    (row,) = overview.rows(NOW)
    assert "could you have known" not in " ".join(row.waits)
