"""How a classifier begins: with the history that its source has, and a first champion."""

from datetime import timedelta

from flows.ingest import ingest_steps
from flows.policy import alone_in_training
from flows.train import train_steps
from leeway import catalog, sources
from leeway.definition import Classifier
from leeway.errors import LeewayError
from leeway.partitions import STEP, Partition
from leeway.store import ledger
from leeway.store.database import database
from tasks.decide import Decision

MOST = 400  # partitions that a beginning looks back, where the definition sets no window
GAP = 14  # partitions without an event, after which the source is taken to have no more


def begin(classifier: str, due: Partition) -> Decision:
    """Ingest what the source has from before a partition, and train on what was known when it began.

    Raises:
        LeewayError: there is not enough to learn from yet.
    """
    for partition in missing_history(catalog.load(classifier), due):
        try:
            ingest_steps(classifier, partition)
        except LeewayError:
            continue  # the ledger has the reason; the rest may do
    with alone_in_training(classifier):
        return train_steps(classifier, due.start, "the first one", "nightly")


def missing_history(classifier: Classifier, due: Partition) -> list[Partition]:
    """The partitions before `due` that the source has events of and the ledger does not, oldest first."""
    with database().transaction() as connection:
        done = {entry.partition for entry in ledger.entries(connection, classifier.name) if entry.stage == "ingest"}
    found: list[Partition] = []
    empty = 0
    for back in range(1, _reach(classifier) + 1):
        partition = due.shift(-back)
        if partition.key in done:
            empty = 0
        elif len(sources.extract(classifier, partition)):
            found.append(partition)
            empty = 0
        elif (empty := empty + 1) == GAP:
            break
    return found[::-1]


def _reach(classifier: Classifier) -> int:
    """How many partitions training can use."""
    window = classifier.training.window
    if window is None:
        return MOST
    history = max((item.window for item in classifier.history), default=timedelta(0))
    return min(MOST, -(-(window + classifier.label.maturity + history) // STEP[classifier.partition]))
