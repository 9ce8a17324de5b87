"""What every contender does alike, in whatever environment: read, learn, be timed, write. It imports nothing of Leeway's.

A contender is a script with `learn(train, target, seconds, folder)`, which gives back the classes and a function that predicts
their probabilities; it is run with a folder and a number of seconds.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

SCORED = 20_000  # rows at a time, as a night has them; fewer are repeated
REPEATS = 3

Predict = Callable[[pd.DataFrame], np.ndarray]
Learn = Callable[[pd.DataFrame, pd.Series, float, Path], tuple[Sequence[str], Predict]]


def play(learn: Learn) -> None:
    """Learn from `train.parquet`, predict `test.parquet`, and leave `p.npy` and `told.json` beside them."""
    folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
    train, test = (pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "test"))
    target = train.pop("target")
    place = folder / "model"
    place.mkdir()
    started = time.perf_counter()
    classes, predict = learn(train, target, seconds, place)
    told = {"seconds": time.perf_counter() - started, "classes": [str(name) for name in classes]}
    np.save(folder / "p.npy", np.asarray(predict(test), dtype="float64"))
    many = pd.concat([test] * -(-SCORED // len(test)), ignore_index=True)[:SCORED]
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        predict(many)
        taken.append(time.perf_counter() - started)
    told["microseconds"] = min(taken) / len(many) * 1e6
    told["megabytes"] = sum(file.stat().st_size for file in place.rglob("*") if file.is_file()) / 1e6
    (folder / "told.json").write_text(json.dumps(told))
