"""A classifier of three classes through the library, up to a successor that knows one class more."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import sqlalchemy as sa

from leeway.core.errors import TrainingError
from leeway.core.outputs import Outputs
from leeway.dataset import snapshots
from leeway.evaluation import evaluate
from leeway.lifecycle import registry
from leeway.model import bundle
from leeway.monitoring.performance import RealisedPerformance, realised
from leeway.scoring import batch_scoring
from leeway.scoring.batch_scoring import score
from leeway.store.database import database
from leeway.store.tables import snapshot as snapshot_table
from leeway.store.tables import tables_of
from leeway.training import fit
from leeway.views import event_detail
from tests.leeway.conftest import raw_rows


@pytest.fixture
def several(world):
    """Twenty days of events with three classes and one that has but one row; no candidate but the cheapest."""
    return world.redeclare("positive=1, negative=0", 'classes=("low", "middle", "high", "once")').one_trial()


def deliver(
    world, days, name_of=lambda amount, kind: ["low", "middle", "high"][np.digitize(np.log(amount), [2.5, 3.5])]
):
    for number in days:
        rows = raw_rows(world.day(number))
        named = [name_of(amount, kind) for amount, kind in zip(rows["amount"], rows["kind"], strict=True)]
        world.deliver(world.day(number), rows.assign(bad=named))


def card_of(world, key):
    return bundle.load(fit.folder_of(world.name, key)).card


def test_a_life_with_three_classes_and_one_of_one_row(several):
    deliver(several, range(19))
    deliver(several, [19], lambda amount, kind: "low")
    with database().transaction() as connection:
        label = tables_of(several.classifier).label
        one = sa.select(label.c.event_id).where(label.c.label == "high").limit(1).scalar_subquery()
        connection.execute(sa.update(label).where(label.c.event_id == one).values(label="once"))
    taken = snapshots.take(several.classifier, several.day(21).start)
    assert taken.positives["once"] == 1
    assert sum(taken.positives.values()) == taken.rows == 800
    with database().transaction() as connection:
        assert connection.scalar(sa.select(snapshot_table.c.positives)) == taken.positives

    key, version = several.train(as_of=20)
    card = card_of(several, key)
    assert card.classes == ["low", "middle", "high", "once"]
    assert card.metrics["too_few"] == ["once"]
    assert card.metrics["roc_auc"] > 0.9
    registry.promote(several.name, version, reason="test", actor="test")

    day = several.day(18)
    done = score(several.classifier, day)
    assert sum(done.positives.values()) == done.rows == 40
    rows = batch_scoring.read(several.name, day, 1)
    p = batch_scoring.probabilities(rows, registry.load(several.name, registry.champion(several.name)).outputs)
    assert p.sum(axis=1) == pytest.approx(1)
    assert rows["decision"].tolist() == [card.classes[k] for k in p.argmax(axis=1)]
    assert (rows["score"].to_numpy() == p.max(axis=1)).all()
    found = realised(several.classifier, day, 1, as_of=several.day(30).start)
    assert (found.labelled, found.positives, found.predicted_positive) == (40, 40, 40)
    assert found.by_class["once"] == RealisedPerformance(40, 0, 0, 0)
    assert found.true_positives == sum(of_class.true_positives for of_class in found.by_class.values()) > 30


def test_a_matrix_of_costs_decides_and_is_on_the_card(several):
    matrix = '{"high": {"low": 50, "middle": 40}, "low": {"middle": 3}}'
    several.redeclare(', "once")', ")")
    deliver(several, range(20))
    several.crown(20)
    several.redeclare("    label=", f"    objective=MinimizeCost(matrix={matrix}),\n    label=")
    key, version = several.train(as_of=20)
    card = card_of(several, key)
    assert card.costs == [[0, 3, 1], [1, 0, 1], [50, 40, 0]]
    assert (card.threshold_intervals, card.tradeoffs) == ([None] * 3, {})
    verdicts, content = evaluate.examined(several.classifier, key, version)
    better = next(verdict for verdict in verdicts if verdict.gate == "better than champion")
    assert "only the decisions may differ" in better.why
    costs = next(table for table in content.tables if table.title == "What decisions cost")
    assert costs.rows[2] == ["high", "50", "40", "0"]
    mine, likeliest = re.search(r"an event costs (\S+); it would cost (\S+) if", costs.note).groups()
    assert float(mine) < float(likeliest)
    registry.promote(several.name, version, reason="test", actor="test")

    day = several.day(18)
    score(several.classifier, day)
    rows = batch_scoring.read(several.name, day, version)
    p = batch_scoring.probabilities(rows, bundle.load(fit.folder_of(several.name, key)).outputs)
    cheapest = (p @ np.array(card.costs)).argmin(axis=1)
    assert rows["decision"].tolist() == [card.classes[k] for k in cheapest]
    (other, *_) = np.flatnonzero(cheapest != p.argmax(axis=1))
    told = event_detail.explain(several.classifier, rows["event_id"].iloc[other])
    assert told.decision == [card.classes[cheapest[other]]]
    assert told.likeliest == card.classes[p[other].argmax()]
    assert [why.of_class for why in told.why] == [*told.decision, told.likeliest]


def test_a_champion_that_lacks_a_class_is_held_against_one_that_knows_it(several):
    several.redeclare(', "once")', ")")
    deliver(several, range(20))
    several.crown(20)
    several.redeclare('"high")', '"high", "new")')
    deliver(several, range(20, 34), lambda amount, kind: "new" if kind == "c" else ["low", "high"][int(amount > 20)])
    score(several.classifier, several.day(21))  # the champion still serves, with the classes that it knows
    key, _ = several.train(as_of=35)
    *_, better = evaluate.judge(several.classifier, key, evaluate.QUICK[:3])
    assert (better.gate, better.outcome) == ("better than champion", "pass")
    assert better.numbers["gain"] > 1


def test_a_class_that_is_no_longer_declared_teaches_nothing(several):
    deliver(several, range(8), lambda amount, kind: {"a": "low", "b": "high", "c": "once"}[kind])
    rows = database().read(sa.select(tables_of(several.classifier).label)).to_pandas()
    several.redeclare(', "once")', ")")
    taken = snapshots.take(several.classifier, several.day(10).start)
    assert taken.rows == (rows["label"] != "once").sum()
    assert set(taken.positives) == {"low", "middle", "high"}


def test_one_class_alone_is_a_clear_error(several):
    deliver(several, range(3), lambda amount, kind: "low")
    with pytest.raises(TrainingError, match=r"mature labels of two classes .*\(found: 120 labelled events, 120 low\)"):
        snapshots.take(several.classifier, several.day(9).start)


def test_predictions_of_many_classes_are_stored_by_batches_as_they_were_scored(project, tmp_path):
    outputs = Outputs("multilabel", tuple(f"tag{number}" for number in range(23)))
    rng, count = np.random.default_rng(0), 3000
    p = rng.random((count, 23))
    decided = p > 0.9
    columns = {"event_id": np.arange(count).astype(str), "score": p.max(axis=1), "decision": outputs.stored(decided)}
    columns |= {name: p[:, k] for k, name in enumerate(outputs.score_columns)}
    pa.parquet.write_table(pa.table(columns), tmp_path / "v1.parquet", row_group_size=700)
    staged = database().stage("many", batch_scoring._stored_predictions(tmp_path / "v1.parquet", outputs))
    found = database().read(sa.select(*staged.c).order_by(sa.cast(staged.c.event_id, sa.Integer))).to_pandas()
    assert np.stack(found["probabilities"]) == pytest.approx(p, abs=1e-6)
    assert (outputs.matrix(found["decision"]) == decided).all()
    assert batch_scoring._flagged(tmp_path / "v1.parquet", outputs) == outputs.count(decided)
