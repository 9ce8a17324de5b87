"""NannyML at its defaults: run in an environment of its own by `apart.run`, with a folder and settings.

In it and each folder below, it reads `reference.parquet` and `analysis.parquet` (columns, `y`, `y_pred`, `p`; `size` rows to a
night or week), and writes `nannyml.parquet`: for each chunk of the analysis, how many standard deviations of the reference's
chunks the columns' largest Jensen-Shannon distance and the accuracy lie from their means, and NannyML's own alerts.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd


def main() -> None:
    """Every folder with a reference."""
    warnings.simplefilter("ignore")
    for reference in sorted(Path(sys.argv[1]).rglob("reference.parquet")):
        watch(reference.parent, **json.loads(sys.argv[2]))


def watch(folder: Path, size: int, columns: list[str]) -> None:
    """Fit both calculators on the reference, and hold the analysis against it; without columns, only the accuracy."""
    import nannyml

    reference, analysis = (pd.read_parquet(folder / f"{name}.parquet") for name in ("reference", "analysis"))
    found = {}
    if columns:
        drift = nannyml.UnivariateDriftCalculator(
            columns, continuous_methods=["jensen_shannon"], categorical_methods=["jensen_shannon"], chunk_size=size
        )
        result = drift.fit(reference[columns]).calculate(analysis[columns])
        per_column = [_spreads(result, name, "jensen_shannon") for name in columns]
        found["jensen_shannon"] = np.max([spreads for spreads, _ in per_column], axis=0)
        found["jensen_shannon_alert"] = np.any([alerts for _, alerts in per_column], axis=0)
    accuracy = nannyml.PerformanceCalculator(
        metrics=["accuracy"],
        y_true="y",
        y_pred="y_pred",
        y_pred_proba="p",
        problem_type="classification_binary",
        chunk_size=size,
    )
    result = accuracy.fit(reference[["y", "y_pred", "p"]]).calculate(analysis[["y", "y_pred", "p"]])
    found["accuracy"], found["accuracy_alert"] = _spreads(result, "accuracy")
    pd.DataFrame(found).to_parquet(folder / "nannyml.parquet")


def _spreads(result: object, *key: str) -> tuple[np.ndarray, np.ndarray]:
    known, seen = (result.filter(period=period).to_df() for period in ("reference", "analysis"))
    values = known[(*key, "value")]
    spread = np.nanstd(values)
    return (seen[(*key, "value")] - np.nanmean(values)).to_numpy() / spread, seen[(*key, "alert")].to_numpy(dtype=bool)


if __name__ == "__main__":
    main()
