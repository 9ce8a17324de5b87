"""The count of decision outcomes against mature labels.

The previous champion's decisions on the same events are counted too.
"""

from dataclasses import asdict, replace
from datetime import datetime
from functools import lru_cache, reduce
from operator import add

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from leeway.core.errors import BundleError, NotFound
from leeway.core.logs import logger
from leeway.core.metrics import Bools, Floats, log_losses
from leeway.core.outputs import Outputs
from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.lifecycle import registry
from leeway.model import explanation
from leeway.model.bundle import Bundle
from leeway.monitoring.night import mature_with
from leeway.monitoring.outcomes import ConfusionCounts, Misjudged, Outcome, Role
from leeway.scoring import batch_scoring
from leeway.store.database import database
from leeway.store.tables import labels_known, tables_of
from leeway.store.tables import outcome as table
from leeway.store.tables import partition as ledger

log = logger(__name__)

WORST = 5  # rows that are kept of each partition
MOST_VALUES = 31  # of a category in slices
MOST = 120  # partitions that one night catches up on


def record_outcomes(classifier: Classifier, night: Partition, most: int = MOST) -> list[str]:
    """Count the outcomes of partitions whose labels are mature.

    Partitions that were counted before are skipped, unless another version has scored them since. Labels are taken as known
    when the night's partition ended.

    Returns:
        The partitions, oldest first.
    """
    due = _unsettled(classifier, mature_with(classifier, night))[-most:]
    for key, version in due:
        partition = Partition.parse(key, classifier.partition)
        try:
            _settle(classifier, partition, version, night.end)
        except NotFound as error:  # its scored rows are no longer kept
            log.warning("outcomes of %s %s are not counted: %s", classifier.name, key, error)
    return [key for key, _ in due]


def _unsettled(classifier: Classifier, last: Partition) -> list[tuple[str, int]]:
    """Return the scored partitions that are not counted yet.

    A partition counts for the version that scored it last.
    """
    version = ledger.c.input["version"].as_integer()
    counted = sa.exists().where(
        table.c.classifier == ledger.c.classifier,
        table.c.partition == ledger.c.partition,
        table.c.role == "champion",
        table.c.version == version,
    )
    scored = (ledger.c.classifier == classifier.name) & (ledger.c.stage == "score") & (ledger.c.status == "done")
    query = sa.select(ledger.c.partition, version).where(scored, ledger.c.partition <= last.key, ~counted)
    with database().transaction() as connection:
        return [(key, int(number)) for key, number in connection.execute(query.order_by(ledger.c.partition))]


def _settle(classifier: Classifier, partition: Partition, version: int, as_of: datetime) -> None:
    name, store, outputs = classifier.name, database(), classifier.label.outputs
    rows = batch_scoring.read(name, partition, version)
    prediction = tables_of(classifier).prediction
    decided = sa.select(prediction.c.event_id).where(
        prediction.c.partition == partition.key, prediction.c.version == version
    )
    labels = store.read(labels_known(tables_of(classifier), as_of, decided)).to_pandas()
    labelled = rows.merge(labels, on="event_id")
    y = outputs.matrix(labelled[outputs.column])
    found: dict[Role, Outcome] = {}
    bundle = bundle_of(name, version)
    own = bundle.outputs
    p = own.align(batch_scoring.probabilities(labelled, own), outputs)
    flagged = outputs.matrix(labelled["decision"])
    counted = _count(classifier, partition, version, len(rows), labelled, y, p, flagged, bundle)
    found["champion"] = _reviewed(counted, bundle, rows, labelled, (y != flagged).any(axis=1))
    before = _before(name, version)
    if before is not None and len(labelled):
        try:
            former = bundle_of(name, before)
            scores = former.score(labelled)
        except (BundleError, NotFound) as error:  # its features are no longer declared, or it is lost
            log.warning("no outcomes of version %s, the champion before, on %s: %s", before, partition, error)
        else:
            p, flagged = former.outputs.align(scores, outputs), _flagged(former, scores, outputs)
            found["before"] = _count(classifier, partition, before, len(rows), labelled, y, p, flagged)
    with store.transaction() as connection:
        mine = (table.c.classifier == name) & (table.c.partition == partition.key)
        connection.execute(sa.delete(table).where(mine))
        for role, outcome in found.items():
            values = {"classifier": name, "role": role, "as_of": as_of, **asdict(outcome)}
            connection.execute(insert(table).values(values).on_conflict_do_nothing())


def _count(
    classifier: Classifier,
    partition: Partition,
    version: int,
    decided: int,
    rows: pd.DataFrame,
    y: Bools,
    p: Floats,
    flagged: Bools,
    bundle: Bundle | None = None,
) -> Outcome:
    """Count outcomes.

    With the bundle, slices and the worst rows too.
    """
    outputs = classifier.label.outputs
    losses = log_losses(y, p, exclusive=outputs.exclusive) if len(rows) else np.zeros(0)
    return Outcome(
        partition.key,
        version,
        decided,
        len(rows),
        float(losses.sum()),
        {
            name: ConfusionCounts.of(y[:, k], p[:, k], flagged[:, k], binned=True)
            for k, name in enumerate(outputs.names)
        },
        _slices(classifier, bundle, rows, y, p, flagged) if bundle else {},
        _worst(classifier, bundle, partition, rows, y, p, flagged, losses) if bundle else [],
    )


def _reviewed(outcome: Outcome, bundle: Bundle, rows: pd.DataFrame, labelled: pd.DataFrame, wrong: Bools) -> Outcome:
    """Add the events that a person reviewed.

    The label of such an event is that person's answer.
    """
    sent = bundle.to_review(batch_scoring.probabilities(rows, bundle.outputs))
    answered = bundle.to_review(batch_scoring.probabilities(labelled, bundle.outputs))
    if sent is None or answered is None:
        return outcome
    overruled = int((answered & wrong).sum())
    return replace(outcome, sent=int(sent.sum()), answered=int(answered.sum()), overruled=overruled)


def _slices(
    classifier: Classifier, bundle: Bundle, rows: pd.DataFrame, y: Bools, p: Floats, flagged: Bools
) -> dict[str, dict[str, ConfusionCounts]]:
    """Count by the values of showable categories."""
    found: dict[str, dict[str, ConfusionCounts]] = {}
    for name, kind in bundle.card.features.items():
        if kind != "categorical" or name not in rows or classifier.is_sensitive(name):
            continue
        known = bundle.reference.binnings[name].values or ()
        value = rows[name].astype("object").where(rows[name].isin(known), "other").where(rows[name].notna(), "missing")
        found[name] = {
            str(one): reduce(
                add, (ConfusionCounts.of(y[own, k], p[own, k], flagged[own, k]) for k in range(y.shape[1]))
            )
            for one in sorted(set(value))[:MOST_VALUES]
            for own in [(value == one).to_numpy()]
        }
    return found


def _worst(
    classifier: Classifier,
    bundle: Bundle,
    partition: Partition,
    rows: pd.DataFrame,
    y: Bools,
    p: Floats,
    flagged: Bools,
    losses: Floats,
) -> list[Misjudged]:
    """Return the wrong decisions with the largest losses."""
    outputs = classifier.label.outputs
    wrong = np.flatnonzero((y != flagged).any(axis=1))
    places = wrong[np.argsort(-losses[wrong], kind="stable")][:WORST]
    if not len(places):
        return []
    # Where no class holds, as for a negative, the highest class was wrong.
    k = np.where(y[places].any(axis=1), y[places].argmax(axis=1), p[places].argmax(axis=1))
    truth = np.where(y[places].any(axis=1), p[places, k], 1 - p[places, k])
    classes = [outputs.names[one] for one in k]
    why = explanation.against(classifier, bundle, rows.iloc[places], classes, y[places, k], rows)
    return [
        Misjudged(
            str(rows["event_id"].iloc[place]),
            partition.key,
            _named(outputs, y[place], classifier),
            _named(outputs, flagged[place], classifier),
            float(truth[at]),
            float(losses[place]),
            why[at],
        )
        for at, place in enumerate(places)
    ]


def _named(outputs: Outputs, holds: Bools, classifier: Classifier) -> str:
    if not outputs.several:
        return str(classifier.label.positive if holds[0] else classifier.label.negative)
    return ", ".join(name for name, so in zip(outputs.names, holds, strict=True) if so) or "none"


def _flagged(bundle: Bundle, p: Floats, to: Outputs) -> Bools:
    return np.asarray(bundle.outputs.align(bundle.decide(p).astype("float64"), to) > 0)


def _before(name: str, version: int) -> int | None:
    """Return the champion before a version."""
    champions = [item.version for item in reversed(registry.history(name)) if item.outcome != "refused"]
    if version not in champions:
        return None
    earlier = champions[: champions.index(version)]
    return earlier[-1] if earlier else None


@lru_cache(maxsize=4)
def _loaded(name: str, version: int, checksum: str) -> Bundle:
    return registry.load(name, registry.promoted(name, version))


def bundle_of(name: str, version: int) -> Bundle:
    """Load a champion's bundle, cached in memory."""
    return _loaded(name, version, registry.promoted(name, version).checksum)
