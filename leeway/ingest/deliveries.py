"""Deliveries: immutable batches of raw rows, as Parquet files named by the hash of their content."""

import hashlib
import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from leeway.core.errors import NotFound, StoreError
from leeway.core.files import sha256
from leeway.definition.partitions import Partition
from leeway.store import storage


def write(name: str, partition: Partition, raw: pd.DataFrame) -> str:
    """Keep the rows of a partition as they came.

    Returns:
        The delivery's hash. The same rows have the same hash, and are kept once.
    """
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(storable(raw), preserve_index=False), buffer, compression="zstd")
    content = buffer.getbuffer()
    delivery = hashlib.sha256(content).hexdigest()
    path = path_of(name, partition, delivery)
    if not storage.exists(path):
        with storage.keeping(path, f"writing a delivery of {name} {partition}") as beside:
            beside.write_bytes(content)
    return delivery


def read(name: str, partition: Partition, delivery: str) -> pd.DataFrame:
    """The raw rows of a delivery.

    Raises:
        NotFound: there is no such delivery.
        StoreError: the file is not what was written.
    """
    path = path_of(name, partition, delivery)
    if not storage.exists(path):
        raise NotFound(
            f"reading delivery {delivery[:12]} of {name} {partition}",
            problem="it must be in the storage",
            found=f"no {storage.address(path)}",
            hint="ingest the partition again",
        )
    if sha256(storage.fetched(path, delivery)) != delivery:
        raise StoreError(
            f"reading delivery {delivery[:12]} of {name} {partition}",
            problem="a delivery's content must have the hash in its name",
            found=f"{path} was altered or damaged",
            hint="remove the file and ingest the partition again",
        )
    return pd.read_parquet(path)


def path_of(name: str, partition: Partition, delivery: str) -> Path:
    """Where a delivery lies."""
    return storage.place("deliveries", name, partition.key, f"{delivery}.parquet")


def storable(raw: pd.DataFrame) -> pd.DataFrame:
    """Rows as Parquet can hold them: columns that mix types become text, which loses nothing that the audit would use."""
    mixed = {
        name: raw[name].map(str, na_action="ignore")
        for name in raw.columns
        if raw[name].dtype == object and pd.api.types.infer_dtype(raw[name], skipna=True) not in _PURE
    }
    return raw.assign(**mixed)


_PURE = {"string", "boolean", "date", "datetime", "decimal", "empty"}
