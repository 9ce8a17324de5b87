"""What sources of files have in common: each file is split by partition once, and taken in once by its content."""

from abc import abstractmethod
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from leeway.core import progress
from leeway.core.files import sha256
from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.ingest.sources import files, staging
from leeway.ingest.sources.files import FileState
from leeway.ingest.sources.kinds.kind import S, SourceKind
from leeway.ingest.sources.source_changes import KnownBatch, NewRows, Taken
from leeway.ingest.sources.staging import Listing


class FileKind(SourceKind[S]):
    """Files of one format."""

    is_listed = True

    @abstractmethod
    def matching(self, source: S) -> list[Path]:
        """The source's files, in the order of their names.

        Raises:
            SourceError: there is none.
        """

    @abstractmethod
    def raw(self, source: S, file: Path) -> Iterator[pd.DataFrame]:
        """A file's rows as it has them, some at a time."""

    def chunks(self, source: S, file: Path) -> Iterator[pd.DataFrame]:
        """A file's rows, prepared, some at a time; at least one frame, if only to show the columns.

        Raises:
            SourceError: it is empty, broken, not in the declared format, or a line has too many or too few fields.
        """
        return files.whole(source, file, self.raw(source, file))

    def rows(
        self, classifier: Classifier, source: S, partition: Partition, now: datetime, listing: Listing | None = None
    ) -> Iterator[pd.DataFrame]:
        """The rows of a partition, and those that belong to none: without a time that can be read, or ahead of `now`."""
        listing = listing or self.listed(classifier, source, now)
        # Where no file has any, one without rows shows the columns, which may be why there are none.
        youngest = max(listing.files, key=lambda item: item.state)
        for item, keys in listing.by_partition.get(partition.key, [(youngest, [])]):
            for rows in staging.read_file(classifier, item, keys, lambda file: self.chunks(source, file)):
                yield rows.drop(columns=[staging.TIME, staging.KEY])

    def occupied(self, classifier: Classifier, source: S) -> set[str]:
        """The keys of the partitions that any file has rows of."""
        return set(self.listed(classifier, source, datetime.now(UTC)).by_partition)

    def listed(self, classifier: Classifier, source: S, now: datetime) -> Listing:
        """What each file has of each partition."""
        found = {file: files.state(file) for file in self.matching(source)}
        return staging.list_files(classifier, found, lambda file: self.chunks(source, file), now)

    def new(self, source: S, taken: Taken, now: datetime) -> Iterator[NewRows]:
        """Files with another content than was taken in, the oldest first."""
        found, known_states = self.settled(source), taken.states()
        for place, (file, state) in enumerate(sorted(found.items(), key=lambda item: (item[1][0], str(item[0])))):
            origin, written = str(file), " ".join(str(part) for part in state)
            if (origin, written) in known_states:
                continue
            progress.tell(place, len(found), f"read {file.name}")
            content = sha256(file)
            if files.state(file) != state:
                continue  # it is being written
            known = self.known(taken, origin, content)
            if known is not None and known.hash == content:
                taken.move(known.number, origin, written)
                continue
            yield NewRows(content, origin, written, files.changed_at(state, now), self.chunks(source, file))

    def settled(self, source: S) -> dict[Path, FileState]:
        """The files that may be taken in, with their states."""
        return {file: files.state(file) for file in self.matching(source)}

    def known(self, taken: Taken, origin: str, content: str) -> KnownBatch | None:
        """What was taken in of a file: the last under its name, or a copy under another."""
        return taken.last(origin=origin) or taken.last(hash=content)
