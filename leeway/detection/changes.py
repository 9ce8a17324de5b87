"""The start of a lasting change, and episodes that have passed.

The next version should learn a lasting change. It should not learn a passing episode, such as a few nights of wrong labels.
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
    """Date the change between labels and scores.

    The channel with the largest change decides.

    Args:
        nights: the champion's nights without a fault, the oldest first; the finding is on the last.

    Returns:
        The start of the change; None where labels and scores agree.
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
    """Return the place where the likeliest lasting change began.

    It maximises the likelihood of a mean that leaves zero once and stays away (Page 1957): the squared sum over the last
    partitions, divided by their number.

    Args:
        values: of consecutive partitions, in standard deviations from the baseline; NaN where unknown. The last is known.
    """
    known = ~np.isnan(values)
    sums = np.cumsum(np.where(known, values, 0.0)[::-1])[::-1]
    counts = np.cumsum(known[::-1])[::-1]
    return int(np.argmax(np.where(known, sums**2 / np.maximum(counts, 1), 0.0)))


def passed(out: Sequence[bool], confirm: int, among: int) -> Bools:
    """Flag out-of-control partitions of passed episodes.

    An episode that lasts until the end is not flagged.

    Args:
        out: whether each consecutive partition was out of control.
        confirm, among: an episode lasts while `confirm` of the last `among` partitions are out of control.
    """
    flags = np.asarray(out, dtype=bool)
    counts = np.array([flags[max(0, place - among + 1) : place + 1].sum() for place in range(len(flags))])
    broken = np.flatnonzero(counts < confirm)
    lasting = int(broken[-1]) + 1 if len(broken) else 0  # from here on it is confirmed until the end
    first = max(0, lasting - among + 1) if lasting < len(flags) else len(flags)
    return np.asarray(flags & (np.arange(len(flags)) < first))
