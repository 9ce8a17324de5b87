"""Rows that a source shows again and again: which of them are new, and when each was first there."""

from datetime import datetime

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from leeway.ingest.sources.source_changes import StreamName
from leeway.store.database import database, drop_staged, staging_name
from leeway.store.tables import Tables


def remembered(
    connection: Connection,
    tables: Tables,
    stream: StreamName,
    ids: "pd.Series[str]",
    content: "pd.Series[str]",
    arrived_at: datetime,
) -> pd.DataFrame:
    """Remember rows by their ids; to be called by one process at a time.

    Returns:
        For each row `is_new`, whether its content is not what was remembered of its id, and `event_time`, when the id was
        first there.
    """
    kept = ids.notna() & ~ids.duplicated(keep="last")
    rows = pa.table({"id": pa.array(ids[kept], pa.string()), "content": pa.array(content[kept], pa.string())})
    staged = database().stage(staging_name(str(tables.seen.schema), stream, "seen"), rows)
    seen = tables.seen
    mine = (seen.c.id == staged.c.id) & (seen.c.stream == stream)
    known = connection.execute(sa.select(seen.c.id, seen.c.content, seen.c.event_time).join(staged, mine)).all()
    values = sa.select(
        sa.literal(stream), staged.c.id, staged.c.content, sa.literal(arrived_at, seen.c.event_time.type)
    )
    statement = insert(seen).from_select(["stream", "id", "content", "event_time"], values)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["stream", "id"],
            set_={"content": statement.excluded.content},
            where=seen.c.content != statement.excluded.content,
        )
    )
    drop_staged(connection, staged)
    before = pd.DataFrame(
        {
            "content": pd.Series([row.content for row in known], dtype="str"),
            "event_time": pd.Series([row.event_time for row in known], dtype="datetime64[us, UTC]"),
        }
    ).set_axis(pd.Index([row.id for row in known], dtype="str"))
    found = before.reindex(ids).set_axis(ids.index)
    times = found["event_time"].fillna(pd.Timestamp(arrived_at).as_unit("us"))
    return pd.DataFrame({"is_new": content != found["content"].fillna(""), "event_time": times})
