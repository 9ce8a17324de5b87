"""A stream made by code."""

from collections.abc import Iterator
from datetime import datetime

import pandas as pd

from leeway.core.errors import SourceError
from leeway.definition import Classifier, Simulator
from leeway.definition.partitions import Partition
from leeway.ingest.sources.kinds.kind import SourceKind
from leeway.ingest.sources.prepared import prepared
from leeway.ingest.sources.source_changes import NewRows, Taken
from leeway.ingest.sources.staging import Listing


class SimulatedStream(SourceKind[Simulator]):
    """Makes the rows of any period."""

    declaration = Simulator
    has_beginning = False

    def rows(
        self,
        classifier: Classifier,
        source: Simulator,
        partition: Partition,
        now: datetime,
        listing: Listing | None = None,
    ) -> Iterator[pd.DataFrame]:
        """What happens in a partition."""
        yield prepared(source, source.stream.rows(partition.start, partition.end), "the simulator's rows")

    def occupied(self, classifier: Classifier, source: Simulator) -> set[str]:
        """It cannot say."""
        raise SourceError(
            f"finding the first and last event of {classifier.name}",
            problem="a simulator has no beginning and no end",
            hint="name the range with --from and --to",
        )

    def new(self, source: Simulator, taken: Taken, now: datetime) -> Iterator[NewRows]:
        """Nothing: it is asked for periods only."""
        return iter(())
