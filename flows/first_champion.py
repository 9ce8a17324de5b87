"""The first champion, trained on the source's history."""

from datetime import UTC, datetime, timedelta

from flows.distributed_backfill import Ahead, Pool, ahead, outcome, together, worthwhile
from flows.ingest import ingest_steps
from flows.locks import training_lock
from flows.train import train_steps
from leeway.core import progress
from leeway.core.errors import LeewayError
from leeway.core.logs import logger
from leeway.definition import Classifier, catalog
from leeway.definition.partitions import Partition, between
from leeway.ingest import sources
from leeway.ingest.sources.kinds import kind_of
from leeway.lifecycle import retry_gate
from leeway.store import ledger
from leeway.store.database import database
from tasks.decide import Decision
from tasks.publish import publish_all
from tasks.snapshot import snapshot

log = logger(__name__)

MOST = 400  # partitions of history, where neither the definition nor the source sets a bound


def train_first_champion(classifier: str, due: Partition) -> Decision:
    """Ingest the source's history and train on it.

    Training uses what was known when the due partition began. Where events are dated by their arrival, the rows that have
    arrived for the partition count too.

    Raises:
        LeewayError: there is not enough to learn from yet, or hardly more than when a challenger was refused.
    """
    definition = catalog.load(classifier)
    missing = missing_history(definition, due)
    with Pool() as pool, ahead(classifier, "ingest", missing, worthwhile(len(missing)), pool) as begun:
        done = 0
        for partitions in together(missing, begun):
            progress.tell(done, len(missing), f"ingest {partitions[0]}")
            done += len(partitions)
            try:
                _ingest(classifier, partitions, begun)
            except LeewayError as error:  # the ledger has the reason; the rest may do
                log.warning("%s is not learnt from %s on: %s", classifier, partitions[0], error)
    as_of = datetime.now(UTC) if definition.by_arrival else due.start
    with training_lock(classifier):
        retry_gate.check(definition, snapshot(classifier, as_of))
        return train_steps(classifier, as_of, "the first one", "nightly")


def _ingest(classifier: str, partitions: list[Partition], begun: Ahead) -> None:
    """Ingest partitions that one worker prepared.

    A partition that no worker prepared comes as the only one.
    """
    if partitions[0] not in begun:
        ingest_steps(classifier, partitions[0], take=False)
        return
    prepared = {}
    for partition in partitions:
        try:
            prepared[partition] = outcome(begun[partition])
        except LeewayError as error:
            log.warning("%s %s is not learnt from: %s", classifier, partition, error)
    if prepared:
        publish_all(classifier, list(prepared), list(prepared.values()), catalog.audit_fingerprint(classifier))


def missing_history(classifier: Classifier, due: Partition) -> list[Partition]:
    """Return the history not ingested yet, oldest first.

    A partition that was rejected by a suite that has changed since is tried again.
    """
    suite = catalog.audit_fingerprint(classifier.name)
    with database().transaction() as connection:
        ingested = [entry for entry in ledger.entries(connection, classifier.name) if entry.stage == "ingest"]
    done = {entry.partition for entry in ingested if entry.status == "done" or entry.input.get("suite") == suite}
    last = due if classifier.by_arrival else due.shift(-1)
    first, window = _first(classifier, due), classifier.training.window
    if not kind_of(classifier.source).has_beginning:
        there = list(between(first, last))
    else:
        there = [item for item in sources.occupied(classifier) if item <= last and (window is None or item >= first)]
    return [partition for partition in there if partition.key not in done]


def _first(classifier: Classifier, due: Partition) -> Partition:
    """Return the first partition that training can use."""
    window = classifier.training.window
    if window is None:
        return due.shift(-MOST)
    history = max((item.window for item in classifier.history), default=timedelta(0))
    return Partition.containing(due.start - window - classifier.label.maturity - history, classifier.partition)
