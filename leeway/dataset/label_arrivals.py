"""The arrival of labels, as the store has it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import INTERVAL

from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.detection.maturity import Arrived, Maturity, ages_of
from leeway.store.database import database
from leeway.store.tables import tables_of


def learn(classifier: Classifier, partitions: Sequence[str], as_of: datetime) -> Maturity:
    """Learn how soon labels become known.

    Args:
        as_of: later arrivals are not counted.
    """
    ages = ages_of(classifier)
    parts = [Partition.parse(key, classifier.partition) for key in partitions]
    arrived = _arrivals(classifier, parts, as_of)
    shares = np.array([_shares(classifier, part, ages, arrived.get(part.key), as_of) for part in parts])
    return Maturity.of(ages, shares.reshape(len(parts), len(ages) + 1))


def at(classifier: Classifier, maturity: Maturity, partition: Partition, mature: Partition) -> list[Arrived]:
    """Count the labels known at a night's end.

    They are those of the partition that became mature, and of younger ones, the oldest first. Partitions without events are
    left out.
    """
    younger = {partition.shift(-age): age for age in maturity.ages}
    arrived = _arrivals(classifier, [mature, *younger], partition.end)
    found = []
    for part, age in sorted([(mature, None), *younger.items()], key=lambda item: item[0]):
        if (own := arrived.get(part.key)) is None:
            continue
        place = len(maturity.ages) if age is None else maturity.ages.index(age)
        moment = part.end + classifier.label_age if age is None else partition.end
        labels, usual = _by(own, moment), maturity.known[place]
        late = labels < maturity.least(place) * int(own["events"].sum())
        found.append(Arrived(part.key, age, int(own["events"].sum()), labels, None if np.isnan(usual) else usual, late))
    return found


def _shares(
    classifier: Classifier, part: Partition, ages: Sequence[int], own: pd.DataFrame | None, as_of: datetime
) -> list[float]:
    moments = [*(part.shift(age).end for age in ages), part.end + classifier.label_age]
    if own is None:
        return [np.nan] * len(moments)
    events = int(own["events"].sum())
    return [_by(own, moment) / events if moment <= as_of else np.nan for moment in moments]


def _by(own: pd.DataFrame, moment: datetime) -> int:
    return int(own.loc[own["known"] <= moment, "events"].sum())


def _arrivals(classifier: Classifier, parts: Sequence[Partition], as_of: datetime) -> dict[str, pd.DataFrame]:
    """Count labelled events by partition and hour.

    The hour is when the label became known, rounded up, so that one query serves partitions of any grain. It is missing where
    no label is known yet.
    """
    tables = tables_of(classifier)
    event, label = tables.event, tables.label
    first = sa.func.date_trunc("hour", sa.func.min(label.c.known_at) + _LAST_MOMENT, "UTC").label("known")
    of_event = (
        sa.select(event.c.partition, first)
        .outerjoin(label, (label.c.event_id == event.c.event_id) & (label.c.known_at <= as_of))
        .where(
            event.c.superseded_at.is_(None),
            event.c.event_time >= min(parts).start,
            event.c.event_time < max(parts).end,
            event.c.partition.in_([part.key for part in parts]),
        )
        .group_by(event.c.event_id, event.c.partition)
        .subquery()
    )
    query = sa.select(of_event.c.partition, of_event.c.known, sa.func.count().label("events")).group_by(
        of_event.c.partition, of_event.c.known
    )
    with database().transaction() as connection:
        rows = pd.DataFrame(connection.execute(query).all(), columns=["partition", "known", "events"])
    rows["known"] = pd.to_datetime(rows["known"], utc=True)
    return {str(key): own for key, own in rows.groupby("partition")}


_LAST_MOMENT = sa.cast(timedelta(hours=1) - timedelta(microseconds=1), INTERVAL)
