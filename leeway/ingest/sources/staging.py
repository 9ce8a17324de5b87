"""Rows split by partition, once: a folder of Parquet parts with a list of what is in them, whole or not there.

A file is split when it is first needed and kept until it changes, so that a hundred partitions of it are not a hundred
readings, and one partition of a large file never needs the memory for all of it.
"""

import hashlib
import inspect
import json
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from leeway.core.files import replacing
from leeway.core.settings import settings
from leeway.definition import Classifier, Rows, catalog
from leeway.ingest import deliveries
from leeway.ingest.reading.unread import UNREAD
from leeway.ingest.sources import files
from leeway.ingest.times import read_times

TIME, KEY = "leeway:time", "leeway:partition"  # further columns of every part
UNPLACED = ""  # the key of rows without a time that can be read
ROW_GROUP = 10_000  # rows; what a partition's reading takes at least
CONTENTS = "contents.json"
UNUSED = 86_400  # seconds, after which the parts of a former state of a file go
RowCounts = dict[str, int]


def write(folder: Path, parts: Iterable[pd.DataFrame]) -> list[RowCounts]:
    """Write rows that carry `TIME` and `KEY` as the parts of a folder; returns how many rows of each key each part has."""
    folder.mkdir(parents=True)
    contents: list[RowCounts] = []
    for number, part in enumerate(parts):
        table = pa.Table.from_pandas(deliveries.storable(part.sort_values(KEY, kind="stable")), preserve_index=False)
        pq.write_table(table, folder / _part(number), row_group_size=ROW_GROUP, compression="zstd")
        contents.append({str(key): int(count) for key, count in part[KEY].value_counts().items()})
    (folder / CONTENTS).write_text(json.dumps(contents))
    return contents


def read(folder: Path, keys: Iterable[str]) -> list[pd.DataFrame]:
    """The rows of some keys, one frame for each part that has any; without any, a frame that shows the columns."""
    contents: list[RowCounts] = json.loads((folder / CONTENTS).read_text())
    wanted = set(keys)
    found = []
    for number, counts in enumerate(contents):
        if has := sorted(wanted & set(counts)):
            table = pq.read_table(folder / _part(number), filters=[(KEY, "in", has)])
            found.append(table.to_pandas())
    if not found and contents:
        found.append(pq.read_schema(folder / _part(0)).empty_table().to_pandas())
    return found


def counts(folder: Path) -> RowCounts:
    """How many rows of each key a folder has."""
    total: RowCounts = {}
    for part in json.loads((folder / CONTENTS).read_text()):
        for key, count in part.items():
            total[key] = total.get(key, 0) + count
    return total


def of_file(classifier: Classifier, file: Path, rows: Iterable[pd.DataFrame]) -> Path:
    """The folder with a file's rows as it is now, split by the partition of their event time.

    Args:
        rows: of the file; they are read only where it was not split before.
    """
    content = [str(file), files.state(file), fingerprint(classifier, classifier.source)]
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
    folder = settings().folder("staged", classifier.name or "_") / key
    if (folder / CONTENTS).exists():
        folder.touch()
        return folder
    _tidy(folder.parent)
    with replacing(folder, f"splitting {file}", keep_first=True) as beside:
        write(beside, (place(classifier, part) for part in rows))
    return folder


def place(classifier: Classifier, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the declared columns, and the time and partition of each. Where a column is missing, all are kept to show."""
    from leeway.definition.partitions import keys_of

    declared = classifier.source_columns
    further = [UNREAD] if UNREAD in rows.columns else []
    kept = rows[[*declared, *further]] if set(declared) <= set(rows.columns) else rows
    if classifier.time_column not in rows.columns:
        times = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us, UTC]")
    else:
        times = times_of(classifier, rows)
    return kept.assign(**{TIME: times, KEY: keys_of(times, classifier.partition).fillna(UNPLACED)})


def times_of(classifier: Classifier, rows: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    """When the events of raw rows happened; missing where that cannot be read."""
    name = classifier.time_column
    return read_times(rows[name], classifier.source.timezone, classifier.source.formats(name))


def fingerprint(classifier: Classifier, source: Rows) -> str:
    """A hash of all that decides how a file is read and split."""
    functions = source.prepare if isinstance(source.prepare, tuple) else (source.prepare,)
    said = [
        repr(source.model_dump(exclude={"prepare"})),
        *(_described(function) for function in functions),
        repr((classifier.event_time, classifier.partition.name, classifier.source_columns)),
        catalog.fingerprint(classifier.name) if classifier.name else "",  # what `prepare` uses may stand there
    ]
    return hashlib.sha256("\0".join(said).encode()).hexdigest()


def _described(function: Any) -> str:
    code = getattr(function, "__code__", None)
    if code is None:
        return repr(function)
    file = inspect.getsourcefile(function)
    text = Path(file).read_text() if file and Path(file).exists() else ""
    return f"{function.__qualname__} {code.co_firstlineno} {code.co_code.hex()} {text}"


def _part(number: int) -> str:
    return f"{number:05d}.parquet"


def _tidy(parent: Path) -> None:
    """Remove what nobody has used for a day: former states of files, and what a killed process left."""
    for folder in _older(parent, time.time() - UNUSED):
        shutil.rmtree(folder, ignore_errors=True)


def _older(parent: Path, than: float) -> Iterator[Path]:
    for folder in parent.iterdir():
        try:
            if folder.is_dir() and folder.stat().st_mtime < than:
                yield folder
        except FileNotFoundError:  # another process was faster
            continue
