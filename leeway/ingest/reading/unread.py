"""Lines that cannot be read as rows: they are kept, each with its number and its text."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

UNREAD = "leeway:unread"  # a further column of rows: why one could not be read, and its text; else missing
SHOWN = 2_000  # characters of a line that are kept


@dataclass(frozen=True)
class UnreadLine:
    """A line that is no row.

    Attributes:
        position: among the rows of its part, which it would have had.
        number: of the line in its file, from 1.
        fault: what is wrong with it.
    """

    position: int
    number: int
    fault: str
    text: str

    def __str__(self) -> str:
        text = self.text if len(self.text) <= SHOWN else f"{self.text[:SHOWN]}…"
        return f"line {self.number} {self.fault}: {text}"


def with_unread(rows: pd.DataFrame, lines: Sequence[UnreadLine]) -> pd.DataFrame:
    """Add unread lines to the rows of their part, as rows without a value."""
    if not lines:
        return rows
    told = pd.Series([str(line) for line in lines], index=[line.position for line in lines], dtype="str")
    both = rows.reindex(rows.index.append(told.index)).sort_index()
    return both.assign(**{UNREAD: told.reindex(both.index)})


def fault_of(rows: pd.DataFrame) -> "pd.Series[str]":
    """Return why each row could not be read; missing where it could."""
    return rows[UNREAD] if UNREAD in rows.columns else pd.Series(pd.NA, index=rows.index, dtype="str")
