"""Deliveries: immutable batches of raw rows.

They are Parquet files named by the hash of their content.
"""

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
    """Store the raw rows of a partition.

    Returns:
        The delivery's hash. The same rows have the same hash, and are stored once.
    """
    content = _content(raw)
    delivery = hashlib.sha256(content).hexdigest()
    path = path_of(name, partition, delivery)
    if not storage.exists(path):
        with storage.keeping(path, f"writing a delivery of {name} {partition}") as beside:
            beside.write_bytes(content)
    return delivery


def read(name: str, partition: Partition, delivery: str) -> pd.DataFrame:
    """Read the raw rows of a delivery.

    Raises:
        NotFound: there is no such delivery.
        StoreError: the file was altered or damaged.
    """
    path = path_of(name, partition, delivery)
    if not storage.exists(path):
        raise NotFound(
            f"reading delivery {delivery[:12]} of {name} {partition}",
            problem="it is not in the storage",
            found=f"no {storage.address(path)}",
            hint="ingest the partition again",
        )
    if sha256(storage.fetched(path, delivery)) != delivery:
        raise StoreError(
            f"reading delivery {delivery[:12]} of {name} {partition}",
            problem="the file was altered or damaged: its hash is not the one in its name",
            found=path,
            hint="remove the file and ingest the partition again",
        )
    return pd.read_parquet(path)


def hash_of(raw: pd.DataFrame) -> str:
    """Return the hash that a delivery of these rows has."""
    return hashlib.sha256(_content(raw)).hexdigest()


def path_of(name: str, partition: Partition, delivery: str) -> Path:
    """Return the path of a delivery."""
    return storage.place("deliveries", name, partition.key, f"{delivery}.parquet")


def _content(raw: pd.DataFrame) -> memoryview:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(storable(raw), preserve_index=False), buffer, compression="zstd")
    return buffer.getbuffer()


def storable(raw: pd.DataFrame) -> pd.DataFrame:
    """Turn columns of mixed types into text, for Parquet.

    The audit loses nothing by it.
    """
    mixed = {
        name: raw[name].map(str, na_action="ignore")
        for name in raw.columns
        if raw[name].dtype == object and pd.api.types.infer_dtype(raw[name], skipna=True) not in _PURE
    }
    return raw.assign(**mixed)


_PURE = {"string", "boolean", "date", "datetime", "decimal", "empty"}
