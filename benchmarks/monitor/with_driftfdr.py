"""driftfdr as its authors recommend it: run in an environment of its own by `apart.run`, with a folder and settings.

Reads `errors.parquet` (a column of 0/1 errors for each model, the reference's `known` rows first; `size` rows to a window), and
writes `driftfdr.parquet`: each window's p-value of each model. The errors' mean is held against the reference's, and may have
risen by `tolerance`; the reference stays as it is.
"""

import json
import sys
from pathlib import Path

import pandas as pd
from driftfdr import CalibrationConfig, MeanShift
from driftfdr.streaming import CalibratedDetector


def main() -> None:
    """A detector for each model, fed row by row."""
    folder, settings = Path(sys.argv[1]), json.loads(sys.argv[2])
    errors = pd.read_parquet(folder / "errors.parquet")
    calibration = CalibrationConfig(tolerance=settings["tolerance"])
    found = {}
    for place, name in enumerate(errors.columns):
        detector = CalibratedDetector(
            MeanShift(1), settings["known"], settings["size"], horizon=1, calibration=calibration, seed=place
        )
        told = [detector.update(error) for error in errors[name].astype(float)]
        found[name] = [p for p in told if p is not None]
    pd.DataFrame(found).to_parquet(folder / "driftfdr.parquet")


if __name__ == "__main__":
    main()
