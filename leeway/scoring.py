"""Score a partition with the champion: in chunks, once per input and version."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from leeway import features, registry
from leeway.bundle import Bundle
from leeway.definition import Classifier
from leeway.errors import NotFound
from leeway.files import replacing
from leeway.partitions import Partition
from leeway.settings import settings
from leeway.store import ledger
from leeway.store.database import database, drop_staged
from leeway.store.schemas import ensure_tables

SCHEMA = pa.schema({"event_id": pa.string(), "score": pa.float64(), "decision": pa.bool_()})


@dataclass(frozen=True)
class Scored:
    """What a scoring run did.

    Attributes:
        changed: whether anything was written; the same rows under the same version are scored once.
        version: the champion's.
        rows, positives: events scored, and called positive.
    """

    changed: bool
    version: int
    rows: int
    positives: int


def score(classifier: Classifier, partition: Partition) -> Scored:
    """Replace a partition's predictions of the champion's version, unless they are there already.

    Raises:
        NotFound: there is no champion, or the partition has not been ingested.
        BundleError: the champion's bundle is not what was promoted.
    """
    name, store = classifier.name, database()
    champion = registry.champion(name)
    if champion is None:
        raise NotFound(
            f"scoring {name} {partition}", rule="there must be a champion", way_out=f"run `leeway train {name}` first"
        )
    with store.transaction() as connection:
        ingested = ledger.entry(connection, name, partition, "ingest")
        done = ledger.entry(connection, name, partition, "score")
    if ingested is None or ingested.status != "done":
        raise NotFound(
            f"scoring {name} {partition}",
            rule="the partition must have been ingested",
            found=ingested.output.get("reason") if ingested else "nothing in the ledger",
            way_out=f"run `leeway ingest {name} --partition {partition}` first",
        )
    source = {**ingested.input, "version": champion.version, "checksum": champion.checksum}
    if done is not None and done.input == source:
        return Scored(changed=False, version=champion.version, **done.output)

    path = path_of(name, partition, champion.version)
    with replacing(path, f"writing what {name} {partition} was scored on") as beside:
        _write_scored(classifier, partition, registry.load(name, champion), beside)
    staged = store.stage(f"{name}_{partition.key}_v{champion.version}", _stored_predictions(path))
    with store.transaction() as connection:
        prediction = ensure_tables(connection, classifier).prediction
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"score {name} {partition.key}"))))
        stale = sa.delete(prediction).where(prediction.c.version == champion.version)
        of_event = prediction.c.event_id.in_(sa.select(staged.c.event_id))
        connection.execute(stale.where((prediction.c.partition == partition.key) | of_event))
        columns = [sa.literal(champion.version), sa.literal(partition.key), staged.c.score, staged.c.decision]
        names = ["event_id", "version", "partition", "score", "decision"]
        connection.execute(sa.insert(prediction).from_select(names, sa.select(staged.c.event_id, *columns)))
        counts = sa.select(sa.func.count(), sa.func.count().filter(staged.c.decision))
        rows, positives = connection.execute(counts).one()
        output: dict[str, Any] = {"rows": rows, "positives": positives}
        ledger.record(connection, name, partition, "score", input=source, output=output)
        drop_staged(connection, staged)
    return Scored(changed=True, version=champion.version, **output)


def read(name: str, partition: Partition, version: int) -> pd.DataFrame:
    """What a partition's events were scored on, and with what outcome: `event_id`, the features, `score`, `decision`.

    Raises:
        NotFound: this version has not scored the partition.
    """
    path = path_of(name, partition, version)
    if not path.exists():
        raise NotFound(
            f"reading the scored rows of {name} {partition}",
            rule="the file must be in the data folder",
            found=f"no {path}",
            way_out=f"run `leeway backfill {name} --from {partition} --to {partition} --stage score --all --run`",
        )
    return pd.read_parquet(path)


def path_of(name: str, partition: Partition, version: int) -> Path:
    """Where the scored rows of a partition lie."""
    return settings().folder("scored", name, partition.key) / f"v{version}.parquet"


def _write_scored(classifier: Classifier, partition: Partition, bundle: Bundle, path: Path) -> None:
    """The features that the bundle saw, with its scores; a chunk at a time."""
    query = features.for_scoring(classifier, partition)
    writer = None
    try:
        for batch in database().read_batches(query):
            table = _scored(bundle, batch)
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
        if writer is None:  # no batch, and so no schema, came of a partition without events
            pq.write_table(_scored(bundle, database().read(query)), path)
    finally:
        if writer is not None:
            writer.close()


def _scored(bundle: Bundle, rows: pa.RecordBatch | pa.Table) -> pa.Table:
    scores = bundle.score(rows.to_pandas())
    outcome = {"score": pa.array(scores), "decision": pa.array(scores >= bundle.card.threshold)}
    return pa.table({**{name: rows[name] for name in rows.schema.names}, **outcome})


def _stored_predictions(path: Path) -> pa.RecordBatchReader:
    batches = pq.ParquetFile(path).iter_batches(columns=SCHEMA.names)
    return pa.RecordBatchReader.from_batches(SCHEMA, (batch.select(SCHEMA.names) for batch in batches))
