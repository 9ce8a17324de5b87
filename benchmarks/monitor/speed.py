"""What a large partition and a long past cost the monitor, beside Evidently's preset on the same frames.

    python benchmarks/monitor/speed.py [ROWS]

A partition of 1,000,000 rows x 30 columns (20 numbers, 9 categories, a score) is sketched as scoring does it, a row group of
its file at a time, in a process of its own; so is Evidently's `DataDriftPreset`, with the same partition against 100,000 rows.
Then the sketch is judged, with a year of nights in the embedded database: what a night reads of it, and all of it. All is drawn
from seeds. Seconds are those of the clock; a processor's stand beside them, for a machine that has other things to do.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from targets import tell

from leeway.definition import CSV, Classifier, Label, categorical, days, numeric
from leeway.definition.grains import DAY
from leeway.definition.partitions import Partition
from leeway.detection import build_reference
from leeway.detection.monitor import MonitoredNight, compare, judge, lookback
from leeway.detection.reference import Reference
from leeway.detection.sketch import Binning, LabelResiduals, Sketch

Took = tuple[float, float]

ROWS, KNOWN_ROWS, OF_A_NIGHT = 1_000_000, 100_000, 1_000
ROW_GROUP = 100_000
NUMBERS = [f"n{place:02}" for place in range(20)]
CATEGORIES = {f"c{place}": count for place, count in enumerate((2, 3, 5, 8, 12, 20, 40, 100, 300))}
NAMES = [*NUMBERS, *CATEGORIES]
YEAR, KNOWN = 365, 100  # nights
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
NAME, VERSION = "large", 1
SKETCH_SECONDS, SKETCH_GIGABYTES, YEAR_SECONDS = 5.0, 1.5, 2.0


def main() -> int:
    """Each step in turn, and what it took."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    rng = np.random.default_rng(0)
    missed = 0
    with tempfile.TemporaryDirectory(prefix="leeway-bench-") as folder:
        Path(folder).chmod(0o755)  # the database's server may run as another user
        os.environ["LEEWAY_HOME"] = folder
        os.environ.pop("LEEWAY_DATABASE_URL", None)
        known = drawn(rng, KNOWN_ROWS)
        write(known, Path(folder, "known.parquet"))
        write(drawn(rng, rows), Path(folder, "partition.parquet"))
        built = reference_of(known)
        binnings = {name: binning.model_dump(mode="json") for name, binning in built.binnings.items()}
        Path(folder, "binnings.json").write_text(json.dumps(binnings))
        own, theirs = (in_a_process(what, folder) for what in ("sketched", "reported"))
        shown = f"{rows:,} rows x {len(NAMES) + 1} columns: {_shown(own)}"
        reached = own["seconds"] <= SKETCH_SECONDS and own["gigabytes"] <= SKETCH_GIGABYTES
        missed += not tell("sketched", shown, reached)
        print(
            f"        | Evidently's DataDriftPreset | {_shown(theirs)}",
            flush=True,
        )
        seconds = compared(built, Sketch(**own["sketch"]), rng)
        shown = ", ".join(f"{what} {took:.2f} s ({cpu:.2f})" for what, (took, cpu) in seconds.items())
        total = sum(took for took, _ in seconds.values())
        missed += not tell(f"compared with {YEAR} nights", shown, total <= YEAR_SECONDS)
    return int(missed > 0)


def drawn(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    """Rows with a score: numbers of all precisions, categories of few values and many."""
    x = {name: rng.normal(size=rows).round(place % 7) for place, name in enumerate(NUMBERS)}
    score = 1 / (1 + np.exp(2 - x[NUMBERS[-1]] - x[NUMBERS[-2]] / 2))
    for name, count in CATEGORIES.items():
        x[name] = np.array([f"value {place}" for place in range(count)], dtype=object)[rng.integers(count, size=rows)]
    return pd.DataFrame({**x, "score": score})


def write(frame: pd.DataFrame, path: Path) -> None:
    """A file as scoring writes it, in row groups."""
    pq.write_table(
        pa.Table.from_pandas(frame, preserve_index=False), path, row_group_size=ROW_GROUP, compression="zstd"
    )


def reference_of(known: pd.DataFrame) -> Reference:
    """The reference of nights of such rows."""
    classifier = Classifier(
        source=CSV(path="x"),
        event_id="id",
        event_time="at",
        label=Label(column="y", delay=days(7)),
        columns={name: numeric() for name in NUMBERS} | {name: categorical() for name in CATEGORIES},
    )
    times = pd.Series(FIRST + pd.to_timedelta(np.arange(len(known)) // (len(known) // KNOWN), unit="D"))
    rows = pd.DataFrame({"event_time": times, "positive": labels(known), "known_at": times})

    def predict(x: pd.DataFrame) -> np.ndarray:
        return 1 / (1 + np.exp(2 - x[NUMBERS[-1:]].to_numpy() - x[NUMBERS[-2:-1]].to_numpy() / 2))

    as_of = FIRST + timedelta(days=KNOWN + 30)
    return build_reference.build(classifier, rows, known[NAMES], known[["score"]].to_numpy(), as_of, predict)


def labels(frame: pd.DataFrame) -> np.ndarray:
    """Labels that the scores are right about."""
    return np.random.default_rng(len(frame)).random(len(frame)) < frame["score"].to_numpy()


def in_a_process(what: str, folder: str) -> dict[str, Any]:
    """What a step tells that has a process of its own, with its seconds and its most memory."""
    command = [sys.executable, __file__, what, folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{what}: {done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def sketched(folder: Path) -> dict[str, Any]:
    """Sketch the partition."""
    given = json.loads((folder / "binnings.json").read_text())
    binnings = {name: Binning.model_validate(item) for name, item in given.items()}

    def count() -> Sketch:
        with pq.ParquetFile(folder / "partition.parquet") as file:
            groups = (file.read_row_group(place).to_pandas() for place in range(file.num_row_groups))
            return reduce(add, (Sketch.of(binnings, rows) for rows in groups))

    seen, (seconds, processor) = measured(count)
    return {"seconds": seconds, "processor": processor, "sketch": vars(seen)}


def reported(folder: Path) -> dict[str, Any]:
    """Run Evidently's preset on the partition and the known rows."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    now, known = (pd.read_parquet(folder / f"{name}.parquet") for name in ("partition", "known"))
    definition = DataDefinition(numerical_columns=[*NUMBERS, "score"], categorical_columns=list(CATEGORIES))

    def report() -> None:
        datasets = [Dataset.from_pandas(frame, data_definition=definition) for frame in (now, known)]
        Report([DataDriftPreset()]).run(*datasets).dict()

    _, (seconds, processor) = measured(report)
    return {"seconds": seconds, "processor": processor}


def compared(built: Reference, seen: Sketch, rng: np.random.Generator) -> dict[str, Took]:
    """Judge the partition with a year of nights behind it, and read all of that year: the seconds of each."""
    from leeway.monitoring import recent_nights
    from leeway.scoring import sketches
    from leeway.store.database import database

    tonight = Partition(FIRST + timedelta(days=KNOWN + YEAR), DAY)
    policy, held = built.alarm.policy, None
    with database().transaction() as connection:
        for back in range(YEAR, 0, -1):
            partition, frame = tonight.shift(-back), drawn(rng, OF_A_NIGHT)
            held = LabelResiduals.of(built.binnings, frame, labels(frame)[:, None], frame[["score"]].to_numpy())
            night = MonitoredNight(partition, Sketch.of(built.binnings, frame), partition.shift(-7), held)
            sketches.write(connection, NAME, partition, VERSION, night.observed)
            sketches.hold(connection, NAME, partition, VERSION, night.mature, held)
            _recorded(connection, partition, judge(built, policy, [night]))
    night = MonitoredNight(tonight, seen, tonight.shift(-7), held)

    def read(count: int) -> list[MonitoredNight]:
        with database().transaction() as connection:
            return sketches.before(connection, NAME, tonight, VERSION, count)

    finding, took = measured(lambda: judge(built, policy, [*read(lookback(policy)), night]))
    seconds = {"judged": took}
    evidence = {**finding.evidence(), "labels": []}
    seconds["the report's past read"] = measured(lambda: recent_nights.until(NAME, tonight, finding, evidence, {}))[1]
    nights, seconds["the year's sketches read"] = measured(lambda: read(YEAR))
    assert len(nights) == YEAR
    seconds["every night compared"] = measured(
        lambda: [(built.values(item.observed, item.label_residuals), compare(built, item.observed)) for item in nights]
    )[1]
    return seconds


def _recorded(connection: Any, partition: Partition, finding: Any) -> None:
    """A night's record, as monitoring writes it."""
    from leeway.monitoring.night import _record

    _record(connection, NAME, partition, VERSION, finding, finding.evidence(), "")


def measured(do: Callable[[], Any]) -> tuple[Any, Took]:
    """What it returns, and the seconds that it took: the clock's, and this process's of a processor."""
    started, worked = time.monotonic(), time.process_time()
    found = do()
    return found, (time.monotonic() - started, time.process_time() - worked)


def _shown(step: dict[str, Any]) -> str:
    return f"{step['seconds']:.1f} s ({step['processor']:.1f} of a processor), {step['gigabytes']:.2f} GB"


if __name__ == "__main__":
    if len(sys.argv) == 3:
        told = {"sketched": sketched, "reported": reported}[sys.argv[1]](Path(sys.argv[2]))
        print(json.dumps({**told, "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9}))
    else:
        sys.exit(main())
