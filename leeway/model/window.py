"""The part of a snapshot that a challenger uses.

It is the definition's, or what came since a change.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from leeway.definition import Classifier


@dataclass(frozen=True)
class TrainingWindow:
    """What a challenger learns from and is tested on.

    Attributes:
        since: the earliest event time to learn from; earlier rows serve the monitor's reference only. None for all of the
            snapshot.
        holdout: the length of the holdout, back from the newest event.
    """

    since: datetime | None
    holdout: timedelta

    def __str__(self) -> str:
        return "recent" if self.since is None else f"since {self.since:%Y-%m-%d %H:%M}"


def windows(classifier: Classifier, since: datetime | None) -> tuple[TrainingWindow | None, ...]:
    """Return the windows that a retrain tries.

    All challengers are tested on the same partitions. None is the definition's own window.

    Args:
        since: when the change began, where that is known.
    """
    if since is None or classifier.by_arrival:
        return (None,)
    return TrainingWindow(None, tested(classifier)), TrainingWindow(since, tested(classifier))


def tested(classifier: Classifier) -> timedelta:
    """Return the holdout length that answers a change."""
    most, asked = classifier.partition.tested, classifier.training.holdout
    return min(most, asked) if isinstance(asked, timedelta) else most


def ripe(classifier: Classifier, since: datetime) -> datetime:
    """Return when enough is known of a change.

    By then there is as much to learn from as to test on.
    """
    return since + 2 * tested(classifier) + classifier.label.maturity
