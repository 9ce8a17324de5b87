"""What a person declares about one classifier, as frozen and typed values.

A file `models/NAME.py` holds one `Classifier`; its stem is the classifier's name everywhere. Unknown names and impossible
combinations are refused when the file is loaded (see `leeway.catalog`).
"""

import codecs
import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Protocol, Self, get_args, runtime_checkable

import pandas as pd
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)

from leeway.outputs import LabelKind, Outputs, class_text

Grain = Literal["hour", "day", "week", "month"]
Kind = Literal["numeric", "categorical", "boolean", "text", "timestamp", "identifier"]
Aggregate = Literal["count", "sum", "mean", "min", "max", "std", "positives", "positive_rate"]
LABEL_AGGREGATES = ("positives", "positive_rate")
CalendarPart = Literal["hour", "weekday", "day", "month"]
Share = Annotated[float, Field(ge=0, le=1)]
Duration = Annotated[timedelta, Field(gt=timedelta(0), strict=True)]
HoldoutShare = Annotated[float, Field(gt=0, le=0.5)]

RESERVED_COLUMNS = frozenset(
    {"event_id", "event_time", "known_at", "superseded_at", "delivery", "partition", "label", "score", "decision"}
    | {"positive", "label_known_at", "at", "is_event", "hours_to_partition_end", "fold_group"}
    | {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}  # PostgreSQL's own, in every table
)
RESERVED_NAMES = frozenset({"leeway", "staging", "public", "information_schema"})  # schemas that are taken
MAX_CLASSES = 100  # beyond that, thresholds and calibration per class have too few rows each to mean anything
MAX_IDENTIFIER = 63  # PostgreSQL cuts longer names silently, so two could become one


def _zone(name: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"timezone {name!r} is unknown; use a name such as 'Europe/Berlin'") from error
    return name


def _codec(name: str) -> str:
    try:
        codecs.lookup(name)
    except LookupError as error:
        raise ValueError(f"encoding {name!r} is unknown; use a name such as 'utf-8' or 'latin-1'") from error
    return name


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Timezone = Annotated[str, AfterValidator(_zone)]
Class = Annotated[StrictBool | StrictInt | StrictStr, BeforeValidator(_whole)]


def days(count: float) -> timedelta:
    """`count` days."""
    return timedelta(days=count)


def hours(count: float) -> timedelta:
    """`count` hours."""
    return timedelta(hours=count)


def weeks(count: float) -> timedelta:
    """`count` weeks."""
    return timedelta(weeks=count)


class Value(BaseModel):
    """A frozen value that takes keywords only and refuses names that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


# --- where events come from -------------------------------------------------------------------------------------------

Prepare = Callable[[pd.DataFrame], pd.DataFrame]


def _time_format(text: str) -> str:
    if "%" not in text and text not in ("ISO 8601", "epoch s", "epoch ms"):
        raise ValueError(
            f"time format {text!r} must be one of strptime's, such as '%d.%m.%Y', 'ISO 8601', 'epoch s' or 'epoch ms'"
        )
    return text


TimeFormat = Annotated[str, AfterValidator(_time_format)]


class Rows(Value):
    """What every source says about its rows.

    Attributes:
        prepare: a function, or several in turn, from the raw rows to rows with the declared columns, row by row: it sees a
            part of a file at a time, indexed by the rows' position in the file.
        timezone: the zone of times that carry none.
        missing: how a missing value is written, beside the blank.
        time_formats: by column, how times are written: `strptime` formats, tried in order, "ISO 8601", "epoch s" or
            "epoch ms". By default ISO 8601.
    """

    prepare: Prepare | tuple[Prepare, ...] | None = None
    timezone: Timezone = "UTC"
    missing: tuple[str, ...] = ()
    time_formats: Mapping[str, TimeFormat | tuple[TimeFormat, ...]] = {}

    def formats(self, column: str) -> tuple[str, ...]:
        """The declared formats of a column of times."""
        declared = self.time_formats.get(column, ())
        return (declared,) if isinstance(declared, str) else declared


class Text(Rows):
    """How text files are written; every value is read as text and cast to the declared kinds by the audit.

    Attributes:
        delimiter, encoding, quote: as the file has them; compression (gz, bz2, xz, zip) follows from the file's name.
        header: the columns' names, where the file's first line is a row already.
    """

    delimiter: str = Field(default=",", min_length=1)
    encoding: Annotated[str, AfterValidator(_codec)] = "utf-8"
    quote: str = Field(default='"', min_length=1, max_length=1)
    header: tuple[str, ...] | None = Field(default=None, min_length=1)


class CSV(Text):
    """Text files by glob.

    Attributes:
        path: a file or glob pattern, relative to the project.
    """

    path: str


class Parquet(Rows):
    """Parquet files.

    Attributes:
        path: a file, a glob pattern or a folder, relative to the project; in a folder, `name=value` in the path is a column.
    """

    path: str


class Folder(Text):
    """A folder that files appear in. Each is taken once, by its content, and may be removed when it has been.

    A file may have rows of several partitions, late ones too. Where a later file repeats an event's id, it corrects it.

    Attributes:
        path: the folder, relative to the project.
        pattern: which files of it, as a glob.
        format: what they are; the attributes of text are for `csv`.
        settle: a file that was changed within this time is waited for, and left for the next time if it is changed again.
    """

    path: str
    pattern: str = Field(default="*", min_length=1)
    format: Literal["csv", "parquet"] = "csv"
    settle: timedelta = Field(default=timedelta(seconds=2), ge=timedelta(0), le=timedelta(minutes=10))


class Query(Rows):
    """A SQL query on a SQLAlchemy URL.

    Attributes:
        url: a SQLAlchemy URL; `${NAME}` in it is replaced from the environment, so that no secret stands in the file.
        sql: a SELECT with the parameters `:start` and `:end`, the bounds of the partition (start included). Where events
            have no time, all of it is read each time, and what is new has arrived then.
    """

    url: str
    sql: str

    @property
    def bounded(self) -> bool:
        """Whether it asks for a period."""
        return ":start" in self.sql and ":end" in self.sql


class Table(Rows):
    """A growing SQL table, of which each night reads what is new or changed.

    Attributes:
        url: as for `Query`.
        table: its name, `schema.table` where it needs one.
        watermark: the column that grows with every new or changed row: a time of change, or a growing number.
        overlap: how far before the highest watermark seen the next reading starts, for rows that were committed late: a
            duration, or a difference of numbers.
    """

    url: str
    table: str = Field(min_length=1)
    watermark: str = Field(min_length=1)
    overlap: Annotated[timedelta, Field(ge=timedelta(0))] | Annotated[StrictInt, Field(ge=0)] | None = None


@runtime_checkable
class Stream(Protocol):
    """Anything that can say which rows happened between two instants."""

    def rows(self, start: datetime, end: datetime, /) -> pd.DataFrame:
        """The rows with start <= event time < end."""


class Simulator(Rows):
    """A stream made by code.

    Attributes:
        stream: the object that makes the rows.
    """

    stream: Stream


Source = CSV | Parquet | Folder | Query | Table | Simulator

# --- what a row means -------------------------------------------------------------------------------------------------


class Column(Value):
    """One column of an event.

    Attributes:
        kind: numeric and boolean columns become numbers, categorical ones codes, texts weights of words and characters,
            timestamps parts of the calendar and days between them; identifiers only join and group.
        sensitive: never shown in a report, a log or an artifact, and no feature unless `feature` says so.
        feature: whether the classifier sees it; by default all but identifiers and sensitive columns.
        slice: marked for slices: metrics are also told for each of its values.
        unit: what stands before or after a number, such as "€"; a number without it is read as well.
        thousands, decimal: what separates the groups of a number's digits, and its fraction.
    """

    kind: Kind
    sensitive: bool = False
    feature: bool | None = None
    slice: bool = False
    unit: str | None = Field(default=None, pattern=r"^[^\d\s.,+-](.*\S)?$")
    thousands: Literal[",", ".", " ", "'", "’", "_"] | None = None
    decimal: Literal[".", ","] = "."

    @property
    def is_feature(self) -> bool:
        """Whether the classifier sees this column."""
        if self.feature is None:
            return self.kind != "identifier" and not self.sensitive
        return self.feature

    @model_validator(mode="after")
    def _identifier_is_no_feature(self) -> Self:
        if self.kind == "identifier" and self.feature:
            raise ValueError("an identifier cannot be a feature; declare it categorical, or drop feature=True")
        if self.kind == "identifier" and self.slice:
            raise ValueError("an identifier cannot be a slice; declare it categorical, or drop slice=True")
        return self

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.kind != "numeric" and (self.unit, self.thousands, self.decimal) != (None, None, "."):
            raise ValueError(f"unit, thousands and decimal are for numbers; drop them from the {self.kind} column")
        if self.thousands == self.decimal:
            raise ValueError(f"thousands and decimal must differ; both are {self.decimal!r}")
        return self


def numeric(
    *,
    sensitive: bool = False,
    feature: bool | None = None,
    slice: bool = False,
    unit: str | None = None,
    thousands: Literal[",", ".", " ", "'", "’", "_"] | None = None,
    decimal: Literal[".", ","] = ".",
) -> Column:
    """A column of numbers; `unit`, `thousands` and `decimal` say how they are written: "1.234,50 €"."""
    return Column(
        kind="numeric",
        sensitive=sensitive,
        feature=feature,
        slice=slice,
        unit=unit,
        thousands=thousands,
        decimal=decimal,
    )


def categorical(*, sensitive: bool = False, feature: bool | None = None, slice: bool = False) -> Column:
    """A column with a limited set of values."""
    return Column(kind="categorical", sensitive=sensitive, feature=feature, slice=slice)


def boolean(*, sensitive: bool = False, feature: bool | None = None, slice: bool = False) -> Column:
    """A column of yes and no."""
    return Column(kind="boolean", sensitive=sensitive, feature=feature, slice=slice)


def text(*, sensitive: bool = False, feature: bool | None = None, slice: bool = False) -> Column:
    """A column of free text: its words and characters are learnt from."""
    return Column(kind="text", sensitive=sensitive, feature=feature, slice=slice)


def timestamp(*, sensitive: bool = False, feature: bool | None = None, slice: bool = False) -> Column:
    """A column of dates or times: parts of the calendar and the days between any two of them are learnt from."""
    return Column(kind="timestamp", sensitive=sensitive, feature=feature, slice=slice)


def identifier(*, sensitive: bool = False) -> Column:
    """A column that names an entity: to group history by, not to learn from."""
    return Column(kind="identifier", sensitive=sensitive)


class Label(Value):
    """The outcome of an event.

    Binary with `column`, `positive` and `negative`; multiclass with `column` and `classes`; multilabel, where any number of
    classes hold for an event, with `columns`, or with `column`, `classes` and `separator`.

    Attributes:
        column: the source's column that holds it; empty where it is not known yet.
        columns: the source's columns that say of one class each whether it holds, by yes and no or 1 and 0; they name the
            classes. All are empty where the label is not known yet.
        positive, negative: the two classes of a binary label; any other value is quarantined.
        classes: the classes of a multiclass or multilabel label, at most 100; any other value is quarantined.
        separator: what stands between the classes of one event, spaces aside. A separator alone says that none holds.
        time: the source's column that says when the label became known.
        delay: where `time` is not given or empty, the label is known this long after the event.
        maturity: how old an event must be to be learnt from or judged by; by default `delay`, or nothing. Too short a
            maturity where one class becomes known earlier than the other biases what is learnt.
        source: where labels come from, if not with the events; a label whose `time` is not given or empty is known from
            when it was first read.
        key: the column of `source` that holds the event's id.
    """

    column: str | None = None
    columns: tuple[str, ...] = ()
    positive: Class = True
    negative: Class = False
    classes: tuple[Class, ...] = ()
    separator: str | None = Field(default=None, min_length=1)
    time: str | None = None
    delay: timedelta | None = Field(default=None, ge=timedelta(0))
    maturity: timedelta = Field(default=timedelta(0), ge=timedelta(0))
    source: Source | None = None
    key: str | None = None

    @property
    def kind(self) -> LabelKind:
        """How many of its classes hold for an event: one of two, one of several, or any number."""
        if self.columns or self.separator is not None:
            return "multilabel"
        return "multiclass" if self.classes else "binary"

    @property
    def outputs(self) -> Outputs:
        """What a classifier of this label gives probabilities of."""
        named = self.columns or self.classes or (self.positive,)
        return Outputs(self.kind, tuple(class_text(name) for name in named))

    @property
    def source_columns(self) -> tuple[str, ...]:
        """The source's columns that hold it, its time aside."""
        return self.columns if self.column is None else (self.column,)

    @model_validator(mode="before")
    @classmethod
    def _maturity_follows_delay(cls, given: Any) -> Any:
        if isinstance(given, dict) and "maturity" not in given and isinstance(given.get("delay"), timedelta):
            return {**given, "maturity": given["delay"]}
        return given

    @model_validator(mode="after")
    def _knowable(self) -> Self:
        if (self.source is None) != (self.key is None):
            raise ValueError("a label from its own source needs both source and key, the column with the event's id")
        if self.source is not None and self.delay is not None:
            raise ValueError(
                "a label from its own source takes no delay; name its time, and how long to wait in maturity"
            )
        if isinstance(self.source, Query) and not self.source.bounded:
            raise ValueError("sql of labels must be bounded by :start and :end, between which they became known")
        if self.source is None and self.time is None and self.delay is None:
            raise ValueError("label needs time (a column) or delay (a duration), or nobody knows when it became known")
        if findings := [*self._wrong_shape(), *self._wrong_classes()]:
            raise ValueError(" | ".join(findings))
        return self

    def _wrong_shape(self) -> Iterator[str]:
        if (self.column is None) == (not self.columns):
            yield "label needs either column, or columns for one class each; give one of them"
        if self.columns and (self.classes or self.separator):
            yield "columns name the classes themselves; drop classes and separator"
        if self.separator is not None and not self.classes:
            yield "separator needs classes; name them"
        if (self.classes or self.columns) and (two := sorted({"positive", "negative"} & self.model_fields_set)):
            yield f"{' and '.join(two)} are of a binary label; drop them, or drop classes and columns"

    def _wrong_classes(self) -> Iterator[str]:
        if self.kind == "binary":
            if class_text(self.positive) == class_text(self.negative):
                yield f"positive and negative must differ; both are {self.positive!r}"
            return
        names = self.outputs.names
        if not 2 <= len(names) <= MAX_CLASSES:
            yield f"there must be 2 to {MAX_CLASSES} classes, not {len(names)}; for a single one use positive and negative"
        if twice := sorted({name for name in names if names.count(name) > 1}):
            yield f"classes must differ, as they are written at the source; {twice} is there twice"
        if any(not name or "\0" in name for name in names):
            yield "a class must have a name, without zero bytes; an empty value is a label that is not known yet"
        if self.separator is not None and (split := [name for name in names if self.separator in name]):
            yield f"the separator {self.separator!r} must not be part of a class; it is of {split}"


class History(Value):
    """A rolling feature: an aggregate over the past events of the same entity, strictly before each event.

    Attributes:
        by: the column that names the entity.
        window: how far back to look.
        aggregate: `positives` and `positive_rate` count the labels that became known within the window; the others
            aggregate the events that happened within it. Both are of binary labels only.
        over: the numeric column to aggregate; not for `count`, `positives`, `positive_rate`.
    """

    by: str
    window: Duration
    aggregate: Aggregate = "count"
    over: str | None = None

    @property
    def name(self) -> str:
        """The feature's name, such as `card_id_mean_amount_30d`."""
        parts = [self.by, self.aggregate, self.over, _short(self.window)]
        return "_".join(part for part in parts if part)

    @model_validator(mode="after")
    def _over_where_needed(self) -> Self:
        needs_column = self.aggregate not in ("count", *LABEL_AGGREGATES)
        if needs_column and self.over is None:
            raise ValueError(f"aggregate {self.aggregate!r} needs over=COLUMN; name a numeric column")
        if not needs_column and self.over is not None:
            raise ValueError(f"aggregate {self.aggregate!r} takes no over, got {self.over!r}; drop it")
        return self


# --- what is learnt, and what it is for -------------------------------------------------------------------------------


class Logistic(Value):
    """Regularised logistic regression on scaled numbers and one-hot categories; every `C` is tried."""

    kind: Literal["logistic"] = "logistic"
    C: tuple[Annotated[float, Field(gt=0)], ...] = Field(default=(0.03, 1.0), min_length=1)
    class_weight: Literal["balanced"] | None = None


class Boosting(Value):
    """Histogram gradient boosting on numbers and sets of categories; every combination of the tuples is tried.

    Attributes:
        max_iter: the most iterations; fewer where the folds' log loss no longer falls, or where there are many classes,
            each of which is a tree in every iteration.
    """

    kind: Literal["boosting"] = "boosting"
    learning_rate: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(default=(0.08,), min_length=1)
    max_leaf_nodes: tuple[Annotated[int, Field(ge=2)], ...] = Field(default=(15, 31), min_length=1)
    max_iter: int = Field(default=300, ge=1)
    min_samples_leaf: int = Field(default=30, ge=1)
    l2_regularization: float = Field(default=1.0, ge=0)


Candidate = Annotated[Logistic | Boosting, Field(discriminator="kind")]


class MinimizeCost(Value):
    """The threshold that costs least.

    Attributes:
        false_positive, false_negative: what one error of either kind costs, in the same unit.
    """

    kind: Literal["cost"] = "cost"
    false_positive: float = Field(default=1.0, gt=0)
    false_negative: float = Field(default=1.0, gt=0)


class PrecisionFloor(Value):
    """The threshold with the highest recall among those whose precision is at least `precision`."""

    kind: Literal["precision"] = "precision"
    precision: float = Field(gt=0, lt=1)


class MaximizeF1(Value):
    """The threshold with the highest harmonic mean of precision and recall.

    Of a multiclass label: weights of the classes, by which the decision is for the class whose probability is largest in
    relation to its threshold, with the highest mean of the classes' F1.
    """

    kind: Literal["f1"] = "f1"


class MostProbable(Value):
    """No threshold of its own: the most probable class; of a multilabel label, every class that is likelier than not."""

    kind: Literal["most_probable"] = "most_probable"


Objective = Annotated[MinimizeCost | PrecisionFloor | MaximizeF1 | MostProbable, Field(discriminator="kind")]
Metric = Literal["roc_auc", "average_precision", "log_loss", "precision", "recall", "f1"]


class Training(Value):
    """What a bundle learns from, and how its validation is like its use.

    Attributes:
        window: how far back the snapshot reaches; everything by default.
        holdout: what nothing sees before the gates: a duration back from the newest labelled event's day, or a share of the
            rows, the most recent ones where events have a time, stratified by class where they have none. By default two
            weeks, or a fifth of events without a time.
        group: the column that names an entity; no entity that was learnt from is validated on, so that the metrics are
            those of entities never seen before.
        folds: folds of the development part: in the order of time where events have one, else stratified by class.
        select_by: the metric that chooses between candidates, on out-of-fold scores.
        max_rows: the snapshot keeps at most this many of the most recent rows.
        search_rows: the search looks at no more than this many rows, the most recent ones or a stratified sample; the
            chosen candidate then learns from all.
    """

    window: Duration | None = None
    holdout: Duration | HoldoutShare | None = None
    group: str | None = None
    folds: int = Field(default=4, ge=2, le=20)
    select_by: Literal["log_loss", "roc_auc", "average_precision"] = "log_loss"
    max_rows: int = Field(default=2_000_000, ge=100)
    search_rows: int = Field(default=100_000, ge=100)
    seed: int = 0

    @model_validator(mode="after")
    def _holdout_within_window(self) -> Self:
        if self.window is not None and isinstance(self.holdout, timedelta) and self.holdout >= self.window:
            raise ValueError(
                f"holdout {self.holdout} must be shorter than window {self.window}; nothing is left to learn"
            )
        return self


class Gates(Value):
    """What a challenger must pass, all measured on the holdout.

    Attributes:
        floors: the least acceptable value by metric (the greatest, for `log_loss`). Where there are several classes, a metric
            is the mean of the classes', each held against the rest.
        calibration_error: the greatest expected calibration error; None where probabilities do not matter.
        confidence: how sure the gate must be that the challenger beats the champion, by a bootstrap over partitions.
    """

    floors: Mapping[Metric, float] = Field(default={"roc_auc": 0.55})
    calibration_error: Share | None = 0.1
    confidence: float = Field(default=0.95, gt=0.5, lt=1)

    @model_validator(mode="after")
    def _some_floor(self) -> Self:
        if not self.floors:
            raise ValueError("floors must name at least one metric, or the first champion is promoted unseen")
        if beyond := [f"{name}={floor}" for name, floor in self.floors.items() if not self._reachable(name, floor)]:
            raise ValueError(
                f"floors no model can meet, or every model meets: {', '.join(beyond)}; all lie within 0 and 1"
            )
        return self

    @staticmethod
    def _reachable(name: str, floor: float) -> bool:
        return floor > 0 if name == "log_loss" else 0 <= floor <= 1


class DriftPolicy(Value):
    """When drift is a breach, and what follows.

    Attributes:
        quantile: a partition drifts when its largest standardised distance exceeds this quantile of the reference
            partitions' own.
        tolerance: the smallest harm worth acting on: how far scores lie from labels along a column, as a root mean
            square, in standard deviations of the label.
        confirm: harm must be seen in `confirm` of the last `among` partitions.
        cooldown: after a retrain is requested, no other is for this long.
        reference: a partition is held against at most this many of the most recent ones before the training.
        label_age: how old a partition must be for its labels to be held against its scores, the same in the reference and
            every night; by default the label's maturity. Labels that are known later than that do not count.
        min_reference: with fewer reference partitions than this, the monitor watches and never acts.
        retrain: `auto` starts the retraining by itself, `hold` waits for a person, `never` only reports.
    """

    quantile: float = Field(default=0.99, gt=0.5, lt=1)
    tolerance: float = Field(default=0.1, ge=0)
    confirm: int = Field(default=2, ge=1)
    among: int = Field(default=3, ge=1)
    cooldown: Duration = timedelta(days=7)
    label_age: timedelta | None = Field(default=None, ge=timedelta(0))
    reference: int = Field(default=60, ge=3)
    min_reference: int = Field(default=8, ge=3)
    retrain: Literal["auto", "hold", "never"] = "auto"

    @model_validator(mode="after")
    def _confirmable(self) -> Self:
        if self.confirm > self.among:
            raise ValueError(f"confirm={self.confirm} of among={self.among} can never happen; confirm must be <= among")
        return self


class Schedule(Value):
    """When the night runs: a cron line in a time zone.

    Attributes:
        catch_up: how far back a night makes up for nights that were missed.
    """

    cron: str = "0 2 * * *"
    timezone: Timezone = "UTC"
    catch_up: timedelta = Field(default=timedelta(days=14), ge=timedelta(0))

    @model_validator(mode="after")
    def _parses(self) -> Self:
        from cronsim import CronSim, CronSimError

        try:
            CronSim(self.cron, datetime(2000, 1, 1))
        except CronSimError as error:
            raise ValueError(f"cron {self.cron!r} is not a cron line ({error}); for example '0 2 * * *'") from error
        return self


class Classifier(Value):
    """One declared classification problem.

    Attributes:
        source: where events come from.
        event_id: the source's column that identifies an event. Without one, its content does (time and columns, not the
            label), with the number of its occurrence in the delivery: exact duplicates are all kept, delivering them again
            does not double them, and what changes is another event, which takes the former's place in its partition.
        event_time: the source's column that dates an event; without one, it is when the row first arrived. Times that
            carry an offset are honoured; times without one are in the source's `timezone`. All is stored in UTC.
        label: the outcome.
        columns: the columns of an event by name; columns of the source that are not named here are ignored.
        history: rolling features.
        calendar: parts of the event time, on the source's clock, that the classifier sees.
        partition: the period that every stage runs by, in UTC; a week starts on Monday.
        empty_partitions: whether a partition may be without events, as a day on which nobody works; otherwise one without
            any is rejected, for its source may be late.
        candidates: what is tried.
        objective: where the thresholds lie, one for each class; by default `MaximizeF1`, for multiclass `MostProbable`.
        training, gates, drift, schedule: see there.
        quarantine_limit: a delivery with a larger share of bad rows is rejected whole.
        name: the file's stem; filled in when the file is loaded.
    """

    source: Source
    event_id: str | None = None
    event_time: str | None = None
    label: Label
    columns: Mapping[str, Column]
    history: tuple[History, ...] = ()
    calendar: tuple[CalendarPart, ...] = ()
    partition: Grain = "day"
    empty_partitions: bool = False
    candidates: tuple[Candidate, ...] = (Logistic(), Boosting())
    objective: Objective = MaximizeF1()
    training: Training = Training()
    gates: Gates = Gates()
    drift: DriftPolicy = DriftPolicy()
    schedule: Schedule = Schedule()
    quarantine_limit: Share = 0.2
    name: str = Field(default="", pattern=r"^([a-z][a-z0-9_]{0,39})?$")

    @property
    def features(self) -> dict[str, Kind]:
        """Every feature the classifier sees, with its kind, in a fixed order."""
        own: dict[str, Kind] = {
            name: column.kind
            for name, column in self.columns.items()
            if column.is_feature and column.kind != "timestamp"
        }
        derived = [*self.calendar_features, *self.spans, *(item.name for item in self.history)]
        return own | dict.fromkeys(derived, "numeric")

    @property
    def timestamps(self) -> list[str]:
        """The timestamp columns that features are made of."""
        return [name for name, column in self.columns.items() if column.is_feature and column.kind == "timestamp"]

    @property
    def calendar_features(self) -> dict[str, tuple[str | None, CalendarPart]]:
        """The features that are parts of the calendar: of which timestamp column (None: the event time), and which part."""
        event: dict[str, tuple[str | None, CalendarPart]] = {f"event_{part}": (None, part) for part in self.calendar}
        return event | {f"{name}_{part}": (name, part) for name in self.timestamps for part in get_args(CalendarPart)}

    @property
    def spans(self) -> dict[str, tuple[str | None, str]]:
        """The features that are days from one of an event's times to another: from which (None: the event time), to which."""
        event: dict[str, tuple[str | None, str]] = {
            f"days_from_event_to_{name}": (None, name) for name in self.timestamps
        }
        return event | {f"days_from_{a}_to_{b}": (a, b) for a, b in itertools.combinations(self.timestamps, 2)}

    def origins(self, feature: str) -> set[str]:
        """The columns whose values a feature shows: itself, what it aggregates, or the times it is made of."""
        derived: dict[str, tuple[str | None, ...]] = {item.name: (item.over,) for item in self.history}
        derived |= self.spans | {name: (column,) for name, (column, _) in self.calendar_features.items()}
        return {name for name in derived.get(feature, (feature,)) if name is not None and name in self.columns}

    @property
    def holdout(self) -> timedelta | float:
        """`training.holdout`, or its default."""
        if self.training.holdout is not None:
            return self.training.holdout
        return 0.2 if self.by_arrival else timedelta(days=14)

    @property
    def label_age(self) -> timedelta:
        """How old a partition must be for its labels to be held against its scores."""
        return self.label.maturity if self.drift.label_age is None else self.drift.label_age

    @property
    def source_columns(self) -> list[str]:
        """Every column that a delivery must have."""
        times = [self.label.time] if self.label.time else []
        label = [*self.label.source_columns, *times] if self.label.source is None else []
        return [name for name in (self.event_id, self.event_time, *self.columns, *label) if name is not None]

    @property
    def id_column(self) -> str:
        """The column of a delivery's checked rows that identifies an event."""
        return self.event_id or "event_id"

    @property
    def time_column(self) -> str:
        """The column of a delivery that dates an event."""
        return self.event_time or "event_time"

    @property
    def by_arrival(self) -> bool:
        """Whether an event's time is that of its arrival."""
        return self.event_time is None

    @model_validator(mode="before")
    @classmethod
    def _objective_follows_label(cls, given: Any) -> Any:
        label = given.get("label") if isinstance(given, dict) else None
        if isinstance(label, Label) and label.kind == "multiclass" and "objective" not in given:
            return {**given, "objective": MostProbable()}
        return given

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if findings := self.contradictions():
            raise ValueError(" | ".join(findings))
        return self

    def contradictions(self) -> list[str]:
        """What does not fit together, each in words; nothing once the definition is loaded."""
        return [
            *self._wrong_source(),
            *self._wrong_names(),
            *self._wrong_history(),
            *self._wrong_for_label(),
            *self._wrong_training(),
        ]

    def _wrong_source(self) -> Iterator[str]:
        if isinstance(self.source, Query) and not self.by_arrival and not self.source.bounded:
            yield "sql must bound the partition by :start and :end; add them to WHERE, or leave out event_time"
        if isinstance(self.source, Simulator) and self.by_arrival:
            yield "a simulator's events happen at a time; name its column in event_time"
        if self.label.source is not None and self.event_id is None:
            yield "labels from their own source find their events by id; name its column in event_id"

    def _wrong_names(self) -> Iterator[str]:
        if self.name in RESERVED_NAMES or self.name.startswith("pg_"):
            yield f"the name {self.name!r} is taken in the database; rename the file"
        named = (self.event_id, self.event_time, *self.label.source_columns, self.label.time)
        special = [name for name in named if name is not None]
        if twice := {name for name in special if special.count(name) > 1}:
            yield f"event_id, event_time, label and label time must be different columns; {sorted(twice)} is not"
        if both := sorted(set(self.columns) & set(special)):
            yield f"columns must not repeat the id, time or label; drop {both} from columns"
        if reserved := sorted(set(self.columns) & RESERVED_COLUMNS):
            yield f"columns may not be named {reserved}, Leeway's own; rename them in the source's prepare"
        derived = [*self.calendar_features, *self.spans]
        if parts := sorted(set(self.columns) & set(derived)):
            yield f"columns may not be named as the calendar's parts or spans, {parts}; rename them in the source's prepare"
        if self.calendar and "event" in self.timestamps:
            yield "a timestamp column may not be named 'event' beside calendar; rename it in the source's prepare"
        names = [*self.columns, *self.features]
        if long := sorted({name for name in names if not name or len(name.encode()) > MAX_IDENTIFIER}):
            yield f"names must have 1 to {MAX_IDENTIFIER} bytes; rename {long}"
        if not self.features:
            yield "there is no feature to learn from; declare a column that is no identifier"
        if not self.candidates:
            yield "candidates must not be empty; leave it out for the defaults"

    def _wrong_training(self) -> Iterator[str]:
        group = self.training.group
        if group is not None and group not in self.columns:
            yield f"training.group {group!r} is not in columns; declare it there, as an identifier or categorical"
        elif group is not None and self.columns[group].kind not in ("identifier", "categorical"):
            yield f"training.group {group!r} must name an entity, not a {self.columns[group].kind}; declare an identifier"
        if self.by_arrival and isinstance(self.holdout, timedelta):
            yield "events have no time, so the holdout cannot be a duration; give a share, such as training.holdout=0.2"

    def _wrong_history(self) -> Iterator[str]:
        seen = {*self.columns, *self.calendar_features, *self.spans}
        for item in self.history:
            for name in (item.by, item.over):
                if name is not None and name not in self.columns:
                    yield f"history {item.name!r} uses {name!r}, which is not in columns; declare it there"
            over = self.columns.get(item.over) if item.over is not None else None
            if over is not None and over.kind not in ("numeric", "boolean"):
                yield f"history {item.name!r} aggregates {item.over!r}, which is not numeric; use count instead"
            if item.name in seen:
                yield f"history {item.name!r} is declared twice; keep one"
            seen.add(item.name)

    def _wrong_for_label(self) -> Iterator[str]:
        outputs = self.label.outputs
        if outputs.exclusive and isinstance(self.objective, MinimizeCost | PrecisionFloor):
            yield (
                f"objective {self.objective.kind!r} sets a threshold for each class by itself, but of a multiclass label "
                "exactly one class is decided for; use MostProbable or MaximizeF1"
            )
        if counted := [item.name for item in self.history if item.aggregate in LABEL_AGGREGATES and outputs.several]:
            yield f"history {counted} counts positive labels, which only a binary label has; use another aggregate"
        if shared := sorted({*self.columns, *self.features} & {*outputs.score_columns}):
            yield f"columns may not be named as the scores of the classes, {shared}; rename them in the source's prepare"


def _short(window: timedelta) -> str:
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if window.total_seconds() % seconds == 0:
            return f"{int(window.total_seconds() // seconds)}{unit}"
    return f"{int(window.total_seconds())}s"
