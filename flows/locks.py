"""Locks of flows: one process at a time for a partition, a night and a training."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from flows.run_context import is_deployed
from leeway.definition.partitions import Partition
from leeway.lifecycle.retraining import training_lock_name
from leeway.store import ledger
from leeway.store.database import database

LOCK_TIMEOUT = timedelta(hours=12)


@contextmanager
def partition_lock(classifier: str, partition: Partition) -> Iterator[None]:
    """Hold the lock of a partition.

    Where another process holds it, a platform run waits, and a command is refused.
    """
    with _lock(ledger.lock_of(classifier, partition), f"working on {classifier} {partition}"):
        yield


@contextmanager
def night_lock(classifier: str) -> Iterator[None]:
    """Hold the lock of a classifier's nights.

    It waits or refuses like `partition_lock`.
    """
    with _lock(f"night {classifier}", f"beginning a night of {classifier}"):
        yield


@contextmanager
def training_lock(classifier: str) -> Iterator[None]:
    """Hold the lock of a classifier's training.

    It waits or refuses like `partition_lock`.
    """
    with _lock(training_lock_name(classifier), f"training {classifier}"):
        yield


@contextmanager
def _lock(name: str, action: str) -> Iterator[None]:
    with database().lock(name, action, wait=LOCK_TIMEOUT if is_deployed() else timedelta(0)):
        yield
