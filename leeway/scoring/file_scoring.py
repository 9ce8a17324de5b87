"""Scores of any file by the champion, outside of nights: as if its rows were events, of which nothing is stored."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa

from leeway.core.errors import SourceError
from leeway.core.files import replacing
from leeway.dataset import features
from leeway.definition import Classifier
from leeway.ingest.publication import ARROW_TYPES, INSTANT
from leeway.ingest.reading.frames import joined
from leeway.ingest.request import cast_rows
from leeway.ingest.sources.prepared import prepared
from leeway.lifecycle import registry
from leeway.profiling import reading
from leeway.scoring import batch_scoring
from leeway.store.database import database, drop_staged, staging_name
from leeway.store.schemas import ensure_tables

MOST = 1_000_000  # rows, which are in memory together: they are one another's history
FORMATS = (".parquet", ".csv")
INSTANT_LENGTH = timedelta(microseconds=1)  # PostgreSQL's resolution


@dataclass(frozen=True)
class ScoredFile:
    """A file that was scored.

    Attributes:
        unread: rows that have a problem and no score.
    """

    rows: int
    unread: int
    version: int
    path: Path


def score_file(classifier: Classifier, data: str, out: Path) -> ScoredFile:
    """Score a file's rows, and write them with decision, probabilities and problem.

    The form of the file is found as `leeway new` finds it, and its rows are prepared and read as those of a delivery.

    Args:
        out: a Parquet or CSV file, by its ending.

    Raises:
        NotFound: there is no champion.
        SourceError: the file cannot be read, or the ending of `out` is unknown.
        StoreError: the disk refused the result.
    """
    action = f"scoring {data} with {classifier.name}"
    if out.suffix.lower() not in FORMATS:
        raise SourceError(
            action, problem="the form of the result is unknown", found=out.name, hint="name a .parquet or .csv file"
        )
    champion = registry.present_champion(classifier.name, action)
    bundle = registry.load(classifier.name, champion)
    cast, problems = cast_rows(classifier, joined(list(_parts(classifier, data, action))), datetime.now(UTC))
    good = problems == ""
    scored = batch_scoring.scored(bundle, _features(classifier, cast[good]))
    found = scored.drop_columns(["event_time", *classifier.features]).to_pandas()
    names = {"event_id": classifier.event_id or "row", "event_time": classifier.event_time or "scored_at"}
    result = cast[["event_id", "event_time"]].merge(found, on="event_id", how="left").rename(columns=names)
    result = result.assign(problem=problems.mask(good))
    with replacing(out, f"writing {out}") as beside:
        if out.suffix.lower() == ".csv":
            result.to_csv(beside, index=False)
        else:
            result.to_parquet(beside, index=False)
    return ScoredFile(len(result), int((~good).sum()), champion.version, out)


def _parts(classifier: Classifier, data: str, action: str) -> Iterator[pd.DataFrame]:
    """Read the rows, prepared, some at a time."""
    rows = 0
    for part in reading.describe(data, named=classifier.source_columns[:1]).chunks():
        rows += len(part)
        if rows > MOST:
            raise SourceError(
                action,
                problem="the file has too many rows to be scored at once",
                found=f"more than {MOST:,}",
                hint="split it, with the rows of one entity in one file",
            )
        yield prepared(classifier.source, part, data)


def _features(classifier: Classifier, rows: pd.DataFrame) -> pa.Table:
    kinds = {name: ARROW_TYPES[column.kind] for name, column in classifier.columns.items()}
    types = {"event_id": pa.string(), "event_time": INSTANT, **kinds}
    arrays = {name: pa.array(rows[name], type=kind, from_pandas=True) for name, kind in types.items()}
    with database().transaction() as connection:
        ensure_tables(connection, classifier)
    staged = database().stage(staging_name(classifier.name, "file"), pa.table(arrays))
    try:
        times = rows["event_time"] if len(rows) else pd.Series([pd.Timestamp.now("UTC")])
        query = features.for_rows(
            classifier, staged, times.min().to_pydatetime(), times.max().to_pydatetime() + INSTANT_LENGTH
        )
        return database().read(query)
    finally:
        with database().transaction() as connection:
            drop_staged(connection, staged)
