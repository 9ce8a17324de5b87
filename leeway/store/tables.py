"""The tables: shared ones, and those of each classifier.

The shared tables are in schema `leeway` and are migrated by Alembic (`leeway/store/migrations`). A classifier's own tables are
in a schema of its name and follow its definition: they are made when missing, and gain a column when the definition does.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, REAL, TIMESTAMP

from leeway.core.outputs import LabelKind
from leeway.definition import Classifier, Kind

SHARED = "leeway"
metadata = sa.MetaData(schema=SHARED)

INSTANT = TIMESTAMP(timezone=True)
COLUMN_TYPES: dict[Kind, sa.types.TypeEngine[Any]] = {
    "numeric": sa.Double(),
    "boolean": sa.Boolean(),
    "categorical": sa.Text(),
    "text": sa.Text(),
    "timestamp": INSTANT,
    "identifier": sa.Text(),
}
#: Of a label, and of a decision.
LABEL_TYPES: dict[LabelKind, sa.types.TypeEngine[Any]] = {
    "binary": sa.Boolean(),
    "multiclass": sa.Text(),
    "multilabel": ARRAY(sa.Text()),
}


def _now() -> sa.sql.functions.Function[Any]:
    return sa.func.clock_timestamp()


#: The ledger: the stages done, by partition, with their input and version. It is the truth about what has run.
partition = sa.Table(
    "partition",
    metadata,
    sa.Column("classifier", sa.Text, primary_key=True),
    sa.Column("partition", sa.Text, primary_key=True),
    sa.Column("stage", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("input", JSONB, nullable=False),
    sa.Column("output", JSONB, nullable=False),
    sa.Column("finished_at", INSTANT, nullable=False, server_default=_now()),
    sa.Column("seconds", sa.Double),
)

#: What stored rows mean: the parts of the definition that read them; the newest of a classifier counts.
meaning = sa.Table(
    "meaning",
    metadata,
    sa.Column("classifier", sa.Text, primary_key=True),
    sa.Column("adopted_at", INSTANT, primary_key=True, server_default=_now()),
    sa.Column("parts", JSONB, nullable=False),
    sa.Column("read_again", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("actor", sa.Text, nullable=False, server_default=""),
)

snapshot = sa.Table(
    "snapshot",
    metadata,
    sa.Column("classifier", sa.Text, primary_key=True),
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("as_of", INSTANT, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("positives", JSONB, nullable=False),
    sa.Column("first_event", INSTANT, nullable=False),
    sa.Column("last_event", INSTANT, nullable=False),
    sa.Column("created_at", INSTANT, nullable=False, server_default=_now()),
)

#: Append-only: who became champion, when, why, with the gates' evidence. Its last row is the truth about the champion.
promotion = sa.Table(
    "promotion",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("classifier", sa.Text, nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("bundle", sa.Text, nullable=False),
    sa.Column("checksum", sa.Text, nullable=False),
    sa.Column("evidence", JSONB, nullable=False),
    sa.Column("as_of", INSTANT, nullable=False),
    sa.Column("created_at", INSTANT, nullable=False, server_default=_now()),
    sa.CheckConstraint("outcome in ('promoted', 'refused', 'rolled_back')", name="promotion_outcome"),
)

#: Outcomes of a partition's decisions, counted once when its labels were mature: for the version that scored it, and for the
#: decisions that the champion before would have made.
outcome = sa.Table(
    "outcome",
    metadata,
    sa.Column("classifier", sa.Text, primary_key=True),
    sa.Column("partition", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("decided", sa.BigInteger, nullable=False),
    sa.Column("labelled", sa.BigInteger, nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in ("sent", "answered", "overruled")),
    sa.Column("log_loss", sa.Double, nullable=False),
    sa.Column("classes", JSONB, nullable=False),
    sa.Column("slices", JSONB, nullable=False),
    sa.Column("worst", JSONB, nullable=False),
    sa.Column("as_of", INSTANT, nullable=False),
    sa.CheckConstraint("role in ('champion', 'before')", name="outcome_role"),
)

#: Alerts, each sent once, however many runs find it.
alert = sa.Table(
    "alert",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("classifier", sa.Text),
    sa.Column("told", JSONB, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("found_at", INSTANT, nullable=False, server_default=_now()),
    sa.Column("changed_at", INSTANT, nullable=False, server_default=_now()),
    sa.CheckConstraint("state in ('waiting', 'sent', 'suppressed')", name="alert_state"),
)

#: Times without alerts for a classifier, or for all.
mute = sa.Table(
    "mute",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("classifier", sa.Text),
    sa.Column("from_at", INSTANT, nullable=False),
    sa.Column("until_at", INSTANT, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
)

#: Each scored partition in counts, to compare nights: `observed` has its columns and scores, `label_residuals` the labels that
#: became mature with it, those of the partition `mature`, less the expectation by its scores.
sketch = sa.Table(
    "sketch",
    metadata,
    sa.Column("classifier", sa.Text, primary_key=True),
    sa.Column("partition", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("observed", JSONB, nullable=False),
    sa.Column("mature", sa.Text),
    sa.Column("label_residuals", JSONB),
)

#: A partition's metrics by labels, as known at the end of a night: the night with which the labels became mature, and every
#: later night before which some of them were corrected or came late. The last one before a time is what was known then.
realised = sa.Table(
    "realised",
    metadata,
    sa.Column("classifier", sa.Text, primary_key=True),
    sa.Column("night", sa.Text, primary_key=True),
    sa.Column("partition", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("labels", sa.BigInteger, nullable=False),
    sa.Column("metrics", JSONB, nullable=False),
    sa.Column("groups", JSONB, nullable=False),
)

monitoring = sa.Table(
    "monitoring",
    metadata,
    sa.Column("classifier", sa.Text, primary_key=True),
    sa.Column("partition", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("evidence", JSONB, nullable=False),
    sa.Column("report", sa.Text),
    sa.Column("created_at", INSTANT, nullable=False, server_default=_now()),
)

column_drift = sa.Table(
    "column_drift",
    metadata,
    sa.Column("classifier", sa.Text, primary_key=True),
    sa.Column("partition", sa.Text, primary_key=True),
    sa.Column("column", sa.Text, primary_key=True),
    sa.Column("distance", sa.Double, nullable=False),
    sa.Column("standardised", sa.Double, nullable=False),
    sa.Column("impact", sa.Double, nullable=False),
    sa.Column("null_share", sa.Double, nullable=False),
    sa.Column("unseen_share", sa.Double, nullable=False),
)

retrain_request = sa.Table(
    "retrain_request",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("classifier", sa.Text, nullable=False, index=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("as_of", INSTANT, nullable=False),
    sa.Column("history", JSONB, nullable=False),
    sa.Column("version", sa.Integer),
    sa.Column("created_at", INSTANT, nullable=False, server_default=_now()),
    sa.Column("updated_at", INSTANT, nullable=False, server_default=_now()),
    sa.CheckConstraint(
        "state in ('requested', 'waiting', 'running', 'promoted', 'kept_champion', 'failed', 'suppressed', 'held', "
        "'rejected')",
        name="retrain_request_state",
    ),
)

#: Append-only: who held automatic retraining of a classifier, or released it, when and why.
hold = sa.Table(
    "hold",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("classifier", sa.Text, nullable=False, index=True),
    sa.Column("held", sa.Boolean, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("created_at", INSTANT, nullable=False, server_default=_now()),
)

#: Batches from growing sources, each taken in once: a file by its content, or a reading of a table.
batch = sa.Table(
    "batch",
    metadata,
    sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("classifier", sa.Text, nullable=False),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("watermark", JSONB),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("arrived_at", INSTANT, nullable=False),
    sa.Column("taken_at", INSTANT, nullable=False, server_default=_now()),
    sa.Index("batch_by_origin", "classifier", "stream", "origin"),
    sa.CheckConstraint("stream in ('events', 'labels')", name="batch_stream"),
)

#: The partitions with rows of a batch, and the last delivery of these rows. The partition is due where there is none yet, or
#: where it is not the published one.
arrival = sa.Table(
    "arrival",
    metadata,
    sa.Column("batch", sa.BigInteger, sa.ForeignKey(batch.c.number), primary_key=True),
    sa.Column("partition", sa.Text, primary_key=True),
    sa.Column("classifier", sa.Text, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("delivery", sa.Text),
    sa.Index("arrival_by_partition", "classifier", "partition"),
)

#: From which files a partition's last delivery was drawn, of a source that is asked for partitions: by name, with a hash of the
#: rows. `read_as` is the fingerprint of all that decided how they were read.
origin = sa.Table(
    "origin",
    metadata,
    sa.Column("classifier", sa.Text, primary_key=True),
    sa.Column("partition", sa.Text, primary_key=True),
    sa.Column("delivery", sa.Text, nullable=False),
    sa.Column("read_as", sa.Text, nullable=False),
    sa.Column("files", JSONB, nullable=False),
)


@dataclass(frozen=True)
class Tables:
    """The tables of one classifier.

    Attributes:
        event: one row per version of an event; the current version has no `superseded_at`.
        label: one row per version of a label: `positive`, or `label` where it is not binary.
        quarantine: rows that broke a rule, as JSON in the source's own columns, with the rule.
        prediction: one row per event and bundle version. Where the label is not binary, the score is that of the likeliest
            decision, and `probabilities` has those of all classes, in the order of the version's card. `review` marks
            events for a person; it is empty where the version had no review. `reasons` explain flagged events, where the
            definition asks for them.
        seen: the rows taken in from a source that is read repeatedly: id, hash of the content, and when the id was first seen.
    """

    event: sa.Table
    label: sa.Table
    quarantine: sa.Table
    prediction: sa.Table
    seen: sa.Table


def tables_of(classifier: Classifier) -> Tables:
    """Describe the tables of a definition; create nothing."""
    own = sa.MetaData(schema=classifier.name)
    outputs = classifier.label.outputs
    columns = [sa.Column(name, COLUMN_TYPES[column.kind]) for name, column in classifier.columns.items()]
    event = sa.Table(
        "event",
        own,
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("known_at", INSTANT, primary_key=True),
        sa.Column("superseded_at", INSTANT),
        sa.Column("event_time", INSTANT, nullable=False),
        sa.Column("partition", sa.Text, nullable=False),
        sa.Column("delivery", sa.Text, nullable=False),
        *columns,
        sa.Index("event_current", "event_id", unique=True, postgresql_where=sa.text("superseded_at is null")),
        sa.Index("event_by_time", "event_time"),
    )
    label = sa.Table(
        "label",
        own,
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("known_at", INSTANT, primary_key=True),
        sa.Column(outputs.column, LABEL_TYPES[outputs.kind], nullable=False),
        sa.Column("delivery", sa.Text, nullable=False),
        sa.Index("label_by_time", "known_at"),
    )
    quarantine = sa.Table(
        "quarantine",
        own,
        sa.Column("row_hash", sa.Text, primary_key=True),
        sa.Column("partition", sa.Text, primary_key=True),
        sa.Column("occurrences", sa.BigInteger, nullable=False),
        sa.Column("broken", JSONB, nullable=False),
        sa.Column("row", JSONB, nullable=False),
        sa.Column("delivery", sa.Text, nullable=False),
        sa.Column("quarantined_at", INSTANT, nullable=False, server_default=_now()),
    )
    prediction = sa.Table(
        "prediction",
        own,
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("partition", sa.Text, nullable=False),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column("decision", LABEL_TYPES[outputs.kind], nullable=False),
        *([] if classifier.review is None else [sa.Column("review", sa.Boolean)]),
        *([sa.Column("probabilities", ARRAY(REAL), nullable=False)] if outputs.several else []),
        sa.Column("reasons", JSONB),
        sa.Index("prediction_by_partition", "partition", "version"),
    )
    seen = sa.Table(
        "seen",
        own,
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("event_time", INSTANT, nullable=False),
    )
    return Tables(event=event, label=label, quarantine=quarantine, prediction=prediction, seen=seen)


def labels_known(tables: Tables, as_of: datetime, of: sa.Select[Any] | None = None) -> sa.Select[Any]:
    """Select each event's label as known at a time.

    The columns are `event_id`, the stored label and `known_at`.

    Args:
        of: the ids of the wanted events. To join them afterwards may take minutes, because the planner has no statistics yet of
            a table that was just filled.
    """
    label = tables.label
    asked = label.c.known_at <= as_of
    return (
        sa.select(*(column for column in label.c if column.name != "delivery"))
        .distinct(label.c.event_id)
        .where(asked if of is None else asked & label.c.event_id.in_(of))
        .order_by(label.c.event_id, label.c.known_at.desc())
    )
