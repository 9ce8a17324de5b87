"""When a change began that labels show, and which partitions lay out only for a while.

A change that lasts is what a successor should learn; an episode that has passed, as a few nights of wrong labels, is not.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from leeway.core.metrics import Bools, Floats
from leeway.detection.alarm_limits import place_of
from leeway.detection.budget import Ints
from leeway.detection.monitor import Finding, MonitoredNight
from leeway.detection.reference import Reference


def since(reference: Reference, nights: Sequence[MonitoredNight], finding: Finding) -> datetime | None:
    """When the change began by which labels and scores part, in the channel that shows it most; None where they do not.

    Args:
        nights: those of the champion without a fault, the oldest first; the finding is on the last.
    """
    if finding.harm is None:
        return None
    shift, alarm = finding.harm.shift, reference.alarm
    sought = (shift.column, shift.direction, shift.of_class or reference.watched[0])
    channel = next(
        place
        for place, item in enumerate(alarm.channels)
        if item.family == "residual" and (item.column, item.direction, item.of_class) == sought
    )
    pairs = [reference.values(night.observed, night.label_residuals) for night in nights]
    values, rows = (np.stack(arrays) for arrays in zip(*pairs, strict=True))
    places: Ints = np.array([[place_of(night.mature)] for night in nights], dtype=np.intp)
    return nights[began(alarm.baseline.standardise(values, rows, places)[:, channel])].mature.start


def began(values: Floats) -> int:
    """The place of the first partition of the likeliest change that lasts until the end.

    By the likelihood of a mean that leaves zero once and stays away (Page 1957): the sum over the last so many partitions is
    largest, for their number.

    Args:
        values: of consecutive partitions, in spreads from the ordinary, the last one known; NaN where nothing is known.
    """
    known = ~np.isnan(values)
    sums = np.cumsum(np.where(known, values, 0.0)[::-1])[::-1]
    counts = np.cumsum(known[::-1])[::-1]
    return int(np.argmax(np.where(known, sums**2 / np.maximum(counts, 1), 0.0)))


def passed(out: Sequence[bool], confirm: int, among: int) -> Bools:
    """Of consecutive partitions, those that lay out and were not part of what still lay out at the end.

    Args:
        out: whether each lay out.
        confirm, among: what lies out lasts for as long as this many of the last so many do.
    """
    flags = np.asarray(out, dtype=bool)
    counts = np.array([flags[max(0, place - among + 1) : place + 1].sum() for place in range(len(flags))])
    broken = np.flatnonzero(counts < confirm)
    lasting = int(broken[-1]) + 1 if len(broken) else 0  # from here on it is confirmed until the end
    first = max(0, lasting - among + 1) if lasting < len(flags) else len(flags)
    return np.asarray(flags & (np.arange(len(flags)) < first))
