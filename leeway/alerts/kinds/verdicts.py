"""What the monitor said of nights: one alert for each episode, nights of one verdict that follow each other, or nearly."""

from collections.abc import Iterator

from leeway.alerts.kinds.incident import IncidentAlert
from leeway.alerts.kinds.kind import AlertKind, Happening, LastDays
from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.views import links, verdicts
from leeway.views.verdicts import NightVerdict


class VerdictKind(AlertKind):
    """An alert by a verdict of the same name; of an incident's nights, it is the incident that is told."""

    severity = "ticket"

    def found(self, past: LastDays) -> Iterator[Happening]:
        """The episodes that reach into the last days."""
        if past.classifier is None:
            return
        nights = verdicts.of(past.name, only=(self.name,), most=5_000)  # of all times: the first night names an episode
        for episode in _episodes(list(reversed(nights)), past.classifier):
            if episode[-1].partition >= past.recent(past.classifier):
                yield self._of(past.classifier, episode)

    def _of(self, classifier: Classifier, episode: list[NightVerdict]) -> Happening:
        first, last = episode[0], episode[-1]
        kind = IncidentAlert() if any(night.evidence.get("incident") for night in episode) else self
        times = (
            f"on {last.partition}" if len(episode) == 1 else f"in {len(episode)} partitions, last on {last.partition}"
        )
        return Happening(
            f"{kind.name}:{classifier.name}:{first.partition}",
            kind,
            classifier.name,
            f"{kind.name} of {classifier.name} {times}",
            Partition.parse(first.partition, classifier.partition).start,
            last.why,
            links.page("reports", classifier=classifier.name, night=last.partition),
            last.rows,
        )


class BreachAlert(VerdictKind):
    """Harm that is confirmed."""

    name = "breach"
    runbook = "breach"
    to_do = "Nothing, if a retrain was requested; see what became of it."
    spreads = True


class DriftAlert(VerdictKind):
    """Drift that is confirmed, without harm that is."""

    name = "alert"
    runbook = "alert"
    to_do = "Look at what moved, first at its source."
    spreads = True


class DataFaultAlert(VerdictKind):
    """Rows that are not what a source delivers."""

    name = "data fault"
    runbook = "data-fault"
    to_do = "Look at the source: nothing is learnt from these rows."
    spreads = True


class WatchingAlert(VerdictKind):
    """Drift that a reference too short to act by shows."""

    name = "watching"
    runbook = "watching"
    to_do = "Look, or train: the reference is too short to act by itself."


def _episodes(nights: list[NightVerdict], classifier: Classifier) -> list[list[NightVerdict]]:
    found: list[list[NightVerdict]] = []
    for night in nights:
        start = Partition.parse(night.partition, classifier.partition)
        if found and start <= Partition.parse(found[-1][-1].partition, classifier.partition).shift(
            classifier.drift.among
        ):
            found[-1].append(night)
        else:
            found.append([night])
    return found
