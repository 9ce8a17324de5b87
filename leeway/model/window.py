"""Which part of a snapshot a challenger learns from: what the definition says, or what came since a change."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from leeway.definition import Classifier


@dataclass(frozen=True)
class TrainingWindow:
    """What a challenger learns from and is tested on.

    Attributes:
        since: nothing earlier is learnt from; it serves the monitor's reference only. None for all of the snapshot.
        holdout: what is held out, back from the newest event.
    """

    since: datetime | None
    holdout: timedelta

    def __str__(self) -> str:
        return "recent" if self.since is None else f"since {self.since:%Y-%m-%d %H:%M}"


def windows(classifier: Classifier, since: datetime | None) -> tuple[TrainingWindow | None, ...]:
    """The challengers that a retrain tries; all are tested on the same partitions. None is the definition's own window.

    Args:
        since: when the change began that asks for it, where that is known.
    """
    if since is None or classifier.by_arrival:
        return (None,)
    return TrainingWindow(None, tested(classifier)), TrainingWindow(since, tested(classifier))


def tested(classifier: Classifier) -> timedelta:
    """How much a challenger that answers a change is tested on."""
    most, asked = classifier.partition.tested, classifier.training.holdout
    return min(most, asked) if isinstance(asked, timedelta) else most


def ripe(classifier: Classifier, since: datetime) -> datetime:
    """From when on enough is known of a change: as much to learn from as to be tested on."""
    return since + 2 * tested(classifier) + classifier.label.maturity
