"""Rows split by partition, once: a folder of Parquet parts with a list of what is in them, whole or not there.

A file is split when it is first needed and kept until it changes, so that a hundred partitions of it are not a hundred
readings, and one partition of a large file never needs the memory for all of it.
"""

import hashlib
import inspect
import json
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from leeway.core import progress
from leeway.core.files import replacing
from leeway.core.settings import settings
from leeway.definition import Classifier, Rows, catalog
from leeway.definition.grains import Grain
from leeway.definition.partitions import Partition, keys_of
from leeway.ingest import deliveries
from leeway.ingest.content_id import short_hashes
from leeway.ingest.reading.unread import UNREAD
from leeway.ingest.sources.files import FileState
from leeway.ingest.times import read_times

TIME, KEY = "leeway:time", "leeway:partition"  # further columns of every part
UNPLACED = ""  # the key of rows without a time that can be read
ROW_GROUP = 10_000  # rows; what a partition's reading takes at least
CONTENTS = "contents.json"
SHARES = "shares.json"  # of a file: by partition, how many rows it has, and their hash
INDEX = "index.json"  # of all files of a classifier, so that a thousand are not a thousand readings
FORM = 4  # of the parts and hashes; what was split in another form is split again
UNUSED = 86_400  # seconds, after which the parts of a former state of a file go
#: Seconds, after which those of the present state go: nights need them again only for what has changed.
KEPT = 8 * UNUSED
MODULUS = 2**64
RowCounts = dict[str, int]


def write(folder: Path, parts: Iterable[pd.DataFrame]) -> list[RowCounts]:
    """Write rows that carry `TIME` and `KEY` as the parts of a folder; returns how many rows of each key each part has."""
    folder.mkdir(parents=True)
    contents: list[RowCounts] = []
    with ThreadPoolExecutor(1) as writer:  # a part is written while the next one is read
        written = None
        for number, part in enumerate(parts):
            codes, keys = pd.factorize(part[KEY], sort=True)
            ordered = part if (codes[1:] >= codes[:-1]).all() else part.iloc[np.argsort(codes, kind="stable")]
            table = pa.Table.from_pandas(deliveries.storable(ordered), preserve_index=False)
            if written is not None:
                written.result()
            written = writer.submit(_write, table, folder / _part(number))
            contents.append(dict(zip(keys, np.bincount(codes).tolist(), strict=True)))
        if written is not None:
            written.result()
    (folder / CONTENTS).write_text(json.dumps(contents))
    return contents


def _write(table: pa.Table, file: Path) -> None:
    """Write a part fast before small: only the keys, by which it is read, are encoded and summed up."""
    options = {"compression": "lz4", "use_dictionary": [KEY], "write_statistics": [KEY]}
    pq.write_table(table, file, row_group_size=ROW_GROUP, **options)


def read(folder: Path, keys: Iterable[str]) -> list[pd.DataFrame]:
    """The rows of some keys, one frame for each part that has any; without any, a frame that shows the columns."""
    contents = contents_of(folder)
    wanted = set(keys)
    found = []
    for number, counts in enumerate(contents):
        if has := sorted(wanted & set(counts)):
            table = pq.read_table(folder / _part(number), filters=[(KEY, "in", has)])
            found.append(table.to_pandas())
    if not found and contents:
        found.append(pq.read_schema(folder / _part(0)).empty_table().to_pandas())
    return found


def columns(folder: Path, names: Sequence[str]) -> Iterator[pd.DataFrame]:
    """Yield some columns of all rows; a part that lacks one is passed over."""
    for number in range(len(contents_of(folder))):
        with pq.ParquetFile(folder / _part(number)) as file:
            if set(names) <= set(file.schema_arrow.names):
                yield file.read(columns=list(names)).to_pandas()


def counts(folder: Path) -> RowCounts:
    """How many rows of each key a folder has."""
    total: RowCounts = {}
    for part in contents_of(folder):
        for key, count in part.items():
            total[key] = total.get(key, 0) + count
    return total


def list_files(
    classifier: Classifier,
    found: Mapping[Path, FileState],
    rows: Callable[[Path], Iterable[pd.DataFrame]],
    now: datetime,
) -> "Listing":
    """Say what each file has of each partition, as the files are now.

    A file that has not changed costs the look at its state: what was found in it stands in an index of all files.

    Args:
        found: the files with their states.
        rows: of a file; they are read only where it was not split before.
    """
    parent, read_as = settings().folder("staged", classifier.name or "_"), fingerprint(classifier, classifier.source)
    index, root = _index(parent), f"{settings().project.absolute()}{os.sep}"
    listed = []
    for place, (file, state) in enumerate(found.items()):
        known = index.get(str(file))
        key = _folder_of(file, state, read_as)
        if known is None or known["folder"] != key:
            progress.tell(place, len(found), f"read {file.name}")
            folder = _split(classifier, file, parent / key, rows)
            known = {"folder": key, "shares": json.loads((folder / SHARES).read_text())}
        listed.append(
            StagedFile(
                file,
                str(file).removeprefix(root),
                state,
                parent / key,
                {name: Share(*share) for name, share in known["shares"].items()},
            )
        )
    kept = {str(item.file): item for item in listed}
    if index.keys() != kept.keys() or any(index[name]["folder"] != item.folder.name for name, item in kept.items()):
        _write_index(parent, listed)
        _tidy(parent, {item.folder.name for item in listed})
    return Listing(classifier, tuple(listed), read_as, now)


def read_file(
    classifier: Classifier, item: "StagedFile", keys: Iterable[str], rows: Callable[[Path], Iterable[pd.DataFrame]]
) -> list[pd.DataFrame]:
    """Return a file's rows of some keys, some at a time; without any, a frame that shows the columns."""
    return read(_split(classifier, item.file, item.folder, rows), keys)


@dataclass(frozen=True)
class Share:
    """What a file has of a partition: how many rows, and a hash of them in any order."""

    rows: int
    hash: str


@dataclass(frozen=True)
class StagedFile:
    """A file that is split by partition.

    Attributes:
        name: its path, within the project where it lies there.
        shares: by the key of the partition, or `UNPLACED`.
    """

    file: Path
    name: str
    state: FileState
    folder: Path
    shares: Mapping[str, Share]

    def by_partition(self, now: datetime, present: str, grain: Grain) -> dict[str, list[str]]:
        """Return the keys of its shares by the partition whose delivery has them.

        Rows without a time that stand by none with one, and rows of partitions that have not begun, are delivered once:
        with the last partition that is over, else with the one that was due when the file was written.

        Args:
            present: the key of the partition that `now` lies in.
        """
        placed: dict[str, list[str]] = {key: [key] for key in self.shares if key != UNPLACED and key <= present}
        if len(placed) < len(self.shares):
            over = max((key for key in placed if key < present), default=None)
            written = min(datetime.fromtimestamp(max(self.state[0], self.state[2]) / 1e9, UTC), now)
            home = over or Partition.last_complete(written, grain).key
            placed[home] = [*placed.get(home, []), *(key for key in self.shares if key not in placed)]
        return placed


@dataclass(frozen=True)
class Listing:
    """What the files of a source have of each partition.

    Attributes:
        read_as: the fingerprint of all that decides how they are read.
    """

    classifier: Classifier
    files: tuple[StagedFile, ...]
    read_as: str
    now: datetime

    @cached_property
    def present(self) -> str:
        """Return the key of the partition that is not over."""
        return Partition.containing(self.now, self.classifier.partition).key

    @cached_property
    def names(self) -> set[str]:
        """Return the names of all files."""
        return {item.name for item in self.files}

    @cached_property
    def by_partition(self) -> dict[str, list[tuple[StagedFile, list[str]]]]:
        """Return, by partition, the files that its delivery has rows of, each with the keys of its shares."""
        found: dict[str, list[tuple[StagedFile, list[str]]]] = {}
        for item in self.files:
            for partition, keys in item.by_partition(self.now, self.present, self.classifier.partition).items():
                found.setdefault(partition, []).append((item, keys))
        return found

    def origins(self, partition: str) -> dict[str, str]:
        """Return the files that a partition's delivery has rows of, each with a hash of these rows."""
        found = {}
        for item, keys in self.by_partition.get(partition, []):
            shares = [item.shares[key].hash for key in sorted(keys)]
            written = shares[0] if len(shares) == 1 else hashlib.sha256("".join(shares).encode()).hexdigest()[:32]
            # A partition that is not over has rows that lie ahead of now, which are not its good rows yet.
            found[item.name] = written if partition < self.present else f"{written}+"
        return found


def beside(parts: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Give rows without a partition that of the row before them in their file, else of the first after them.

    So they stay where they came, also where the file grows, and do not add up in its last partition.
    """
    last: str | None = None
    for part in parts:
        keys = part[KEY]
        if (keys == UNPLACED).any():
            keys = keys.mask(keys == UNPLACED)
            if last is not None and pd.isna(keys.iloc[0]):
                keys.iloc[0] = last
            keys = keys.ffill().bfill().fillna(UNPLACED)
        if len(keys) and keys.iloc[-1] != UNPLACED:
            last = str(keys.iloc[-1])
        yield part.assign(**{KEY: keys})


def contents_of(folder: Path) -> list[RowCounts]:
    """Return how many rows of each key each part of a folder has."""
    contents: list[RowCounts] = json.loads((folder / CONTENTS).read_text())
    return contents


def _split(classifier: Classifier, file: Path, folder: Path, rows: Callable[[Path], Iterable[pd.DataFrame]]) -> Path:
    """Split a file into a folder, unless it is there; returns the folder."""
    if (folder / SHARES).exists():
        folder.touch()
        return folder
    shares: dict[str, tuple[int, int]] = {}
    with replacing(folder, f"splitting {file}", keep_first=True) as written:
        parts = (place(classifier, part) for part in _ahead(rows(file)))
        write(written, _counted(beside(parts), shares))
        text = json.dumps({key: (count, f"{total % MODULUS:016x}") for key, (count, total) in shares.items()})
        (written / SHARES).write_text(text)
    return folder


def _counted(parts: Iterable[pd.DataFrame], shares: dict[str, tuple[int, int]]) -> Iterator[pd.DataFrame]:
    """Pass parts on, and add their rows to the shares of their partitions."""
    for part in parts:
        codes, keys = pd.factorize(part[KEY])
        hashes = pd.Series(short_hashes(part.drop(columns=[TIME, KEY])))
        # Sums, not hashes of hashes: they do not depend on the order, and a row that is there twice counts twice.
        for code, count, own in hashes.groupby(codes).agg(["size", "sum"]).itertuples():
            rows, total = shares.get(keys[code], (0, 0))
            shares[keys[code]] = rows + count, total + own
        yield part


def _ahead(parts: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Read the next part while one is worked on."""
    following = iter(parts)
    with ThreadPoolExecutor(1) as reader:
        waiting = reader.submit(next, following, None)
        while (part := waiting.result()) is not None:
            waiting = reader.submit(next, following, None)
            yield part


def _folder_of(file: Path, state: FileState, read_as: str) -> str:
    return hashlib.sha256(json.dumps([str(file), state, read_as]).encode()).hexdigest()[:32]


def _index(parent: Path) -> Mapping[str, dict[str, Any]]:
    """Read what is known of the files; nothing where that cannot be read, because it can be found again."""
    try:
        stat = (parent / INDEX).stat()
        return _read_index(parent / INDEX, (stat.st_mtime_ns, stat.st_size, stat.st_ino))
    except (OSError, ValueError):
        return {}


@lru_cache(maxsize=1)
def _read_index(path: Path, state: tuple[int, int, int]) -> Mapping[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(path.read_text())
    return found


def _write_index(parent: Path, listed: Iterable["StagedFile"]) -> None:
    known = {
        str(item.file): {
            "folder": item.folder.name,
            "shares": {key: (share.rows, share.hash) for key, share in item.shares.items()},
        }
        for item in listed
    }
    with replacing(parent / INDEX, "writing what the files have") as written:
        written.write_text(json.dumps(known))


def place(classifier: Classifier, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the declared columns, and the time and partition of each. Where a column is missing, all are kept to show."""
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
        repr((FORM, source.model_dump(exclude={"prepare"}))),
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


def _tidy(parent: Path, used: Collection[str]) -> None:
    """Remove former states of files after a day, with what a killed process left, and present ones that nobody needs."""
    for folder in _older(parent, time.time() - UNUSED):
        if folder.name not in used or folder.stat().st_mtime < time.time() - KEPT:
            shutil.rmtree(folder, ignore_errors=True)


def _older(parent: Path, than: float) -> Iterator[Path]:
    for folder in parent.iterdir():
        try:
            if folder.is_dir() and folder.stat().st_mtime < than:
                yield folder
        except FileNotFoundError:  # another process was faster
            continue
