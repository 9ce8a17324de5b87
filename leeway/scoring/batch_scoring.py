"""Batch scoring of a partition by the champion.

Rows are scored in chunks, once for each input and version.
"""

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from leeway.core import parallel
from leeway.core.errors import BundleError, NotFound
from leeway.core.files import replacing, workspace
from leeway.core.metrics import Floats
from leeway.core.outputs import Count, Outputs
from leeway.core.settings import settings
from leeway.dataset import features
from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.lifecycle import registry
from leeway.model import explanation
from leeway.model.bundle import Bundle
from leeway.scoring import sketches
from leeway.store import ledger, storage
from leeway.store.database import database, drop_staged, tell_planner
from leeway.store.schemas import ensure_tables

FEATURES = "features.parquet"
PART_CHUNKS = 4  # of a few ten thousand rows


@dataclass(frozen=True)
class ScoredPartition:
    """The result of a scoring run.

    Attributes:
        changed: whether anything was written; the same rows are scored once under the same version.
        version: the champion's.
        rows, positives: scored and flagged events; by class where there are several.
    """

    changed: bool
    version: int
    rows: int
    positives: Count


def score(classifier: Classifier, partition: Partition) -> ScoredPartition:
    """Score a partition with the champion.

    Predictions of the champion's version are replaced, unless they are up to date.

    Raises:
        NotFound: there is no champion, or the partition has not been ingested.
        BundleError: the champion's bundle is not what was promoted.
    """
    name, store = classifier.name, database()
    champion = registry.present_champion(name, f"scoring {name} {partition}")
    with store.transaction() as connection:
        ingested = ledger.entry(connection, name, partition, "ingest")
        done = ledger.entry(connection, name, partition, "score")
    if ingested is None or ingested.status != "done":
        raise NotFound(
            f"scoring {name} {partition}",
            problem="the partition has not been ingested",
            found=ingested.output.get("reason") if ingested else "nothing in the ledger",
            hint=f"run `leeway ingest {name} --partition {partition}` first",
        )
    source = {**ingested.input, "version": champion.version, "checksum": champion.checksum}
    if done is not None and done.input == source:
        return ScoredPartition(changed=False, version=champion.version, **done.output)

    path, bundle = path_of(name, partition, champion.version), registry.load(name, champion)
    _must_predict(bundle.outputs, classifier.label.outputs, f"scoring {name} {partition}", champion.version)
    with storage.replacing(path, f"writing what {name} {partition} was scored on") as beside:
        if parallel.is_spread(ingested.output["rows"]):
            _write_spread(classifier, partition, champion.version, beside)
        else:
            _write(beside, _scored_chunks(bundle, _chunks(classifier, partition)))
        reviewed = (
            classifier.review is not None and bundle.card.review is not None
        )  # an older champion may have no band
        stored = _stored_predictions(beside, bundle.outputs, reviewed=reviewed)
        staged = store.stage(f"{name}_{partition.key}_v{champion.version}", stored)
        why = (
            None
            if not classifier.explain
            else store.stage(f"{name}_{partition.key}_v{champion.version}_why", _reasons(classifier, bundle, beside))
        )
        flagged, seen = _flagged(beside, bundle.outputs), sketches.count(bundle, beside)
    with store.transaction() as connection:
        prediction = ensure_tables(connection, classifier).prediction
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"score {name} {partition.key}"))))
        stale = sa.delete(prediction).where(prediction.c.version == champion.version)
        of_event = prediction.c.event_id.in_(sa.select(staged.c.event_id))
        connection.execute(stale.where((prediction.c.partition == partition.key) | of_event))
        own = [sa.literal(champion.version).label("version"), sa.literal(partition.key).label("partition")]
        fresh = sa.select(*staged.c, *own)
        rows = connection.execute(sa.insert(prediction).from_select([*fresh.selected_columns.keys()], fresh)).rowcount
        tell_planner(connection, prediction, rows)
        if why is not None:
            mine = (prediction.c.event_id == why.c.event_id) & (prediction.c.version == champion.version)
            connection.execute(sa.update(prediction).values(reasons=sa.cast(why.c.reasons, JSONB)).where(mine))
            drop_staged(connection, why)
        output: dict[str, Any] = {"rows": rows, "positives": flagged}
        ledger.record(connection, name, partition, "score", input=source, output=output)
        sketches.write(connection, name, partition, champion.version, seen)
        drop_staged(connection, staged)
    return ScoredPartition(changed=True, version=champion.version, **output)


def read(name: str, partition: Partition, version: int) -> pd.DataFrame:
    """Read a partition's scored rows.

    Columns are `event_id`, the features, `score`, `decision`, and with several classes a column `score_CLASS` for each.

    Raises:
        NotFound: this version has not scored the partition.
    """
    path = path_of(name, partition, version)
    if not storage.exists(path):
        raise NotFound(
            f"reading the scored rows of {name} {partition}",
            problem="they are not in the storage",
            found=f"no {storage.address(path)}",
            hint=f"run `leeway backfill {name} --from {partition} --to {partition} --stage score --all`",
        )
    return pd.read_parquet(io.BytesIO(storage.read(path)))


def path_of(name: str, partition: Partition, version: int) -> Path:
    """Return the path of a partition's scored rows."""
    return storage.place("scored", name, partition.key, f"v{version}.parquet")


@dataclass(frozen=True)
class ChunkRange:
    """Some chunks of a partition, for one worker.

    Attributes:
        folder: the folder of the features and of the scored rows, within the data folder.
        first, last: the chunks, `last` excluded.
    """

    name: str
    version: int
    folder: str
    first: int
    last: int

    @property
    def path(self) -> Path:
        """The path of its scored rows."""
        return settings().folder(self.folder) / f"{self.first}.parquet"


def score_part(part: ChunkRange) -> None:
    """Score a part of a partition.

    Raises:
        NotFound: its features are not in the data folder of this machine.
        BundleError: the champion's bundle is not what was promoted.
    """
    rows = settings().home.absolute() / part.folder / FEATURES
    if not rows.exists():
        raise NotFound(
            f"scoring a part of {part.name}",
            problem="this worker does not see the data folder",
            found=f"no {rows}",
            hint="mount the data folder on the worker's machine, or set the worker's LEEWAY_HOME to it",
        )
    with pq.ParquetFile(rows) as file, replacing(part.path, f"writing scored rows of {part.name}") as beside:
        chunks = (file.read_row_group(place) for place in range(part.first, part.last))
        _write(beside, _scored_chunks(_bundle(part.name, part.version), chunks))


@lru_cache(maxsize=2)
def _bundle(name: str, version: int) -> Bundle:
    return registry.load(name, registry.promoted(name, version))


def _write_spread(classifier: Classifier, partition: Partition, version: int, path: Path) -> None:
    """Write a partition's rows, scored in parallel parts.

    The database computes the features of the whole partition: in ranges of time it would read their history for each.
    """
    place = settings().folder("parts", classifier.name) / f"{partition.key}-v{version}"
    with workspace(place, f"scoring {classifier.name} {partition} in parts") as folder:
        _write(folder / FEATURES, _chunks(classifier, partition))
        with pq.ParquetFile(folder / FEATURES) as file:
            count = file.num_row_groups
        within = str(folder.relative_to(settings().home.absolute()))
        parts = [
            ChunkRange(classifier.name, version, within, first, min(first + PART_CHUNKS, count))
            for first in range(0, count, PART_CHUNKS)
        ]
        parallel.each(score_part, parts)
        _write(path, _row_groups(part.path for part in parts))


def _row_groups(paths: Iterable[Path]) -> Iterator[pa.Table]:
    for path in paths:
        with pq.ParquetFile(path) as file:
            yield from (file.read_row_group(place) for place in range(file.num_row_groups))


def _chunks(classifier: Classifier, partition: Partition) -> Iterator[pa.Table]:
    """Yield the features of a partition's events in chunks.

    Without events there is one chunk without rows.
    """
    query = features.for_scoring(classifier, partition)
    chunk = None
    for chunk in database().read_batches(query):
        yield pa.Table.from_batches([chunk])
    if chunk is None:  # no batch, and so no schema
        yield database().read(query)


def _scored_chunks(bundle: Bundle, chunks: Iterable[pa.Table]) -> Iterator[pa.Table]:
    return (scored(bundle, chunk) for chunk in chunks)


def _write(path: Path, chunks: Iterable[pa.Table]) -> None:
    """Write chunks, each as a row group."""
    writer = None
    try:
        for chunk in chunks:
            writer = writer or pq.ParquetWriter(path, chunk.schema, compression="zstd")
            writer.write_table(chunk)
    finally:
        if writer is not None:
            writer.close()


def scored(bundle: Bundle, rows: pa.Table) -> pa.Table:
    """Add scores and decisions to a chunk."""
    with parallel.one_order_of_sums():
        outputs, p = bundle.outputs, bundle.score(rows.to_pandas())
    decided = bundle.decide(p)
    # A decision for one class is shown with its probability, a decision for any number of classes with the highest one.
    score = p[decided] if outputs.exclusive else p.max(axis=1)
    outcome = {"score": pa.array(score), "decision": outputs.stored(decided)}
    review = bundle.to_review(p)
    if review is not None:
        outcome["review"] = pa.array(review)
    by_class = {name: pa.array(p[:, k]) for k, name in enumerate(outputs.score_columns)}
    return pa.table({**{name: rows[name] for name in rows.schema.names}, **outcome, **by_class})


def probabilities(rows: pd.DataFrame, outputs: Outputs) -> Floats:
    """Return scored rows' probabilities, shape (n, K)."""
    return rows[list(outputs.score_columns)].to_numpy(dtype="float64")


def _must_predict(learnt: Outputs, declared: Outputs, action: str, version: int) -> None:
    """Refuse a champion that learnt another label than the declared one.

    A class more or less is no other label: the next version learns it.

    Raises:
        BundleError: it did.
    """
    is_other = not set(learnt.names) & set(declared.names)
    if learnt.kind != declared.kind or is_other:
        raise BundleError(
            action,
            problem=f"version {version} learnt another label than the definition's",
            found=f"it predicts {', '.join(learnt.names[:5])}, the definition declares {', '.join(declared.names[:5])}",
            hint="undo the change of the label, or train a version by `leeway train`",
        )


def _flagged(path: Path, outputs: Outputs) -> Count:
    """Count the flagged rows of each class."""
    flagged = np.zeros(len(outputs.names), dtype=np.int64)
    for batch in pq.ParquetFile(path).iter_batches(columns=["decision"]):
        flagged += outputs.matrix(batch["decision"].to_pandas()).sum(axis=0)
    return outputs.named(flagged)


def _reasons(classifier: Classifier, bundle: Bundle, path: Path) -> pa.Table:
    """Explain the flagged rows, as JSON.

    A row's reasons are those of its likeliest flagged class.
    """
    rows = pd.read_parquet(path)
    decided = bundle.outputs.matrix(rows["decision"])
    flagged = rows.iloc[np.flatnonzero(decided.any(axis=1))].reset_index(drop=True)
    likeliest = np.where(decided, probabilities(rows, bundle.outputs), -1.0)[decided.any(axis=1)].argmax(axis=1)
    names = [bundle.outputs.names[k] for k in likeliest]
    with parallel.one_order_of_sums():
        found = explanation.explain(classifier, bundle, flagged, names, around=rows, held_against=explanation.QUICK)
    texts = [json.dumps(explanation.as_stored(item.reasons), allow_nan=False) for item in found]
    schema = pa.schema({"event_id": pa.string(), "reasons": pa.string()})
    return pa.table([pa.array(flagged["event_id"], type=pa.string()), pa.array(texts, type=pa.string())], schema=schema)


def _stored_predictions(path: Path, outputs: Outputs, *, reviewed: bool = False) -> pa.RecordBatchReader:
    """Read scored rows as the prediction table stores them.

    Version and partition are left out.

    Args:
        reviewed: whether rows say if a person decides.
    """
    types = {"event_id": pa.string(), "score": pa.float64(), "decision": outputs.arrow_type}
    if reviewed:
        types["review"] = pa.bool_()
    schema = pa.schema({**types, **({"probabilities": pa.list_(pa.float32())} if outputs.several else {})})
    read = [*types, *(outputs.score_columns if outputs.several else ())]
    batches = pq.ParquetFile(path).iter_batches(columns=read)
    return pa.RecordBatchReader.from_batches(schema, (_stored(batch, schema, outputs) for batch in batches))


def _stored(batch: pa.RecordBatch, schema: pa.Schema, outputs: Outputs) -> pa.RecordBatch:
    columns = [batch[name] for name in schema.names if name != "probabilities"]
    if outputs.several:
        p = np.column_stack([batch[name].to_numpy() for name in outputs.score_columns]).astype("float32")
        offsets = pa.array(np.arange(0, p.size + 1, p.shape[1]), type=pa.int32())
        columns.append(pa.ListArray.from_arrays(offsets, pa.array(p.ravel())))
    return pa.RecordBatch.from_arrays(columns, schema=schema)
