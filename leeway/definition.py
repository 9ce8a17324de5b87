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

Grain = Literal["hour", "day", "week"]
Kind = Literal["numeric", "categorical", "boolean", "text", "timestamp", "identifier"]
Aggregate = Literal["count", "sum", "mean", "min", "max", "std", "positives", "positive_rate"]
CalendarPart = Literal["hour", "weekday", "day", "month"]
Share = Annotated[float, Field(ge=0, le=1)]
Duration = Annotated[timedelta, Field(gt=timedelta(0), strict=True)]
HoldoutShare = Annotated[float, Field(gt=0, le=0.5)]

RESERVED_COLUMNS = frozenset(
    {"event_id", "event_time", "known_at", "superseded_at", "delivery", "partition", "label", "score", "decision"}
    | {"positive", "label_known_at", "at", "is_event", "fold_group"}
    | {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}  # PostgreSQL's own, in every table
)
RESERVED_NAMES = frozenset({"leeway", "staging", "public", "information_schema"})  # schemas that are taken
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


class CSV(Value):
    """Text files by glob; every value is read as text and cast to the declared kinds by the audit.

    Attributes:
        path: a file or glob pattern, relative to the project.
        delimiter, encoding: as pandas reads them; compression follows from the file's name.
        prepare: an optional function from the raw rows to rows with the declared columns, row by row.
        timezone: the zone of event and label times that carry none.
    """

    path: str
    delimiter: str = Field(default=",", min_length=1)
    encoding: Annotated[str, AfterValidator(_codec)] = "utf-8"
    prepare: Prepare | None = None
    timezone: Timezone = "UTC"


class Parquet(Value):
    """Parquet files by glob; see `CSV` for the attributes."""

    path: str
    prepare: Prepare | None = None
    timezone: Timezone = "UTC"


class Query(Value):
    """A SQL query on a SQLAlchemy URL.

    Attributes:
        url: a SQLAlchemy URL; `${NAME}` in it is replaced from the environment, so that no secret stands in the file.
        sql: a SELECT with the parameters `:start` and `:end`, the bounds of the partition (start included).
        prepare, timezone: as for `CSV`.
    """

    url: str
    sql: str
    prepare: Prepare | None = None
    timezone: Timezone = "UTC"

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        for name in (":start", ":end"):
            if name not in self.sql:
                raise ValueError(f"sql must bound the partition by :start and :end; {name} is missing; add it to WHERE")
        return self


@runtime_checkable
class Stream(Protocol):
    """Anything that can say which rows happened between two instants."""

    def rows(self, start: datetime, end: datetime, /) -> pd.DataFrame:
        """The rows with start <= event time < end."""


class Simulator(Value):
    """A stream made by code.

    Attributes:
        stream: the object that makes the rows.
    """

    stream: Stream
    timezone: Timezone = "UTC"


Source = CSV | Parquet | Query | Simulator

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

    Attributes:
        column: the source's column that holds it; empty where it is not known yet.
        positive, negative: its two classes; any other value is quarantined.
        time: the source's column that says when the label became known.
        delay: where `time` is not given or empty, the label is known this long after the event.
        maturity: how old an event must be to be learnt from or judged by; by default `delay`, or nothing. Too short a
            maturity where one class becomes known earlier than the other biases what is learnt.
    """

    column: str
    positive: Class = True
    negative: Class = False
    time: str | None = None
    delay: timedelta | None = Field(default=None, ge=timedelta(0))
    maturity: timedelta = Field(default=timedelta(0), ge=timedelta(0))

    @model_validator(mode="before")
    @classmethod
    def _maturity_follows_delay(cls, given: Any) -> Any:
        if isinstance(given, dict) and "maturity" not in given and isinstance(given.get("delay"), timedelta):
            return {**given, "maturity": given["delay"]}
        return given

    @model_validator(mode="after")
    def _knowable(self) -> Self:
        if self.time is None and self.delay is None:
            raise ValueError("label needs time (a column) or delay (a duration), or nobody knows when it became known")
        if str(self.positive) == str(self.negative):
            raise ValueError(f"positive and negative must differ; both are {self.positive!r}")
        return self


class History(Value):
    """A rolling feature: an aggregate over the past events of the same entity, strictly before each event.

    Attributes:
        by: the column that names the entity.
        window: how far back to look.
        aggregate: `positives` and `positive_rate` count the labels that became known within the window; the others
            aggregate the events that happened within it.
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
        needs_column = self.aggregate not in ("count", "positives", "positive_rate")
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
    """The threshold with the highest harmonic mean of precision and recall."""

    kind: Literal["f1"] = "f1"


Objective = Annotated[MinimizeCost | PrecisionFloor | MaximizeF1, Field(discriminator="kind")]
Metric = Literal["roc_auc", "average_precision", "log_loss", "precision", "recall"]


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
        floors: the least acceptable value by metric (the greatest, for `log_loss`).
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
    """When the night runs: a cron line in a time zone."""

    cron: str = "0 2 * * *"
    timezone: Timezone = "UTC"

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
        event_id, event_time: the source's columns that identify and date an event. Times that carry an offset are
            honoured; times without one are in the source's `timezone`. Everything is stored in UTC.
        label: the outcome.
        columns: the columns of an event by name; columns of the source that are not named here are ignored.
        history: rolling features.
        calendar: parts of the event time, on the source's clock, that the classifier sees.
        partition: the period that every stage runs by; a week starts on Monday.
        candidates: what is tried.
        objective: where the threshold lies.
        training, gates, drift, schedule: see there.
        quarantine_limit: a delivery with a larger share of bad rows is rejected whole.
        name: the file's stem; filled in when the file is loaded.
    """

    source: Source
    event_id: str
    event_time: str
    label: Label
    columns: Mapping[str, Column]
    history: tuple[History, ...] = ()
    calendar: tuple[CalendarPart, ...] = ()
    partition: Grain = "day"
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
    def timed(self) -> bool:
        """Whether events have a time of their own, which validation then respects."""
        return self.event_time is not None

    @property
    def holdout(self) -> timedelta | float:
        """`training.holdout`, or its default."""
        if self.training.holdout is not None:
            return self.training.holdout
        return timedelta(days=14) if self.timed else 0.2

    @property
    def label_age(self) -> timedelta:
        """How old a partition must be for its labels to be held against its scores."""
        return self.label.maturity if self.drift.label_age is None else self.drift.label_age

    @property
    def source_columns(self) -> list[str]:
        """Every column that a delivery must have."""
        times = [self.label.time] if self.label.time else []
        return [self.event_id, self.event_time, *self.columns, self.label.column, *times]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if findings := [*self._wrong_names(), *self._wrong_history(), *self._wrong_training()]:
            raise ValueError(" | ".join(findings))
        return self

    def _wrong_names(self) -> Iterator[str]:
        if self.name in RESERVED_NAMES or self.name.startswith("pg_"):
            yield f"the name {self.name!r} is taken in the database; rename the file"
        special = [self.event_id, self.event_time, self.label.column, *([self.label.time] if self.label.time else [])]
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
        if not self.timed and isinstance(self.holdout, timedelta):
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


def _short(window: timedelta) -> str:
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if window.total_seconds() % seconds == 0:
            return f"{int(window.total_seconds() // seconds)}{unit}"
    return f"{int(window.total_seconds())}s"
