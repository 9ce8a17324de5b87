"""The lineage of a partition's predictions.

Its steps are delivery, events, version, predictions and report, each by its recorded input.
"""

from dataclasses import dataclass

from leeway.definition.partitions import Partition
from leeway.lifecycle import registry
from leeway.store import ledger
from leeway.store.database import database

SHOWN = 8  # characters of a hash


@dataclass(frozen=True)
class LineageStep:
    """One step of a lineage.

    Attributes:
        what: delivery, events, version, predictions or report.
        which: which one of these, in words.
    """

    what: str
    which: str

    def __str__(self) -> str:
        return f"{self.what} {self.which}"


def of(name: str, partition: Partition) -> list[LineageStep]:
    """List a partition's finished steps, oldest first.

    The list is empty where nothing was ingested.
    """
    with database().transaction() as connection:
        done = {
            stage: entry
            for stage in ledger.STAGES
            if (entry := ledger.entry(connection, name, partition, stage)) is not None and entry.status == "done"
        }
    steps: list[LineageStep] = []
    if (ingested := done.get("ingest")) is not None:
        steps += [
            LineageStep("delivery", ingested.input["delivery"][:SHOWN]),
            LineageStep("events", f"{ingested.output['rows']:,}, audited by suite {ingested.input['suite'][:SHOWN]}"),
        ]
    if (scored := done.get("score")) is not None:
        version = registry.promoted(name, int(scored.input["version"]))
        learnt = f"{version.version}, bundle {version.bundle[:SHOWN]}, learnt as of {version.as_of:%Y-%m-%d}"
        steps += [LineageStep("version", learnt), LineageStep("predictions", f"{scored.output['rows']:,}")]
    if (monitored := done.get("monitor")) is not None:
        steps.append(LineageStep("report", monitored.output["verdict"]))
    return steps
