"""AutoGluon's medium quality preset. Runs in an environment of its own."""

import shutil
from pathlib import Path

import pandas as pd
from autogluon.tabular import TabularPredictor
from contender import play


def learn(train: pd.DataFrame, target: pd.Series, seconds: float, folder: Path):
    """Its preset within so many seconds."""
    shutil.rmtree(folder)
    made = TabularPredictor("target", eval_metric="log_loss", path=str(folder), verbosity=0)
    made.fit(train.assign(target=target), time_limit=seconds, presets="medium_quality", num_cpus=2)
    made.persist()
    return made.class_labels, lambda rows: made.predict_proba(rows, as_multiclass=True).to_numpy()


if __name__ == "__main__":
    play(learn)
