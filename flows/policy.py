"""What every flow shares."""

from collections.abc import Iterator
from contextlib import contextmanager

from leeway import catalog
from leeway.partitions import Partition
from leeway.store.database import database


def parse_partition(classifier: str, partition: str) -> Partition:
    """The partition that a parameter names."""
    return Partition.parse(partition, catalog.load(classifier).partition)


@contextmanager
def alone(classifier: str, partition: Partition) -> Iterator[None]:
    """Refuse to work on a partition that another process works on."""
    with database().lock(f"partition {classifier} {partition.key}", f"working on {classifier} {partition}"):
        yield


@contextmanager
def alone_in_training(classifier: str) -> Iterator[None]:
    """Refuse to train a classifier that another process trains."""
    with database().lock(f"train {classifier}", f"training {classifier}"):
        yield
