"""The rows of a SQL query, a part at a time."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from leeway.ingest.reading.frames import from_rows

if TYPE_CHECKING:
    import sqlalchemy as sa


def read(connection: "sa.Connection", statement: "sa.Executable", rows: int) -> Iterator[pd.DataFrame]:
    """Yield a statement's rows; at least one frame, if only to show the columns.

    Args:
        rows: of one part.
    """
    with connection.execute(statement) as result:
        names = list(result.keys())
        is_first = True
        for part in result.partitions(rows):
            yield from_rows(names, part)
            is_first = False
        if is_first:
            yield from_rows(names, [])
