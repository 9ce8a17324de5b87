"""Parquet files, a part at a time."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from leeway.ingest.reading.frames import from_arrow

CELLS = 2_000_000  # of one part: some 200 MB while it is cast


def read(file: Path, also: Mapping[str, str] | None = None) -> Iterator[pd.DataFrame]:
    """Yield a file's rows, indexed by their position; at least one frame, if only to show the columns.

    Args:
        also: further columns, each of one value.
    """
    with pq.ParquetFile(file) as opened:
        size = max(1, CELLS // max(1, len(opened.schema_arrow)))
        batches = opened.iter_batches(batch_size=size) if opened.metadata.num_rows else iter(())
        first = [] if opened.metadata.num_rows else [None]
        position = 0
        for batch in itertools.chain(first, batches):
            rows = from_arrow(opened.schema_arrow.empty_table() if batch is None else pa.Table.from_batches([batch]))
            rows.index = pd.RangeIndex(position, position + len(rows))
            position += len(rows)
            given = {name: value for name, value in (also or {}).items() if name not in rows}
            yield rows.assign(
                **{name: pd.Series(value, index=rows.index, dtype="str") for name, value in given.items()}
            )
