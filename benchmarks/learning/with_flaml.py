"""FLAML's AutoML, at its defaults but for the metric. Runs in an environment of its own."""

import pickle
from pathlib import Path

import pandas as pd
from contender import play
from flaml import AutoML


def learn(train: pd.DataFrame, target: pd.Series, seconds: float, folder: Path):
    """Search for so many seconds."""
    made = AutoML()
    made.fit(train, target, task="classification", metric="log_loss", time_budget=seconds, n_jobs=2, verbose=0, seed=0)
    (folder / "model.pkl").write_bytes(pickle.dumps(made))
    return made.classes_, made.predict_proba


if __name__ == "__main__":
    play(learn)
