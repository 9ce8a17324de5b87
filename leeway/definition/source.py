"""Where events come from."""

import codecs
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal, Protocol, runtime_checkable

import pandas as pd
from pydantic import AfterValidator, Field, StrictInt

from leeway.definition.value import Timezone, Value

Prepare = Callable[[pd.DataFrame], pd.DataFrame]


EPOCHS = ("epoch s", "epoch ms", "epoch us", "epoch ns", "days since 1960")


def _codec(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError as error:
        raise ValueError(f"encoding {name!r} is unknown; use a name such as 'utf-8' or 'latin-1'") from error
    return name


def _time_format(text: str) -> str:
    if "%" not in text and text not in ("ISO 8601", *EPOCHS):
        raise ValueError(
            f"time format {text!r} must be one of strptime's, such as '%d.%m.%Y', 'ISO 8601', or {', '.join(EPOCHS)}"
        )
    return text


TimeFormat = Annotated[str, AfterValidator(_time_format)]


class Rows(Value):
    """What every source says about its rows.

    Attributes:
        prepare: a function, or several in turn, from the raw rows to rows with the declared columns, row by row: it sees a
            part of a file at a time, indexed by the rows' position in the file.
        timezone: the zone of times that carry none.
        missing: by column, how a missing value is written, beside the blank. A bare list of spellings holds for every column,
            the label too.
        time_formats: by column, how times are written: `strptime` formats, tried in order, "ISO 8601", "epoch s", "epoch ms",
            "epoch us", "epoch ns", or "days since 1960", as SAS counts. By default ISO 8601. A year of two digits lies in 1969
            to 2068, or with "%d/%m/%y until 2026" in the hundred years up to that one.
    """

    prepare: Prepare | tuple[Prepare, ...] | None = None
    timezone: Timezone = "UTC"
    missing: Mapping[str, tuple[str, ...]] | tuple[str, ...] = ()
    time_formats: Mapping[str, TimeFormat | tuple[TimeFormat, ...]] = {}

    def wrong_for_events(self, *, dated: bool) -> Iterator[str]:
        """Why events cannot come from it, each in words.

        Args:
            dated: whether events have a time of their own, so that they are asked for by partition.
        """
        yield from ()

    def wrong_for_labels(self) -> Iterator[str]:
        """Why labels cannot come from it, each in words."""
        yield from ()

    def missing_in(self, column: str) -> tuple[str, ...]:
        """How a missing value is written in a column, without space around it."""
        spelled = self.missing.get(column, ()) if isinstance(self.missing, Mapping) else self.missing
        return tuple(text.strip() for text in spelled)

    def formats(self, column: str) -> tuple[str, ...]:
        """The declared formats of a column of times."""
        declared = self.time_formats.get(column, ())
        return (declared,) if isinstance(declared, str) else declared


class Text(Rows):
    """How text files are written; every value is read as text and cast to the declared kinds by the audit.

    Attributes:
        delimiter, encoding, quote: as the file has them; compression (gz, bz2, xz, zip) follows from the file's name.
        escape: the character before a quote within a quoted value, where it is not doubled.
        header: the columns' names, where the file's first line is a row already.
        header_lines: how many lines have the names; the names of several are joined.
        skip: how many lines stand before the header and are no rows.
        leave_out: first values of lines that are no rows, such as totals. A line that repeats the header is none either.
    """

    delimiter: str = Field(default=",", min_length=1)
    encoding: Annotated[str, AfterValidator(_codec)] = "utf-8"
    quote: str = Field(default='"', min_length=1, max_length=1)
    escape: str | None = Field(default=None, min_length=1, max_length=1)
    header: tuple[str, ...] | None = Field(default=None, min_length=1)
    header_lines: int = Field(default=1, ge=1, le=10)
    skip: int = Field(default=0, ge=0, le=1_000)
    leave_out: tuple[str, ...] = ()


class CSV(Text):
    """Text files by glob.

    Attributes:
        path: a file or glob pattern, relative to the project.
    """

    path: str


class Parquet(Rows):
    """Parquet files.

    Attributes:
        path: a file, a glob pattern or a folder, relative to the project; in a folder, `name=value` in the path is a column.
    """

    path: str


class Folder(Text):
    """A folder that files appear in. Each is taken once, by its content, and may be removed when it has been.

    A file may have rows of several partitions, late ones too. Where a later file repeats an event's id, it corrects it.

    Attributes:
        path: the folder, relative to the project.
        pattern: which files of it, as a glob. Hidden files and folders (`.name`) are passed over.
        format: what they are; the attributes of text are for `csv`.
        settle: a file that was changed within this time is waited for, and left for the next time if it is changed again.
    """

    path: str
    pattern: str = Field(default="*", min_length=1)
    format: Literal["csv", "parquet"] = "csv"
    settle: timedelta = Field(default=timedelta(seconds=2), ge=timedelta(0), le=timedelta(minutes=10))


class Query(Rows):
    """A SQL query on a SQLAlchemy URL.

    Attributes:
        url: a SQLAlchemy URL; `${NAME}` in it is replaced from the environment, so that no secret stands in the file.
        sql: a SELECT with the parameters `:start` and `:end`, the bounds of the partition (start included). Where events
            have no time, all of it is read each time, and what is new has arrived then.
    """

    url: str
    sql: str

    @property
    def bounded(self) -> bool:
        """Whether it asks for a period."""
        return ":start" in self.sql and ":end" in self.sql

    def wrong_for_events(self, *, dated: bool) -> Iterator[str]:
        """Unless it is bounded, or all of it is read each time."""
        if dated and not self.bounded:
            yield "sql must bound the partition by :start and :end; add them to WHERE, or leave out event_time"

    def wrong_for_labels(self) -> Iterator[str]:
        """Unless it is bounded."""
        if not self.bounded:
            yield "sql of labels has no :start and :end; add them to WHERE, as bounds of when labels became known"


class Table(Rows):
    """A growing SQL table, of which each night reads what is new or changed.

    Attributes:
        url: as for `Query`.
        table: its name, `schema.table` where it needs one.
        watermark: the column that grows with every new or changed row: a time of change, or a growing number.
        overlap: how far before the highest watermark seen the next reading starts, for rows that were committed late: a
            duration, or a difference of numbers.
    """

    url: str
    table: str = Field(min_length=1)
    watermark: str = Field(min_length=1)
    overlap: Annotated[timedelta, Field(ge=timedelta(0))] | Annotated[StrictInt, Field(ge=0)] | None = None


@runtime_checkable
class Stream(Protocol):
    """Anything that can say which rows happened between two instants."""

    def rows(self, start: datetime, end: datetime, /) -> pd.DataFrame:
        """The rows with start <= event time < end."""


class Simulator(Rows):
    """A stream made by code.

    Attributes:
        stream: the object that makes the rows.
    """

    stream: Stream

    def wrong_for_events(self, *, dated: bool) -> Iterator[str]:
        """Unless they have a time."""
        if not dated:
            yield "a simulator's events happen at a time; name its column in event_time"


Source = CSV | Parquet | Folder | Query | Table | Simulator
