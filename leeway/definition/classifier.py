"""A whole definition, and whether its parts fit together."""

import itertools
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Literal, Self, get_args

from pydantic import Field, model_validator

from leeway.core.outputs import Outputs
from leeway.definition.candidates import USUAL, Candidate
from leeway.definition.column import Column, Kind
from leeway.definition.cost import Costs
from leeway.definition.grains import DAY, NamedGrain
from leeway.definition.history import LABEL_AGGREGATES, History
from leeway.definition.label import Label
from leeway.definition.learning import (
    Capacity,
    Gates,
    MaximizeF1,
    MinimizeCost,
    MostProbable,
    Objective,
    PrecisionFloor,
    RecallFloor,
    Review,
    Slice,
    Training,
)
from leeway.definition.operation import DriftPolicy, Schedule
from leeway.definition.source import Source
from leeway.definition.value import Share, Value

CalendarPart = Literal["hour", "weekday", "day", "month"]

RESERVED_COLUMNS = frozenset(
    {"event_id", "event_time", "known_at", "superseded_at", "delivery", "partition", "label", "score", "decision"}
    | {"positive", "label_known_at", "at", "is_event", "hours_to_partition_end", "fold_group"}
    | {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}  # PostgreSQL's own, in every table
)
RESERVED_NAMES = frozenset({"leeway", "staging", "public", "information_schema"})  # schemas that are taken
MAX_ROW = 7_800  # bytes; PostgreSQL stores a row in one page of 8 KB, beside what every event has
MAX_IDENTIFIER = 63  # PostgreSQL cuts longer names silently, so two could become one


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
        partition: the period that every stage runs by, in UTC: `hour`, `day`, `week` (from Monday), `sunday_week` or `month`.
        empty_partitions: whether a partition may be without events, as a day on which nobody works; otherwise one without
            any is rejected, for its source may be late.
        candidates: what is tried.
        objective: where the thresholds lie, one for each class; by default `MaximizeF1`, for multiclass `MostProbable`.
        review: a band around the threshold in which a person decides, of a binary label; none by default.
        costs: what right and wrong decisions are worth to the owner; by default those of `MinimizeCost`, where that is the
            objective. Only a binary label has them.
        explain: whether the reasons of its score are stored with each event that is called something; where exactly one
            class always holds, those are all events, which takes its time.
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
    partition: NamedGrain = DAY
    empty_partitions: bool = False
    candidates: tuple[Candidate, ...] = USUAL
    objective: Objective = MaximizeF1()
    review: Review | None = None
    costs: Costs | None = None
    explain: bool = False
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

    def is_sensitive(self, feature: str) -> bool:
        """Whether a feature must not be shown: a sensitive column, or what is made of one's values."""
        return any(self.columns[name].sensitive for name in self.origins(feature))

    def is_answered(self, feature: str) -> bool:
        """Whether a person has said of all that a feature shows whether it is known when the event happens."""
        origins = self.origins(feature)
        answered = bool(origins) and all(self.columns[name].known_at_event is not None for name in origins)
        return answered or feature in self.gates.trusted

    @property
    def slices(self) -> tuple[Slice, ...]:
        """`gates.slices`, and the columns that are marked for slices."""
        fitting = ("categorical", "boolean", "numeric")
        marked = [name for name, column in self.columns.items() if column.slice and column.kind in fitting]
        declared = {item.column for item in self.gates.slices if item.is_whole}
        return (*self.gates.slices, *(Slice(column=name) for name in marked if name not in declared))

    @property
    def holdout(self) -> timedelta | float:
        """`training.holdout`, or its default."""
        if self.training.holdout is not None:
            return self.training.holdout
        return 0.2 if self.by_arrival else timedelta(days=14)

    @property
    def worth(self) -> Costs | None:
        """`costs`, or its default; None where nobody has said what decisions are worth."""
        if self.costs is None and isinstance(self.objective, MinimizeCost) and self.label.kind == "binary":
            matrix = self.objective.model_dump(include={"false_positive", "false_negative", "true_positive"})
            return Costs(**matrix)
        return self.costs

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
            *self._wrong_gates(),
        ]

    def _wrong_source(self) -> Iterator[str]:
        yield from self.source.wrong_for_events(dated=not self.by_arrival)
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
        if sum(8 if item.kind in ("numeric", "timestamp") else 1 for item in self.columns.values()) > MAX_ROW:
            yield f"a row of the database has no room for {len(self.columns)} columns; declare at most {MAX_ROW // 8} numbers"
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

    def _wrong_gates(self) -> Iterator[str]:
        kinds = {
            **dict.fromkeys((item.column for item in self.gates.slices), ("categorical", "boolean", "numeric")),
            **dict.fromkeys(self.gates.groups, ("categorical", "boolean")),
        }
        for name, fitting in kinds.items():
            if name not in self.columns:
                yield f"gates look at {name!r}, which is not in columns; declare it there, with feature=False if need be"
            elif self.columns[name].kind not in fitting:
                yield f"gates cannot tell events apart by {name!r}, {self.columns[name].kind}; use {' or '.join(fitting)}"
        if unknown := [name for name in self.gates.trusted if name not in self.features]:
            yield f"gates.trusted names {unknown}, which are no features; drop them"

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

    def _wrong_objective(self, outputs: Outputs) -> Iterator[str]:
        objective = self.objective
        by_class = isinstance(objective, MinimizeCost) and objective.by_class
        single = isinstance(objective, MinimizeCost | PrecisionFloor | RecallFloor | Capacity)
        if outputs.exclusive and single and not by_class:
            yield (
                f"objective {objective.kind!r} sets a threshold for each class by itself, but of a multiclass label "
                "exactly one class is decided for; use MostProbable or MaximizeF1, or MinimizeCost(missed=...) or (matrix=...)"
            )
        if by_class and not outputs.exclusive:
            yield "missed and matrix are of the classes of a multiclass label; give false_positive and false_negative"
        if isinstance(objective, MinimizeCost) and outputs.exclusive:
            yield from _wrong_costs(objective, outputs)
        if isinstance(objective, Capacity) and self.by_arrival:
            yield "events have no time, so nobody knows how many there are a day; use another objective than Capacity"

    def _wrong_for_label(self) -> Iterator[str]:
        outputs = self.label.outputs
        if self.costs is not None and outputs.several:
            yield "costs are of a binary decision, right or wrong; drop them"
        if self.review is not None and outputs.several:
            yield "review is a band around the one threshold of a binary label; drop it"
        if self.review is not None and "review" in self.features:
            yield "a feature may not be named 'review' beside a band of that name; rename it in the source's prepare"
        yield from self._wrong_objective(outputs)
        if counted := [item.name for item in self.history if item.aggregate in LABEL_AGGREGATES and outputs.several]:
            yield f"history {counted} counts positive labels, which only a binary label has; use another aggregate"
        if shared := sorted({*self.columns, *self.features} & {*outputs.score_columns}):
            yield f"columns may not be named as the scores of the classes, {shared}; rename them in the source's prepare"


def _wrong_costs(objective: MinimizeCost, outputs: Outputs) -> Iterator[str]:
    named = {*objective.missed, *objective.matrix, *(called for costs in objective.matrix.values() for called in costs)}
    if unknown := sorted(named - set(outputs.names)):
        yield f"the costs name {unknown}, which are no classes of the label; it has {', '.join(outputs.names)}"
    for holds, costs in objective.matrix.items():
        right = costs.get(holds, 0.0)
        if cheap := [called for called, cost in costs.items() if called != holds and cost <= right]:
            yield f"where {holds!r} holds, {cheap} would cost no more than being right, {right:g}; an error must cost more"
        if right >= 1 and len({*costs} | {holds}) < len(outputs.names):
            yield f"where {holds!r} holds, being right costs {right:g}, no less than an error that is not named; name all"
