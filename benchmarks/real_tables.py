"""From a table to a champion that is scored and monitored, without touching a file: nine public tables, three commands each.

For each: what `leeway new` found and set aside, the seconds and the memory of all three commands, and how good the champion
is on its holdout. Needs ../shared/data. Names on the command line choose some of the tables.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from measuring import PeakMemory

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
LEEWAY = Path(sys.executable).with_name("leeway")
ENOUGH_ROWS = 100  # of a class of kdd99 in the whole table, to count in the mean over classes


@dataclass(frozen=True)
class Table:
    """A table, what a person says of it, and the target: at least this macro ROC AUC, in at most so many seconds."""

    name: str
    file: str
    label: str
    auc: float | None
    seconds: int = 180
    options: tuple[str, ...] = ()


TABLES = (
    Table("telco_churn", "telco_churn.csv", "Churn", 0.84),
    Table("adult", "adult.csv", "class", 0.92),
    Table("no_show", "no_show.csv.gz", "No-show", 0.72, options=("--entity", "PatientId")),
    Table("weather_aus", "weather_aus.csv.gz", "RainTomorrow", 0.88),
    Table("sms_spam", "sms_spam.csv", "type", 0.98),
    Table("dry_bean", "dry_bean.csv", "Class", 0.99),
    Table("hotel_bookings", "hotel_bookings.parquet", "is_canceled", 0.88),
    Table("elec2", "elec2.csv", "class", None),
    Table("kdd99", "kdd99.csv.gz", "column_42", 0.99, seconds=480),
)
COLUMNS = ("table", "rows", "columns", "kinds", "set aside", "seconds", "GB", "AUC", "AP", "log loss", "ECE", "target")


def main() -> None:
    """Play every table and print a line for each."""
    if not DATA.exists():
        print(f"skipped: {DATA} is not there")
        return
    print(" | ".join(COLUMNS))
    for table in TABLES:
        if len(sys.argv) == 1 or table.name in sys.argv[1:]:
            print(" | ".join(play(table)), flush=True)


def play(table: Table) -> list[str]:
    """From the table to the night, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        with PeakMemory() as memory:
            started = time.monotonic()
            found = _leeway(folder, "new", table.name, str(DATA / table.file), "--label", table.label, *table.options)
            _leeway(folder, "train", table.name)
            seconds = time.monotonic() - started
            last = _last_partition(folder, table.name)
            started = time.monotonic()
            _leeway(folder, "nightly", table.name, "--partition", last)
            seconds += time.monotonic() - started
        card = json.loads(next(Path(folder, ".leeway", "bundles", table.name).glob("*/bundle.json")).read_text())
        used = [column for column in found["columns"].values() if column["use"] == "feature"]
        kinds = Counter(column["found"].split(",")[0] for column in used)
        aside = [name for name, column in found["columns"].items() if column["use"] == "set aside"]
        metrics = card["metrics"]
        auc = _macro(card, table) if table.name == "kdd99" else metrics["roc_auc"]
        reached = (table.auc is None or auc >= table.auc) and seconds <= table.seconds and memory.gigabytes <= 3
        target = f"{table.auc or '-'}, {table.seconds} s, 3 GB: {'reached' if reached else 'MISSED'}"
        return [
            table.name,
            f"{found['rows']:,}",
            str(len(found["columns"])),
            " ".join(f"{count} {kind}" for kind, count in kinds.most_common()),
            ", ".join(aside) or "-",
            f"{seconds:.0f}",
            f"{memory.gigabytes:.1f}",
            *(f"{value:.3f}" for value in (auc, metrics["average_precision"], metrics["log_loss"])),
            f"{metrics['calibration_error']:.3f}",
            target,
        ]


def _macro(card: dict, table: Table) -> float:
    """The mean over the classes with enough rows in the whole table; those that the holdout has too few of count too."""
    counts = Counter(line.rsplit(",", 1)[1] for line in _lines(DATA / table.file))
    by_class = card["metrics"]["by_class"]
    values = [by_class[name]["roc_auc"] for name, count in counts.items() if count >= ENOUGH_ROWS]
    return sum(values) / len(values)


def _lines(file: Path) -> list[str]:
    import gzip

    with gzip.open(file, "rt") as stream:
        return [line.strip() for line in stream]


def _leeway(folder: str, *arguments: str) -> dict:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LEEWAY_", "PREFECT_"))}
    done = subprocess.run(
        [str(LEEWAY), *arguments, "--json"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"leeway {' '.join(arguments)}: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)


def _last_partition(folder: str, name: str) -> str:
    return _leeway(folder, "status", name)["ledger"][0]["partition"]


if __name__ == "__main__":
    main()
