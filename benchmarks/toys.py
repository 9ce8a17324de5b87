"""Small classifiers for the benchmarks that break things: sixty rows a day, made up, and what the platform has made of them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

MODEL = '''
import time
from pathlib import Path

from leeway.definition import *


def held(rows):
    """Wait while somebody holds the source."""
    while (Path(__file__).parents[1] / "hold").exists():
        time.sleep(0.05)
    return rows


classifier = Classifier(
    source=CSV(path="data/*.csv", prepare=held),
    event_id="id",
    event_time="at",
    label=Label(column="bad", positive=1, negative=0, delay=days(1)),
    columns={"card": identifier(), "amount": numeric(), "kind": categorical()},
    history=(History(by="card", window=days(7)), History(by="card", window=days(7), aggregate="mean", over="amount")),
    candidates=(Logistic(C=(1.0,)),),
    training=Training(holdout=days(5), folds=3),
    gates=Gates(floors={"roc_auc": 0.6}, calibration_error=0.3),
    schedule=Schedule(cron="SCHEDULE"),
)
'''
SUITE = """
import great_expectations.expectations as gxe

expectations = [
    gxe.ExpectColumnValuesToBeUnique(column="id"),
    gxe.ExpectColumnValuesToBeBetween(column="amount", min_value=0),
    gxe.ExpectTableRowCountToBeBetween(min_value=5, max_value=5000),
]
"""
NEVER = "0 0 29 2 *"


def write(root: Path, names: Iterable[str], first: datetime, days: int, *, rows: int = 60, cron: str = NEVER) -> None:
    """A project with classifiers of these names, all on the same days of data."""
    for folder in ("data", "models", "expectations"):
        (root / folder).mkdir(exist_ok=True)
    for number in range(days):
        day = first + timedelta(days=number)
        _day(day, rows).to_csv(root / "data" / f"{day:%Y-%m-%d}.csv", index=False)
    for name in names:
        (root / "expectations" / f"{name}.py").write_text(SUITE)
        declare(root, name, cron)


def declare(root: Path, name: str, cron: str) -> None:
    """Declare a classifier, or its other schedule."""
    (root / "models" / f"{name}.py").write_text(MODEL.replace("SCHEDULE", cron))


def _day(day: datetime, count: int) -> pd.DataFrame:
    """High amounts at the shop kind `b` tend to be bad."""
    rng = np.random.default_rng(int(day.timestamp()))
    amount, kind = rng.lognormal(2, 1, count).round(2), rng.choice(["a", "b", "c"], count)
    odds = -2 + 0.9 * (np.log(amount) - 2) + 1.5 * (kind == "b")
    step = timedelta(days=1) / count
    return pd.DataFrame(
        {
            "id": [f"{day:%Y%m%d}-{number}" for number in range(count)],
            "at": [(day + number * step).isoformat() for number in range(count)],
            "card": rng.choice([f"card{number}" for number in range(20)], count),
            "amount": amount,
            "kind": kind,
            "bad": (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(int),
        }
    )


CONTENTS = {
    "events": "SELECT event_id, superseded_at IS NULL, event_time, partition, card, amount, kind FROM {name}.event",
    "labels": "SELECT event_id, positive FROM {name}.label",
    "quarantine": "SELECT row_hash, partition, occurrences FROM {name}.quarantine",
    "predictions": "SELECT event_id, version, partition, score, decision FROM {name}.prediction",
    "verdicts": "SELECT partition, version, verdict, rows FROM leeway.monitoring WHERE classifier = '{name}'",
    "drift": "SELECT partition, \"column\", distance, impact FROM leeway.column_drift WHERE classifier = '{name}'",
    "ledger": "SELECT partition, stage, status FROM leeway.partition WHERE classifier = '{name}'",
}


def contents(name: str, first: str = "") -> dict[str, dict[str, Any]]:
    """What the database holds of a classifier: of each table how many rows, how many different ones, and a digest of all.

    Args:
        first: only partitions from this one on; labels are all.
    """
    from leeway.store.database import database

    found = {}
    with database().transaction() as connection:
        for table, query in CONTENTS.items():
            text = query.format(name=name)
            if first and "partition" in text:
                text += f"{' AND' if 'WHERE' in text else ' WHERE'} partition >= '{first}'"
            counted = (
                "SELECT count(*) AS rows, count(DISTINCT key) AS different, md5(string_agg(key, '|' ORDER BY key)) AS digest"
                f" FROM (SELECT t::text AS key FROM ({text}) t) s"
            )
            found[table] = dict(connection.execute(sa.text(counted)).mappings().one())
    return found


def twice(name: str) -> int:
    """How many events and predictions are there twice; ever."""
    from leeway.store.database import database

    keys = {"event": "event_id, known_at", "prediction": "event_id, version"}
    current = {"event": "WHERE superseded_at IS NULL GROUP BY event_id", "prediction": "GROUP BY event_id, version"}
    with database().transaction() as connection:
        return sum(
            int(
                connection.scalar(
                    sa.text(
                        f"SELECT count(*) FROM (SELECT 1 FROM {name}.{table} {current[table]} HAVING count(*) > 1) t"
                    )
                )
                or 0
            )
            for table in keys
        )
