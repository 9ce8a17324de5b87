"""A toy classifier with history and a champion, ready for its nights."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from leeway.dataset import snapshots
from leeway.definition import catalog
from leeway.definition.grains import DAY
from leeway.definition.partitions import Partition, between
from leeway.evaluation import evaluate
from leeway.ingest import deliveries, publication, sources
from leeway.ingest.audit import audit
from leeway.lifecycle import registry
from leeway.training import fit
from tests.conftest import Copied, Project, become, making

START = datetime(2026, 1, 1, tzinfo=UTC)
HISTORY_DAYS = 24
NIGHTS = 60


def rows(day: datetime, count: int = 60) -> pd.DataFrame:
    """One day of the toy stream: high amounts at the shop kind `b` tend to be bad."""
    rng = np.random.default_rng(int(day.timestamp()))
    amount = rng.lognormal(2, 1, count).round(2)
    kind = rng.choice(["a", "b", "c"], count)
    odds = -2 + 0.9 * (np.log(amount) - 2) + 1.5 * (kind == "b")
    return pd.DataFrame(
        {
            "id": [f"{day:%Y%m%d}-{number}" for number in range(count)],
            "at": [(day + timedelta(minutes=17 * number)).isoformat() for number in range(count)],
            "card": rng.choice([f"card{number}" for number in range(20)], count),
            "email": [f"someone{number}@example.com" for number in range(count)],
            "amount": np.where(np.arange(count) == 7, -1.0, amount),  # one row a day that the suite refuses
            "kind": kind,
            "bad": (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(int),
        }
    )


@pytest.fixture
def night():
    """The key of the n-th night after the history."""
    return lambda number: (START + timedelta(days=HISTORY_DAYS + number)).date().isoformat()


def ingest(name: str, partition: Partition) -> None:
    """Ingest without an orchestrator."""
    classifier, suite = catalog.load(name), catalog.audit_fingerprint(name)
    delivery = deliveries.write(name, partition, sources.extract(classifier, partition))
    audit(classifier, partition, delivery)
    publication.publish(classifier, partition, delivery, suite)


def train(name: str, as_of: datetime) -> int:
    """Train and decide without an orchestrator; returns the version."""
    classifier = catalog.load(name)
    key = fit.fit(classifier, snapshots.take(classifier, as_of).hash, as_of)
    version = registry.register(name, key)
    registry.decide(classifier, key, version, evaluate.judge(classifier, key), reason="first", actor="test")
    return version


def crown(project: Project) -> str:
    """Declare the toy classifier with its data, and give it history and a champion."""
    name = project.declare()
    (project.root / "data").mkdir()
    days = [START + timedelta(days=number) for number in range(HISTORY_DAYS + NIGHTS)]
    pd.concat([rows(day) for day in days]).to_csv(project.root / "data" / "toy.csv", index=False)
    first = Partition.containing(START, DAY)
    for partition in between(first, first.shift(HISTORY_DAYS - 1)):
        ingest(name, partition)
    train(name, START + timedelta(days=HISTORY_DAYS))
    assert registry.champion(name) is not None
    return name


@pytest.fixture(scope="session")
def crowned(server, tmp_path_factory):
    """That classifier, made once: it takes many seconds."""
    root = tmp_path_factory.mktemp("crowned")
    with pytest.MonkeyPatch.context() as monkeypatch, making(server, root, monkeypatch) as project:
        crown(project)
        yield Copied(root, project.databases)


@pytest.fixture
def toy(server, crowned, project) -> str:
    """A declared toy classifier with data, history and a champion."""
    become(server, project, crowned)
    return "toy"
