"""Many classifiers hit at once."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from leeway.alerts.kinds.kind import AlertKind, Happening
from leeway.views import links, roster

MANY = 2  # classifiers that are hit on one day are an incident, where they are at least half of all


class IncidentAlert(AlertKind):
    """One for every day that hit many classifiers; what belongs to it says so, and is not told by itself."""

    name = "incident"
    severity = "page"
    runbook = "incident"
    to_do = "Look for what the classifiers share: a source, a machine, a release."

    def among(self, found: Sequence[Happening], now: datetime) -> list[Happening]:
        """The incidents, then what was found, marked where it is part of one."""
        by_day: dict[str, list[Happening]] = defaultdict(list)
        for item in found:
            if item.kind.spreads:
                by_day[f"{item.since.astimezone(UTC):%Y-%m-%d}"].append(item)
        watched = len([known for known in roster.everyone() if known.definition is not None])
        incidents: list[Happening] = []
        for day, hit in by_day.items():
            names = sorted({item.classifier for item in hit if item.classifier is not None})
            if len(names) >= MANY and 2 * len(names) >= watched:
                incident = self._of(day, names, hit)
                incidents.append(incident)
                found = [replace(item, part_of=incident.key) if item in hit else item for item in found]
        return [*incidents, *found]

    def _of(self, day: str, names: Sequence[str], hit: Sequence[Happening]) -> Happening:
        return Happening(
            f"incident:{day}",
            self,
            None,
            f"{len(names)} classifiers at once on {day}: {', '.join(names)}",
            min(item.since for item in hit),
            "; ".join(item.what for item in hit),
            links.page("overview"),
        )
