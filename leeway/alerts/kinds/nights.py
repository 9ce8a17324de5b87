"""Nights that did not come to their end."""

from collections.abc import Iterator

from leeway.alerts.kinds.kind import AlertKind, Happening, LastDays
from leeway.definition.partitions import Partition
from leeway.views import links, on_call


class RejectedDeliveryAlert(AlertKind):
    """A delivery that the audit refused."""

    name = "rejected delivery"
    severity = "page"
    runbook = "delivery-rejected"
    to_do = "Mend the source or the suite; the next night tries again."
    spreads = True

    def found(self, past: LastDays) -> Iterator[Happening]:
        """One for each."""
        if past.classifier is None:
            return
        for day in past.days:
            cell = day.cells["ingest"]
            if cell.state == "failed" and day.partition >= past.recent(past.classifier):
                yield Happening(
                    f"rejected delivery:{past.name}:{day.partition}",
                    self,
                    past.name,
                    f"the delivery of {past.name} {day.partition} was rejected",
                    Partition.parse(day.partition, past.classifier.partition).end,
                    cell.says,
                    links.page("on_call", classifier=past.name, night=day.partition),
                )


class MissingNightAlert(AlertKind):
    """A night that was due and did not run."""

    name = "missing night"
    severity = "page"
    runbook = "missing-night"
    to_do = "See whether the platform runs; it makes up for missed nights."
    spreads = True

    def found(self, past: LastDays) -> Iterator[Happening]:
        """One, of all the nights that are late; the same until one is held, however long that takes."""
        if past.classifier is None or not (late := on_call.late(past.classifier, past.days)):
            return
        held = [day.partition for day in past.days if day.cells["monitor"].state == "done" and day.partition < late[0]]
        first = Partition.parse(late[0], past.classifier.partition)
        yield Happening(
            f"missing night:{past.name}:after {max(held, default=None) or on_call.last_held(past.name)}",
            self,
            past.name,
            f"the night of {past.name} {first.key} is missing",
            first.end,
            f"{len(late)} {'night is' if len(late) == 1 else 'nights are'} late",
            links.page("on_call", classifier=past.name, night=first.key),
        )
