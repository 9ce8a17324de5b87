"""What the library's tests share: a classifier with a past, written straight into the store."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from leeway.dataset import snapshots
from leeway.definition import Classifier, catalog
from leeway.definition.grains import DAY
from leeway.definition.partitions import Partition
from leeway.ingest import deliveries, publication
from leeway.ingest.audit import Audit, audit_path
from leeway.lifecycle import registry
from leeway.store import ledger
from leeway.store.database import database
from leeway.store.schemas import ensure_tables
from leeway.training import fit
from tests.conftest import Copied, become, making

START = datetime(2026, 3, 1, tzinfo=UTC)
DELIVERY, SUITE = "first", "suite"


def raw_rows(partition, count=40, *, seed=None, start_id=None, drift=0.0):
    """A partition's rows as the source has them; `bad` follows from amount and kind.

    Args:
        drift: how far the log odds of kind `b` move away from what was learnt.
    """
    rng = np.random.default_rng(partition.start.toordinal() if seed is None else seed)
    amount = rng.lognormal(3, 1, count).round(2)
    kind = rng.choice(["a", "b", "c"], count)
    odds = 1.5 * (np.log(amount) - 3) + np.select([kind == "a", kind == "b"], [-1.0, 1.0 + drift], 0.0)
    at = [partition.start + timedelta(seconds=int(s)) for s in np.sort(rng.integers(0, 86_000, count))]
    prefix = start_id or partition.key
    return pd.DataFrame(
        {
            "id": [f"{prefix}-{row}" for row in range(count)],
            "at": [moment.isoformat() for moment in at],
            "card": rng.choice([f"c{row}" for row in range(30)], count),
            "email": [f"secret{row}@example.org" for row in rng.integers(0, 5, count)],
            "amount": amount,
            "kind": kind,
            "bad": (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(int),
        }
    )


@dataclass
class World:
    """A classifier and the short ways of giving it a past."""

    project: object
    classifier: Classifier

    @property
    def name(self):
        return self.classifier.name

    def day(self, number):
        return Partition(START, DAY).shift(number)

    def fill(self, first=0, count=20, rows=40, **options):
        """Days of events with labels, and the ledger's lines, without source and audit."""
        days = [self.day(number) for number in range(first, first + count)]
        frames = [raw_rows(day, rows, **options).assign(partition=day.key, known_at=day.end) for day in days]
        frame = pd.concat(frames, ignore_index=True)
        instant = pa.timestamp("us", tz="UTC")
        times = pa.array(pd.to_datetime(frame["at"], format="ISO8601").dt.as_unit("us"), type=instant)
        text = {name: pa.array(frame[name], type=pa.string()) for name in ("card", "email", "kind", "partition")}
        events = {
            "event_id": pa.array(frame["id"], type=pa.string()),
            "known_at": pa.array(frame["known_at"], type=instant),
            "event_time": times,
            "delivery": pa.array([DELIVERY] * len(frame)),
            "amount": pa.array(frame["amount"], type=pa.float64()),
            **text,
        }
        learnt = pd.to_datetime(frame["at"], format="ISO8601").dt.as_unit("us") + timedelta(days=1)
        labels = {
            "event_id": events["event_id"],
            "known_at": pa.array(learnt, type=instant),
            "positive": pa.array(frame["bad"].astype(bool)),
            "delivery": events["delivery"],
        }
        store = database()
        with store.transaction() as connection:
            ensure_tables(connection, self.classifier)
            for day in days:
                source = {"delivery": DELIVERY, "suite": SUITE}
                output = {"rows": rows, "new": rows, "revised": 0, "labels": rows, "quarantined": 0, "repeated": 0}
                ledger.record(connection, self.name, day, "ingest", input=source, output=output)
        with store._adbc() as cursor:
            for table, columns in (("event", events), ("label", labels)):
                cursor.adbc_ingest(table, pa.table(columns), mode="append", db_schema_name=self.name)
        return self

    def deliver(self, day, rows, suite=SUITE, broken=None):
        """Publish rows as the source has them; `broken` go to quarantine."""
        delivery = deliveries.write(self.name, day, rows.astype({"amount": "str", "bad": "str"}))
        audit = Audit(delivery, len(rows), 1, broken or {}, [], [], datetime.now(UTC).isoformat())
        audit.save(audit_path(self.name, day, delivery))
        return publication.publish(self.classifier, day, delivery, suite)

    def train(self, as_of=20):
        """A registered bundle as of the start of a day; returns its key and version."""
        moment = self.day(as_of).start
        key = fit.fit(self.classifier, snapshots.take(self.classifier, moment).hash, moment)
        return key, registry.register(self.name, key)

    def crown(self, as_of=20):
        """Train, and make the result champion; returns its version."""
        _, version = self.train(as_of)
        return registry.promote(self.name, version, reason="test", actor="test").version

    def one_trial(self):
        """Leave but the cheapest candidate."""
        return self.redeclare(", Boosting(max_leaf_nodes=(7,), max_iter=20))", ",)")

    def redeclare(self, old, new):
        """Change the text of the definition."""
        path = self.project.root / "models" / f"{self.name}.py"
        text = path.read_text()
        assert old in text
        self.project.write(f"models/{self.name}.py", text.replace(old, new))
        self.classifier = catalog.load(self.name)
        return self


@pytest.fixture
def world(project):
    """A toy classifier without a past."""
    return World(project, catalog.load(project.declare()))


@pytest.fixture(scope="session")
def crowned(server, tmp_path_factory):
    """A toy classifier with one cheap trial, twenty days and a champion: made once, for it takes seconds."""
    root = tmp_path_factory.mktemp("crowned")
    with pytest.MonkeyPatch.context() as monkeypatch, making(server, root, monkeypatch) as project:
        World(project, catalog.load(project.declare())).one_trial().fill().crown()
        yield Copied(root, project.databases)


@pytest.fixture
def quick(server, crowned, project):
    """A project of its own with that classifier."""
    become(server, project, crowned)
    return World(project, catalog.load("toy"))
