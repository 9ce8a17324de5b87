"""The monitoring of one partition.

It reads, compares, judges and reports. The verdict and its retrain request are written in one transaction.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from leeway.core.errors import NotFound
from leeway.definition import Classifier
from leeway.definition.partitions import Partition, between
from leeway.detection import changes, maturity, monitor
from leeway.detection.monitor import Finding, MonitoredNight
from leeway.detection.performance_metrics import Decisions, decisions
from leeway.detection.sketch import LabelResiduals, with_scores
from leeway.lifecycle import registry, retraining
from leeway.model.bundle import Bundle
from leeway.model.inputs import model_input
from leeway.monitoring import incidents, outlook, realised, recent_nights, report
from leeway.monitoring.outlook import Labels
from leeway.scoring import batch_scoring, sketches
from leeway.store import ledger, storage
from leeway.store.database import database
from leeway.store.tables import column_drift, monitoring

LOOKED_BACK = 91  # partitions before a breach in which the change may have begun


@dataclass(frozen=True)
class Monitored:
    """The result of a monitoring run.

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
    """Monitor a scored partition.

    A partition that was monitored before is skipped; only a report that is missing is written again.

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
            problem="the partition was not scored",
            hint=f"run `leeway score {name} --partition {partition}` first",
        )
    is_done = done is not None and done.input == scored.input
    if done is not None and is_done and storage.exists(report.path_of(name, partition)):
        return Monitored(changed=False, **done.output)
    version = int(scored.input["version"])
    bundle = registry.load(name, registry.promoted(name, version))
    rows = batch_scoring.read(name, partition, version)
    scores = rows[list(bundle.outputs.score_columns)]
    x = pd.concat([model_input(rows, bundle.card.features), scores], axis=1)
    labels = outlook.labels(classifier, partition, mature_with(classifier, partition), bundle, version)
    finding, night = _find(classifier, partition, bundle, version, rows, labels)
    incident = (
        _incident(classifier, partition, bundle, version, night) if finding.verdict in ("alert", "breach") else None
    )
    finding = finding.together_with(incident)
    estimated = outlook.estimate(classifier, partition, bundle, version, x, finding, labels)
    evidence = {**finding.evidence(), "estimated": estimated, "labels": [asdict(item) for item in labels.arrived]}
    past = recent_nights.until(name, partition, finding, evidence, labels.known)
    written = report.write(classifier, partition, bundle, finding, past, x, version)
    if done is not None and is_done:
        return Monitored(changed=False, **done.output)
    address = storage.address(written)
    asked = _asked(classifier, partition, bundle, version, finding, night)
    with store.transaction() as connection:
        _record(connection, name, partition, version, finding, evidence, address)
        realised.write(connection, name, partition, labels.fresh)
        sketches.write(connection, name, partition, version, night.observed)
        sketches.hold(connection, name, partition, version, night.mature, night.label_residuals)
        retraining.ripen(connection, name, partition.end)
        request = _request(connection, classifier, partition, finding, asked)
        output: dict[str, Any] = {"verdict": finding.verdict, "why": finding.why, "report": address, **request}
        ledger.record(connection, name, partition, "monitor", input=scored.input, output=output)
    return Monitored(changed=True, **output)


def request_key(name: str, partition: Partition) -> str:
    """Return the key of a breach's retrain request."""
    return f"{name}:{partition.key}"


def _find(
    classifier: Classifier,
    partition: Partition,
    bundle: Bundle,
    version: int,
    rows: pd.DataFrame,
    labels: Labels,
) -> tuple[Finding, MonitoredNight]:
    name, policy, outputs = classifier.name, classifier.drift, bundle.outputs
    label_residuals = None if labels.mature is None else _held(bundle, labels.mature)
    with database().transaction() as connection:
        observed = sketches.read(connection, name, partition, version)
        nights = sketches.before(connection, name, partition, version, monitor.lookback(policy))
    if observed is None:
        observed = sketches.of(bundle, rows)
    night = MonitoredNight(partition, observed, mature_with(classifier, partition), label_residuals)
    means = batch_scoring.probabilities(rows, outputs).mean(axis=0).tolist() if len(rows) and outputs.several else []
    finding = monitor.judge(
        bundle.reference,
        policy,
        [*nights, night],
        score_mean=float(rows["score"].mean()) if len(rows) else 0.0,
        score_means=dict(zip(outputs.names, means, strict=False)),
        may_be_empty=classifier.empty_partitions,
    )
    decided = _decisions(bundle, night, labels, finding)
    notes = (decided, maturity.tell(labels.arrived, classifier.partition))
    why = "; ".join([finding.why, *(str(item) for item in notes if item is not None)])
    return replace(finding, why=why, decisions=decided), night


def _decisions(bundle: Bundle, night: MonitoredNight, labels: Labels, finding: Finding) -> Decisions | None:
    """Return the realised performance for a harmful night.

    A person who is alerted asks for it first.
    """
    found, usual = labels.known.get(night.mature.key), bundle.reference.usual
    if finding.harm is None or not finding.harm.harmful or finding.faults or found is None or usual is None:
        return None
    return decisions(usual, found.metrics["accuracy"], found.labels, found.metrics.get("recall"))


def _incident(
    classifier: Classifier, partition: Partition, bundle: Bundle, version: int, night: MonitoredNight
) -> str | None:
    """Return the incident that a person must check first.

    Many columns moved at once since labels and scores began to differ, or many classifiers alarm.
    """
    name, back = classifier.name, monitor.lookback(classifier.drift)
    nights = sum(1 for _ in between(night.mature, partition)) + back
    with database().transaction() as connection:
        before = sketches.before(connection, name, partition, version, nights)
        observed = {earlier.partition: earlier.observed for earlier in before} | {partition: night.observed}
        several = incidents.many_classifiers(connection, name, partition)
    return incidents.many_columns(bundle.reference, observed) or several


def mature_with(classifier: Classifier, partition: Partition) -> Partition:
    """Return the newest partition with mature labels.

    Its labels could all be known when `partition` ended.
    """
    return Partition.containing(partition.end - classifier.label_age, classifier.partition).shift(-1)


def _held(bundle: Bundle, rows: pd.DataFrame) -> LabelResiduals:
    """Return the residuals of a newly mature partition.

    Labels are taken as known at a fixed age, as for the reference, so early and late labels weigh the same on both sides. A
    later correction changes what is known then, not this result.
    """
    outputs, reference = bundle.outputs, bundle.reference
    p, y = batch_scoring.probabilities(rows, outputs), outputs.matrix(rows[outputs.column])
    columns = with_scores(model_input(rows, bundle.card.features), p, outputs)
    return LabelResiduals.of(reference.binnings, columns, y[:, reference.judged], p[:, reference.judged])


def _record(
    connection: Connection,
    name: str,
    partition: Partition,
    version: int,
    finding: Finding,
    evidence: dict[str, Any],
    path: str,
) -> None:
    values = {
        "version": version,
        "verdict": finding.verdict,
        "why": finding.why,
        "rows": finding.rows,
        "evidence": evidence,
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


def _asked(
    classifier: Classifier, partition: Partition, bundle: Bundle, version: int, finding: Finding, night: MonitoredNight
) -> dict[str, Any]:
    """Return when a breach's change began, and its evidence.

    A would-be breach under a short reference counts too. Where many labels come late, the events since a change are known only
    by their early labels. A model of these would learn how labels arrive, so the change gets no beginning then.
    """
    if finding.verdict not in ("breach", "watching") or finding.harm is None:
        return {}
    evidence = {"harm": asdict(finding.harm), "limits": finding.limits}
    if finding.verdict == "watching":
        return {"evidence": evidence, "too_short": finding.why}
    known = bundle.reference.maturity
    if known is not None and not known.is_complete:
        return {"evidence": evidence}
    with database().transaction() as connection:
        nights = sketches.before(connection, classifier.name, partition, version, LOOKED_BACK)
    since = changes.since(bundle.reference, [*nights, night], finding)
    return {"since": since, "evidence": evidence}


def _request(
    connection: Connection, classifier: Classifier, partition: Partition, finding: Finding, asked: dict[str, Any]
) -> dict[str, str | None]:
    if finding.verdict not in ("breach", "watching"):
        return {"request": None, "request_state": None}
    key = request_key(classifier.name, partition)
    state = retraining.file(connection, classifier, key, partition.end, finding.why, incident=finding.incident, **asked)
    return {"request": key, "request_state": state}
