"""Labels of several classes through the flows: real beans of seven varieties, and made-up comments with several tags."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from flows.backfill import backfill
from flows.nightly import nightly
from flows.train import train
from leeway.definition import catalog
from leeway.definition.grains import DAY
from leeway.definition.partitions import Partition
from leeway.lifecycle import registry
from leeway.monitoring.performance import realised
from leeway.operations.status import status
from leeway.scoring import batch_scoring
from leeway.store.database import database
from leeway.store.tables import monitoring, tables_of
from tests.conftest import SHARED_DATA, forget

BEANS = Path(__file__).parents[1] / "projects" / "beans"

COMMENTS = """
from leeway.definition import *

classifier = Classifier(
    source=CSV(path="data/*.csv"),
    event_id="id",
    event_time="at",
    label=Label(columns=("toxic", "obscene", "threat"), delay=days(1)),
    columns={"shouting": numeric(), "swearing": numeric(), "forum": categorical()},
    candidates=(Logistic(C=(1.0,)), Boosting(max_leaf_nodes=(7,), max_iter=20)),
    training=Training(holdout=days(5), folds=3),
    gates=Gates(floors={"roc_auc": 0.7, "recall": 0.3}, calibration_error=0.2),
)
"""
COMMENTS_SUITE = """
import great_expectations.expectations as gxe

expectations = [
    gxe.ExpectColumnValuesToBeUnique(column="id"),
    gxe.ExpectColumnValuesToBeInSet(column="toxic", value_set=[True, False]),
]
"""


@pytest.mark.skipif(not (SHARED_DATA / "dry_bean.csv").exists(), reason="needs ../shared/data/dry_bean.csv")
def test_real_beans_are_learnt_and_when_one_variety_goes_wrong_it_is_named_and_a_retrain_waits_for_more_of_it(
    project, prefect, monkeypatch
):
    monkeypatch.setenv("LEEWAY_PROJECT", str(BEANS))
    forget()
    name, first = "dry_bean", Partition.parse("2026-01-21", DAY)
    assert backfill(name, "2026-01-01", first.shift(-1).key, stage="ingest", dry_run=False).failed == {}
    decision = train(name, first.start, "the first one", "test")
    assert decision.promoted, decision.verdicts

    nights = [nightly(name, first.shift(number).key) for number in range(5)]
    assert sum(nights[0].scored.positives.values()) == nights[0].scored.rows == 250
    assert [night.monitored.verdict for night in nights[:3]] == ["quiet"] * 3
    breach = nights[4]
    assert (nights[3].monitored.verdict, breach.monitored.verdict) == ("suspect", "breach")
    assert "the scores of SIRA, most by" in breach.monitored.why
    assert (breach.monitored.request_state, breach.retrained) == ("waiting", None)
    with database().transaction() as connection:
        evidence = connection.scalars(sa.select(monitoring.c.evidence).order_by(monitoring.c.partition.desc())).first()
    assert evidence["harm"]["shift"]["of_class"] == "SIRA"
    assert set(evidence["score_means"]) == {*catalog.load(name).label.classes}
    classifier = catalog.load(name)
    done = realised(classifier, first, 1, as_of=first.end + timedelta(days=9))
    assert done.labelled == done.positives == done.predicted_positive == 250
    assert done.recall > 0.85


def comments(day: datetime, count: int = 80) -> pd.DataFrame:
    """A day of comments; threats are so rare that most days have none."""
    rng = np.random.default_rng(int(day.timestamp()))
    shouting, swearing = rng.normal(size=count), rng.normal(size=count)
    odds = {"toxic": 2 * shouting + swearing - 1, "obscene": 2 * swearing - 1, "threat": 2 * shouting - 6.5}
    return pd.DataFrame(
        {
            "id": [f"{day:%Y%m%d}-{number}" for number in range(count)],
            "at": [(day + timedelta(minutes=number)).isoformat() for number in range(count)],
            "shouting": shouting,
            "swearing": swearing,
            "forum": rng.choice(["a", "b"], count),
            **{name: (rng.random(count) < 1 / (1 + np.exp(-value))).astype(int) for name, value in odds.items()},
        }
    )


def test_comments_with_any_number_of_tags_go_the_whole_way(project, prefect):
    name = project.declare("comments", COMMENTS, COMMENTS_SUITE)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    raw = pd.concat([comments(start + timedelta(days=number)) for number in range(22)], ignore_index=True)
    raw["toxic"] = raw["toxic"].astype("object").mask(raw.index == 3, "perhaps")
    (project.root / "data").mkdir()
    raw.to_csv(project.root / "data" / "comments.csv", index=False)
    first = Partition(start, DAY).shift(20)
    done = backfill(name, start.date().isoformat(), first.shift(-1).key, stage="ingest", dry_run=False)
    assert (done.done, done.failed) == (20, {})
    decision = train(name, first.start, "the first one", "test")
    assert decision.promoted, decision.verdicts

    nights = [nightly(name, first.shift(number).key) for number in range(2)]
    assert all(night.monitored.verdict in ("quiet", "drift", "suspect") for night in nights)
    classifier = catalog.load(name)
    tables, bundle = tables_of(classifier), registry.load(name, registry.champion(name))
    with database().transaction() as connection:
        labels = dict(connection.execute(sa.select(tables.label.c.event_id, tables.label.c.label)).all())
        stored = connection.execute(sa.select(tables.prediction)).mappings().all()
        broken = connection.scalars(sa.select(tables.quarantine.c.broken)).all()
    assert broken == [["toxic: must be yes or no"]]
    expected = raw.drop(index=3)
    assert labels == {
        row["id"]: [tag for tag in ("toxic", "obscene", "threat") if row[tag]] for row in expected.to_dict("records")
    }
    scored = batch_scoring.read(name, first, 1).set_index("event_id")
    p = bundle.score(scored)
    assert (batch_scoring.probabilities(scored, bundle.outputs) == p).all()
    for row in stored:
        if row["partition"] == first.key:
            place = scored.index.get_loc(row["event_id"])
            assert row["probabilities"] == pytest.approx(p[place].tolist(), abs=1e-6)
            reached = zip(bundle.card.classes, p[place], bundle.card.thresholds, strict=True)
            assert row["decision"] == [tag for tag, score, threshold in reached if score >= threshold]
    shown = status(classifier).ledger[0]["score"]
    assert shown.endswith("by v1")
    assert f"{nights[1].scored.positives['toxic']} toxic" in shown
