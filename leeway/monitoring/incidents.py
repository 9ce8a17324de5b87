"""Incidents: sudden changes that a technical fault explains best.

A person decides on them; there is no automatic retrain.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from leeway.core.metrics import Floats
from leeway.definition.partitions import Partition
from leeway.detection.budget import WINDOW
from leeway.detection.reference import Reference
from leeway.detection.sketch import Sketch, hellinger, shares
from leeway.store.tables import monitoring

FEWEST_COLUMNS, SHARE_OF_COLUMNS = 4, 0.5
FEWEST_BEFORE = 3  # partitions, before a change can be called sudden
FARTHER = 1.25  # than the largest distance within the reference
FEWEST_CLASSIFIERS, SHARE_OF_CLASSIFIERS = 3, 0.5
ALARMING = ("alert", "breach", "data fault")


def many_columns(reference: Reference, observed: Mapping[Partition, Sketch]) -> str | None:
    """Find the first partition with many moved columns.

    A column moves where its distribution differs more from the partitions just before than any partition of the reference did.
    Most columns must move at once. Seasons come slowly, and drift moves one column; a new source or a broken join moves many.

    Args:
        observed: consecutive partitions, oldest first.

    Returns:
        The partition in words; None where there is none.
    """
    keys, sketches = list(observed), list(observed.values())
    farthest = _farthest(reference)
    if len(farthest) < FEWEST_COLUMNS:
        return None
    for place in range(FEWEST_BEFORE, len(keys)):
        now, before = sketches[place], sketches[max(0, place - WINDOW) : place]
        if not now.rows or sum(earlier.rows > 0 for earlier in before) < FEWEST_BEFORE:
            continue
        # The fewer rows, the larger the distance that sampling noise causes.
        sampling_noise = max(1.0, (min(reference.rows) / now.rows) ** 0.5)
        moved = [
            name
            for name, limit in farthest.items()
            if _distance(now.counts[name], [earlier.counts[name] for earlier in before])
            > FARTHER * sampling_noise * limit
        ]
        if len(moved) >= max(FEWEST_COLUMNS, SHARE_OF_COLUMNS * len(farthest)):
            return f"{len(moved)} of {len(farthest)} columns moved at once on {keys[place]}"
    return None


def many_classifiers(connection: Connection, name: str, partition: Partition) -> str | None:
    """Return in words whether most classifiers alarm.

    Only classifiers that were monitored for the same partition count. None where few alarm.
    """
    query = sa.select(monitoring.c.classifier, monitoring.c.verdict).where(
        monitoring.c.partition == partition.key, monitoring.c.classifier != name
    )
    others = connection.execute(query).all()
    alarming = sorted(other for other, verdict in others if verdict in ALARMING)
    if len(alarming) + 1 < max(FEWEST_CLASSIFIERS, SHARE_OF_CLASSIFIERS * (len(others) + 1)):
        return None
    return f"{', '.join(alarming[:3])}{' and others' if len(alarming) > 3 else ''} raised an alarm on {partition} too"


def _farthest(reference: Reference) -> dict[str, float]:
    """Return each feature's largest distance within the reference.

    A distance is between a partition and those just before it.
    """
    found = {}
    for name in reference.features:
        table = np.asarray(reference.counts[name])
        places = range(FEWEST_BEFORE, len(table))
        found[name] = max((_distance(table[at], table[max(0, at - WINDOW) : at]) for at in places), default=1.0)
    return found


def _distance(now: Sequence[int] | Floats, before: Sequence[Sequence[int]] | Floats) -> float:
    return float(hellinger(shares(np.asarray(now)), shares(np.asarray(before).sum(axis=0))))
