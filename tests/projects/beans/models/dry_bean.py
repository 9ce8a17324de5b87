"""Dry beans: which of seven varieties is this one? Real measurements; their days are made up, and so is what goes wrong."""

from pathlib import Path

import numpy as np
import pandas as pd

from leeway.definition import CSV, Boosting, Classifier, DriftPolicy, Gates, Label, Logistic, Training, days, numeric

DATA = Path(__file__).parents[5] / "shared" / "data" / "dry_bean.csv"
FIRST, A_DAY = pd.Timestamp("2026-01-01", tz="UTC"), 250
RENAMED_FROM = pd.Timestamp("2026-01-23", tz="UTC")


def prepare(raw: pd.DataFrame) -> pd.DataFrame:
    """Shuffle the beans, which are sorted by class, over days; later on five of six SIRA are sold as DERMASON.

    Their `Bean ID` would give them away, so they are numbered anew.
    """
    order = np.random.default_rng(0).permutation(len(raw))
    rows = raw.iloc[order].reset_index(drop=True)
    at = FIRST + pd.to_timedelta(rows.index // A_DAY, unit="D") + pd.to_timedelta(rows.index % A_DAY, unit="min")
    renamed = (at >= RENAMED_FROM) & (rows["Class"] == "SIRA").to_numpy() & (rows.index % 6 > 0)
    sold_as = rows["Class"].mask(renamed, "DERMASON")
    return rows.assign(bean=rows.index.astype(str), at=at.map(lambda moment: moment.isoformat()), variety=sold_as)


classifier = Classifier(
    source=CSV(path=str(DATA), prepare=prepare),
    event_id="bean",
    event_time="at",
    label=Label(
        column="variety",
        classes=("BARBUNYA", "BOMBAY", "CALI", "DERMASON", "HOROZ", "SEKER", "SIRA"),
        delay=days(1),
    ),
    columns={
        name: numeric() for name in ("Area", "MajorAxisLength", "Eccentricity", "Extent", "Solidity", "roundness")
    },
    candidates=(Logistic(C=(10.0,)), Boosting(max_leaf_nodes=(7,), max_iter=25)),
    training=Training(holdout=days(6), folds=3),
    gates=Gates(floors={"roc_auc": 0.9, "f1": 0.7}),
    drift=DriftPolicy(cooldown=days(2), min_reference=8),
)
