"""What each kind of source can do, whatever it is read from."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, TypeVar

import pandas as pd

from leeway.definition import Classifier, Rows
from leeway.definition.partitions import Partition
from leeway.ingest.sources.source_changes import NewRows, Taken
from leeway.ingest.sources.staging import Listing

S = TypeVar("S", bound=Rows)


@dataclass(frozen=True)
class SourceKind(ABC, Generic[S]):
    """How one kind of source is read.

    Where events have a time, a source is asked for a partition (`rows`), or it grows and is taken in as its rows arrive
    (`new`). Where they have none, every source is taken in.

    Attributes:
        declaration: what a definition says of it.
        grows: whether it is taken in though events have a time.
        shows_again: whether a reading may show rows that were taken in before, the last version of each last.
        has_beginning: whether it has a first event.
        is_listed: whether it tells which partitions it has rows of without reading all of them each time.
        looks_back: whether partitions whose labels may still come are asked for again, because it cannot tell what changed.
    """

    declaration: ClassVar[type[Rows]]
    grows: ClassVar[bool] = False
    shows_again: ClassVar[bool] = False
    has_beginning: ClassVar[bool] = True
    is_listed: ClassVar[bool] = False
    looks_back: ClassVar[bool] = False

    @abstractmethod
    def new(self, source: S, taken: Taken, now: datetime) -> Iterator[NewRows]:
        """What was not taken in; to be taken in one after another, within the transaction of `taken`."""

    @abstractmethod
    def rows(
        self, classifier: Classifier, source: S, partition: Partition, now: datetime, listing: Listing | None = None
    ) -> Iterator[pd.DataFrame]:
        """The rows of a partition, and those that belong to none yet: without a time that can be read, or ahead of `now`.

        Args:
            listing: what `listed` said, where it was asked before.

        Raises:
            SourceError: the source is not there, is empty, or cannot be read.
        """

    @abstractmethod
    def occupied(self, classifier: Classifier, source: S) -> set[str]:
        """The keys of the partitions that it has rows of.

        Raises:
            SourceError: the source cannot say.
        """

    def listed(self, classifier: Classifier, source: S, now: datetime) -> Listing | None:
        """What it has of each partition, where it can tell without reading all of it each time; else None."""
        return None


class GrowingKind(SourceKind[S]):
    """A source that is taken in as it arrives, and so never asked for a partition."""

    grows = True

    def rows(
        self, classifier: Classifier, source: S, partition: Partition, now: datetime, listing: Listing | None = None
    ) -> Iterator[pd.DataFrame]:
        """Never asked for: what has arrived is read instead."""
        raise NotImplementedError

    def occupied(self, classifier: Classifier, source: S) -> set[str]:
        """Never asked for: what has arrived is known."""
        raise NotImplementedError
