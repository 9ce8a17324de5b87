"""A million rows of thirty columns by the default candidates and budget: memory, seconds, and what is told meanwhile.

A number on the command line asks for another size. The target is less than 6 GB.
"""

import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from leeway.definition import CSV, Classifier, Label, categorical, days, numeric
from leeway.model.inputs import model_input
from leeway.training import ensembling, folds, learning

sys.path.insert(0, str(Path(__file__).parents[1]))
from measuring import PeakMemory

NUMBERS, WORDS = 24, 6
MOST_GIGABYTES = 6.0


def main() -> None:
    """Make the rows up, learn from them, and print a line for each step."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rows, y = made_up(count)
    classifier = Classifier(
        source=CSV(path="x"),
        event_id="id",
        event_time="at",
        label=Label(column="bad", delay=days(1)),
        columns={
            name: categorical() if name.startswith("word") else numeric() for name in rows if name != "event_time"
        },
    )
    started = time.monotonic()

    def tell(text: str, share: float) -> None:
        print(f"{time.monotonic() - started:.0f} s, {share:.0%}: {text}", flush=True)

    with PeakMemory(postgres=False) as memory:
        x = model_input(rows, classifier.features)
        learnt = learning.learn_rows(classifier, x, y[:, None], folds.folds(classifier, rows, y), tell)
    print(f"{count:,} rows | {time.monotonic() - started:.0f} s | {memory.gigabytes:.2f} GB")
    print(ensembling.described(learnt.outcome.members), learnt.outcome.cut_short)
    sys.exit(memory.gigabytes >= MOST_GIGABYTES)


def made_up(count: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of a year whose label depends on some columns and on two together."""
    rng = np.random.default_rng(0)
    numbers = {f"number{place}": rng.normal(size=count) for place in range(NUMBERS)}
    words = {f"word{place}": rng.choice([f"w{k}" for k in range(20 * (place + 1))], count) for place in range(WORDS)}
    times = pd.date_range("2026-01-01", periods=count, freq=pd.Timedelta(days=365) / count, tz="UTC")
    odds = numbers["number0"] + numbers["number1"] * numbers["number2"] + (words["word0"] < "w15") - 2
    rows = pd.DataFrame({"event_time": times, **numbers, **words})
    return rows, rng.random(count) < 1 / (1 + np.exp(-odds))


if __name__ == "__main__":
    main()
