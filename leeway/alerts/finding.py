"""Find what people are to be told of, from what is stored: whoever looks finds the same, so nothing is lost with a run."""

from datetime import datetime, timedelta

from leeway.alerts.kinds import KINDS, Happening, LastDays
from leeway.definition import Classifier
from leeway.views import roster

LATELY = timedelta(days=7)  # what lies longer ago is history, such as that of a backfill


def find(now: datetime) -> list[Happening]:
    """Everything of the last days, of all classifiers."""
    found = [item for known in roster.everyone() for item in _of(LastDays(known.name, now, LATELY, known.definition))]
    for kind in KINDS:
        found = kind.among(found, now)
    return found


def of(classifier: Classifier, now: datetime, since: timedelta = LATELY) -> list[Happening]:
    """Everything of the last days about one classifier."""
    return _of(LastDays(classifier.name, now, since, classifier))


def _of(past: LastDays) -> list[Happening]:
    return [item for kind in KINDS for item in kind.found(past)]
