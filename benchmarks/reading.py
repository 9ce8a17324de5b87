"""The reader of delimited text: how much of polluted files it reads, and how fast it reads a clean one.

The polluted files are those of Pollock (Vitagliano and others, VLDB 2023): the unpacked archive is the first argument. A
file's score is the sum of ten numbers from 0 to 1: whether it could be read, and precision, recall and F1 of its header, its
records and its cells. Each reader finds the form of the file by itself. DuckDB is measured where it is installed.
"""

import csv
import os
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from leeway.definition import Classifier, Label, categorical, days, numeric
from leeway.definition.partitions import Partition
from leeway.ingest import sources
from leeway.ingest.reading import delimited
from leeway.ingest.reading.unread import UNREAD
from leeway.profiling import reading

Read = tuple[list[str], list[list[str]]]
csv.field_size_limit(1 << 24)


def by_leeway(file: Path) -> Read:
    """As `leeway new` finds the form of a file, and a night reads it."""
    if not file.read_bytes().strip():
        return [], []
    table = reading.describe(str(file))
    assert table.form is not None
    header: list[str] = []
    rows: list[list[str]] = []
    for part in delimited.read(table.form, file):
        good = part[part[UNREAD].isna()].drop(columns=UNREAD) if UNREAD in part else part
        header = [] if table.form.header else [str(name) for name in good.columns]
        rows += [list(row) for row in good.fillna("").itertuples(index=False)]
    return header, rows


def by_duckdb(file: Path) -> Read:
    """DuckDB's sniffer and reader, every value as text."""
    import duckdb

    with duckdb.connect() as connection:
        found = connection.execute("SELECT * FROM read_csv(?, all_varchar=true, ignore_errors=true)", [str(file)])
        header = [column[0] for column in found.description]
        rows = [["" if value is None else value for value in row] for row in found.fetchall()]
    return ([] if header[:1] == ["column0"] else header), rows


def by_clevercsv(file: Path) -> Read:
    """CleverCSV's dialect and its reader."""
    import clevercsv

    rows = clevercsv.read_table(str(file))
    return (rows[0], rows[1:]) if rows else ([], [])


def score(read: Callable[[Path], Read], file: Path, clean: Path) -> float:
    """One file's score of ten."""
    with clean.open(newline="") as lines:
        expected = list(csv.reader(lines))
    try:
        header, rows = read(file)
    except Exception:  # whatever a reader raises: it could not read the file
        return 0.0
    has_header = file.name not in ("file_no_header.csv",)
    wanted, body = (expected[:1] and expected[0], expected[1:]) if has_header else ([], expected)
    return (
        1
        + _agreement(header, wanted)
        + _agreement([tuple(row) for row in rows], [tuple(row) for row in body])
        + _agreement([cell for row in rows for cell in row], [cell for row in body for cell in row])
    )


def _agreement(found: list, expected: list) -> float:
    """Precision, recall and F1, summed."""
    if not found and not expected:
        return 3.0
    common = (Counter(found) & Counter(expected)).total()
    precision, recall = common / max(1, len(found)), common / max(1, len(expected))
    return precision + recall + (2 * precision * recall / (precision + recall) if common else 0.0)


def polluted(folder: Path) -> None:
    """Print the scores on the polluted files."""
    readers: dict[str, Callable[[Path], Read]] = {"Leeway": by_leeway}
    if find_spec("duckdb"):
        readers["DuckDB"] = by_duckdb
    readers["CleverCSV"] = by_clevercsv
    files = sorted((folder / "csv").iterdir())
    for name, read in readers.items():
        kinds: dict[str, list[float]] = defaultdict(list)
        for file in files:
            kinds[re.sub(r"_?\d.*", "", file.stem)].append(score(read, file, folder / "clean" / file.name))
        every = [value for values in kinds.values() for value in values]
        print(f"{name}: {np.mean(every):.3f} of 10 on {len(every):,} files")
        for kind, values in sorted(kinds.items(), key=lambda item: np.mean(item[1]))[:5]:
            print(f"    {kind}: {np.mean(values):.2f} on {len(values)}")


def speed(megabytes: int = 300) -> None:
    """Print how fast a clean file with quotes is read, and its first day delivered, by the clock and by the processor."""
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "data.csv"
        values = random.random(50_000).round(4)
        block = "".join(
            f"A{number:08d},2026-01-{number % 28 + 1:02d}T00:00:{number % 60:02d},{value * 1000:.2f},"
            f'kind{number % 9},"of, {number}",{int(value < 0.1)}\n'
            for number, value in enumerate(values)
        )
        with file.open("w") as lines:
            lines.write("id,at,amount,kind,text,bad\n")
            for _ in range(megabytes * 1_000_000 // len(block)):
                lines.write(block)
        table = reading.describe(str(file))
        assert table.form is not None
        form = table.form
        size = file.stat().st_size / 1e6
        rows = timed("read", size, lambda: sum(len(part) for part in delimited.read(form, file)))
        classifier = Classifier(
            source=table.form,
            event_time="at",
            label=Label(column="bad", positive="1", negative="0", delay=days(0)),
            columns={"amount": numeric(), "kind": categorical(), "text": categorical()},
        )
        os.environ["LEEWAY_HOME"] = folder
        day, now = Partition.parse("2026-01-05", classifier.partition), datetime(2026, 3, 1, tzinfo=UTC)
        first = timed("first day delivered", size, lambda: len(sources.extract(classifier, day, now=now)))
        timed("the same day again", size, lambda: len(sources.extract(classifier, day, now=now)))
        print(f"{rows:,} rows, {first:,} of them of the day")


def timed(what: str, size: float, act: Callable[[], int]) -> int:
    """Print how many megabytes an act takes in a second; returns what it does."""
    began, used = time.perf_counter(), time.process_time()
    found = act()
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    print(f"{what}: {size / seconds:,.0f} MB/s, {size / processor:,.0f} MB a processor's second")
    return found


if __name__ == "__main__":
    if len(sys.argv) > 1:
        polluted(Path(sys.argv[1]))
    speed()
