"""Known labels and estimated performance after a night."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from leeway.core.metrics import Floats
from leeway.dataset import label_arrivals
from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.detection import estimated
from leeway.detection.maturity import Arrived
from leeway.detection.monitor import Finding
from leeway.detection.performance_metrics import METRICS
from leeway.detection.reference import MIN_ROWS
from leeway.model.bundle import Bundle
from leeway.monitoring import realised
from leeway.monitoring.realised import RealisedPartition
from leeway.scoring import batch_scoring
from leeway.store.database import database
from leeway.store.tables import monitoring

BACK = 56  # partitions whose corrected labels are read again, and that reports show


@dataclass(frozen=True)
class Labels:
    """The labels that are known after a night.

    Attributes:
        arrived: how many labels of the mature partition and of younger ones are known.
        mature: the scored rows of the mature partition with their labels; None where there are too few, or the partition has a
            data fault.
        fresh: the realised performance that is new with this night.
        known: the realised performance of the last partitions, with that of this night.
    """

    arrived: list[Arrived] = field(default_factory=list)
    mature: pd.DataFrame | None = None
    fresh: list[RealisedPartition] = field(default_factory=list)
    known: dict[str, RealisedPartition] = field(default_factory=dict)


def labels(classifier: Classifier, partition: Partition, mature: Partition, bundle: Bundle, version: int) -> Labels:
    """Read the labels that are known after a night.

    Args:
        mature: the partition whose labels count from this night on, as they were known at the label age.
    """
    name, known = classifier.name, bundle.reference.maturity
    with database().transaction() as connection:
        again = realised.corrected(connection, classifier, partition, mature, version, BACK)
        before = realised.until(connection, name, partition, BACK)
        faulty = _faulty(connection, name, [part.key for part in (*again, mature)])
    moments = dict.fromkeys(again, partition.end) | {mature: mature.end + classifier.label_age}
    least = known.least() if known else 0.0
    rows = {
        part: realised.labelled(classifier, part, version, moment, least)
        for part, moment in moments.items()
        if part.key not in faulty
    }
    fresh = [realised.of(classifier, part.key, bundle, version, own) for part, own in rows.items() if own is not None]
    arrived = label_arrivals.at(classifier, known, partition, mature) if known else []
    return Labels(arrived, rows.get(mature), fresh, before | {item.partition: item for item in fresh})


def estimate(
    classifier: Classifier,
    partition: Partition,
    bundle: Bundle,
    version: int,
    x: pd.DataFrame,
    finding: Finding,
    labels: Labels,
) -> dict[str, Any]:
    """Estimate a night's performance.

    Args:
        x: the partition's features as `model_input` makes them, with its scores.

    Returns:
        The estimates for the monitoring record, or why there are none.
    """
    usual = bundle.reference.usual
    if bundle.known is None or usual is None:
        return {"why": "the champion was trained before Leeway made estimates; the next one will have them"}
    if finding.faults:
        return {"why": "a fault of the data was found"}
    if len(x) < MIN_ROWS or len(bundle.known.p) < MIN_ROWS:
        return {"why": "there are too few rows"}
    p = batch_scoring.probabilities(x, bundle.outputs)
    found = estimated.estimate(
        bundle.reference,
        bundle.known,
        x,
        p,
        bundle.decide(p),
        exclusive=bundle.outputs.exclusive,
        seed=bundle.card.seed,
    )
    pairs = [
        (estimates, labels.known[key].values)
        for key, estimates in _before(classifier.name, partition, version).items()
        if key in labels.known
    ]
    return found.as_json(estimated.judge(usual, pairs))


def _before(name: str, partition: Partition, version: int) -> dict[str, Floats]:
    """Return the estimates of earlier partitions, oldest first.

    Each has its bounds, shape (metrics, 3), whether it was shown or not.
    """
    metrics = monitoring.c.evidence["estimated"]["metrics"]
    query = (
        sa.select(monitoring.c.partition, metrics.label("metrics"))
        .where(
            monitoring.c.classifier == name,
            monitoring.c.version == version,
            monitoring.c.partition < partition.key,
            metrics.is_not(None),
        )
        .order_by(monitoring.c.partition.desc())
        .limit(2 * BACK)  # the newest partitions have no labels yet
    )
    with database().transaction() as connection:
        found = connection.execute(query).all()
    return {
        row.partition: np.array([row.metrics.get(metric, [np.nan] * 3) for metric in METRICS])
        for row in reversed(found)
    }


def _faulty(connection: sa.Connection, name: str, keys: list[str]) -> set[str]:
    query = sa.select(monitoring.c.partition).where(
        monitoring.c.classifier == name, monitoring.c.partition.in_(keys), monitoring.c.verdict == "data fault"
    )
    return set(connection.scalars(query))
