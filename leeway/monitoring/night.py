"""Monitor one partition: read, compare, judge, report, and write the verdict with what it asks for in one transaction."""

from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from leeway import registry, retraining, scoring, storage
from leeway.bundle import Bundle
from leeway.definition import Classifier
from leeway.errors import NotFound
from leeway.monitoring import monitor, report
from leeway.monitoring.monitor import Finding, Harm
from leeway.partitions import Partition
from leeway.store import ledger
from leeway.store.database import database
from leeway.store.tables import column_drift, labels_known, monitoring, tables_of
from leeway.training.candidates import model_input


@dataclass(frozen=True)
class Monitored:
    """What a monitoring run found.

    Attributes:
        changed: whether anything was written; the same predictions are monitored once.
        request: the key of the retrain request that a breach filed, with `request_state`.
    """

    changed: bool
    verdict: str
    why: str
    report: str
    request: str | None = None
    request_state: str | None = None


def run(classifier: Classifier, partition: Partition) -> Monitored:
    """Monitor a scored partition, unless that has been done.

    Raises:
        NotFound: the partition has not been scored.
    """
    name, store = classifier.name, database()
    with store.transaction() as connection:
        scored = ledger.entry(connection, name, partition, "score")
        done = ledger.entry(connection, name, partition, "monitor")
    if scored is None:
        raise NotFound(
            f"monitoring {name} {partition}",
            rule="the partition must have been scored",
            way_out=f"run `leeway score {name} --partition {partition}` first",
        )
    if done is not None and done.input == scored.input:
        return Monitored(changed=False, **done.output)
    version = int(scored.input["version"])
    bundle = registry.load(name, registry.promoted(name, version))
    rows = scoring.read(name, partition, version)
    x = model_input(rows, bundle.card.features)
    finding = _find(classifier, partition, bundle, version, x, rows)
    scores = rows[list(bundle.outputs.score_columns)]
    written = report.write(classifier, partition, bundle, finding, pd.concat([x, scores], axis=1), version)
    address = storage.address(written)
    with store.transaction() as connection:
        _record(connection, name, partition, version, finding, address)
        request = _request(connection, classifier, partition, finding)
        output: dict[str, Any] = {"verdict": finding.verdict, "why": finding.why, "report": address, **request}
        ledger.record(connection, name, partition, "monitor", input=scored.input, output=output)
    return Monitored(changed=True, **output)


def request_key(name: str, partition: Partition) -> str:
    """The key of the request that a breach in this partition files."""
    return f"{name}:{partition.key}"


def _find(
    classifier: Classifier,
    partition: Partition,
    bundle: Bundle,
    version: int,
    x: pd.DataFrame,
    rows: pd.DataFrame,
) -> Finding:
    reference, policy, outputs = bundle.reference, classifier.drift, bundle.outputs
    means = scoring.probabilities(rows, outputs).mean(axis=0).tolist() if len(rows) and outputs.several else []
    return monitor.judge(
        reference,
        policy,
        rows=len(x),
        score_mean=float(rows["score"].mean()) if len(x) else 0.0,
        score_means=dict(zip(outputs.names, means, strict=False)),
        columns=monitor.compare(reference, x) if len(x) else (),
        harm=_harm(classifier, partition, bundle, version),
        before=_harm_before(classifier, partition, version),
        may_be_empty=classifier.empty_partitions,
    )


def _harm(classifier: Classifier, partition: Partition, bundle: Bundle, version: int) -> Harm | None:
    """What the labels say that have just become mature, of the newest partition whose labels all could.

    They are taken as known at a fixed age, as the reference's were: so early and late labels weigh the same
    on both sides.
    """
    age = classifier.label_age
    mature = Partition.containing(partition.end - age, classifier.partition).shift(-1)
    with database().transaction() as connection:
        fault = sa.select(monitoring.c.verdict).where(
            monitoring.c.classifier == classifier.name, monitoring.c.partition == mature.key
        )
        if connection.scalar(fault) == "data fault":
            return None
    tables = tables_of(classifier)
    prediction = tables.prediction
    predicted = sa.select(prediction.c.event_id).where(
        prediction.c.partition == mature.key, prediction.c.version == version
    )
    labelled = database().read(labels_known(tables, mature.end + age, predicted)).to_pandas()
    if labelled.empty:
        return None
    rows = scoring.read(classifier.name, mature, version).merge(labelled, on="event_id")
    x, y = model_input(rows, bundle.card.features), bundle.outputs.matrix(rows[bundle.outputs.column])
    p = scoring.probabilities(rows, bundle.outputs)
    return monitor.harm_of(bundle.reference, classifier.drift, mature.key, x, y, p)


def _harm_before(classifier: Classifier, partition: Partition, version: int) -> list[bool]:
    """Whether harm was seen in each of the partitions before, under this version, the most recent first."""
    first = partition.shift(1 - classifier.drift.among)
    harmful = monitoring.c.evidence["harm"]["harmful"].as_boolean()
    query = sa.select(sa.func.coalesce(harmful, sa.false())).where(
        monitoring.c.classifier == classifier.name,
        monitoring.c.version == version,
        monitoring.c.partition >= first.key,
        monitoring.c.partition < partition.key,
    )
    with database().transaction() as connection:
        return list(connection.scalars(query.order_by(monitoring.c.partition.desc())))


def _record(connection: Connection, name: str, partition: Partition, version: int, finding: Finding, path: str) -> None:
    values = {
        "version": version,
        "verdict": finding.verdict,
        "why": finding.why,
        "rows": finding.rows,
        "evidence": finding.evidence(),
        "report": path,
        "created_at": sa.func.clock_timestamp(),
    }
    statement = insert(monitoring).values(classifier=name, partition=partition.key, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["classifier", "partition"], set_=values))
    mine = (column_drift.c.classifier == name) & (column_drift.c.partition == partition.key)
    connection.execute(sa.delete(column_drift).where(mine))
    kept = {column.name for column in column_drift.c}
    drifts = [{key: value for key, value in asdict(drift).items() if key in kept} for drift in finding.columns]
    if drifts:
        own = {"classifier": name, "partition": partition.key}
        connection.execute(sa.insert(column_drift), [{**own, **drift} for drift in drifts])


def _request(
    connection: Connection, classifier: Classifier, partition: Partition, finding: Finding
) -> dict[str, str | None]:
    if finding.verdict != "breach":
        return {"request": None, "request_state": None}
    key = request_key(classifier.name, partition)
    state = retraining.file(connection, classifier, key, partition.end, finding.why)
    return {"request": key, "request_state": state}
