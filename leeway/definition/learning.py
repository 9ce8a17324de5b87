"""What is learnt, what it is for, and what it must pass."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from leeway.definition.value import Duration, Share, Value

HoldoutShare = Annotated[float, Field(gt=0, le=0.5)]


class MinimizeCost(Value):
    """The threshold that costs least.

    Attributes:
        false_positive, false_negative: what one error of either kind costs, in the same unit.
        true_positive, true_negative: what being right costs; a gain is below zero.
        missed: of a multiclass label, what it costs to miss each class; 1 where a class is not named. The decision is for the
            class that costs most to miss, its probability considered.
        matrix: the same, where it matters for what an event is taken: by the class that holds, what each decision costs, as in
            `{"fraud": {"fine": 500, "abuse": 20}}`. What is not named costs 1, and being right 0.
    """

    kind: Literal["cost"] = "cost"
    false_positive: float = Field(default=1.0, gt=0)
    false_negative: float = Field(default=1.0, gt=0)
    true_positive: float = 0.0
    true_negative: float = 0.0
    missed: Mapping[str, Annotated[float, Field(gt=0)]] = Field(default={})
    matrix: Mapping[str, Mapping[str, Annotated[float, Field(allow_inf_nan=False)]]] = Field(default={})

    @property
    def by_class(self) -> bool:
        """Whether it says what the errors of a multiclass label cost."""
        return bool(self.missed or self.matrix)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.missed and self.matrix:
            raise ValueError("missed and matrix say the same in two ways; drop one of them")
        single = {"false_positive", "false_negative", "true_positive", "true_negative"} & self.model_fields_set
        if self.by_class and single:
            raise ValueError(
                f"{', '.join(sorted(single))} are of a binary label, missed and matrix of several classes; drop one"
            )
        return self

    @model_validator(mode="after")
    def _errors_cost_more(self) -> Self:
        if self.false_positive <= self.true_negative or self.false_negative <= self.true_positive:
            raise ValueError("an error must cost more than being right about the same event")
        return self


class PrecisionFloor(Value):
    """The threshold with the highest recall among those whose precision is at least `precision`."""

    kind: Literal["precision"] = "precision"
    precision: float = Field(gt=0, lt=1)


class RecallFloor(Value):
    """The threshold with the highest precision among those whose recall is at least `recall`."""

    kind: Literal["recall"] = "recall"
    recall: float = Field(gt=0, lt=1)


class Capacity(Value):
    """The lowest threshold that calls no more than `per_day` events a day, on average: as many as somebody can look at."""

    kind: Literal["capacity"] = "capacity"
    per_day: float = Field(gt=0)


class MaximizeF1(Value):
    """The threshold with the highest harmonic mean of precision and recall.

    Of a multiclass label: weights of the classes, by which the decision is for the class whose probability is largest in
    relation to its threshold, with the highest mean of the classes' F1.
    """

    kind: Literal["f1"] = "f1"


class MaximizeFBeta(Value):
    """As `MaximizeF1`, with recall counting `beta` times as much as precision (van Rijsbergen 1979)."""

    kind: Literal["f_beta"] = "f_beta"
    beta: float = Field(gt=0, le=10)


class MostProbable(Value):
    """No threshold of its own: the most probable class; of a multilabel label, every class that is likelier than not."""

    kind: Literal["most_probable"] = "most_probable"


Objective = Annotated[
    MinimizeCost | PrecisionFloor | RecallFloor | Capacity | MaximizeF1 | MaximizeFBeta | MostProbable,
    Field(discriminator="kind"),
]
Metric = Literal["roc_auc", "average_precision", "log_loss", "precision", "recall", "f1"]


class Review(Value):
    """A band around the threshold of a binary label, in which a person decides: the rows that are nearest to it.

    Attributes:
        share: of all events, that people look at.
    """

    share: float = Field(gt=0, le=0.5)


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
        budget: how long the search and the last fit may take on two cores, by a model of what each trial costs: it decides
            how many rows the weaker trials see before they are dropped, and so the same snapshot gives the same bundle. The
            clock only ends a search that takes several times as long, and the card says so.
        trials: at most so many trials are looked at, the cheapest of each candidate first; None for all.
        latency_worth: by how many nats of log loss a trial, or a weighted ensemble of them, must be better for each multiple
            of the cheapest trial's scoring time that it takes; None for the best single trial, whatever it takes. So it is
            where `select_by` is another metric.
    """

    window: Duration | None = None
    holdout: Duration | HoldoutShare | None = None
    group: str | None = None
    folds: int = Field(default=4, ge=2, le=20)
    select_by: Literal["log_loss", "roc_auc", "average_precision"] = "log_loss"
    max_rows: int = Field(default=2_000_000, ge=100)
    search_rows: int = Field(default=100_000, ge=100)
    budget: Duration = timedelta(seconds=90)
    trials: int | None = Field(default=None, ge=1)
    latency_worth: float | None = Field(default=0.0002, ge=0)
    seed: int = 0

    @model_validator(mode="after")
    def _holdout_within_window(self) -> Self:
        if self.window is not None and isinstance(self.holdout, timedelta) and self.holdout >= self.window:
            raise ValueError(
                f"holdout {self.holdout} must be shorter than window {self.window}; nothing is left to learn"
            )
        return self


class Slice(Value):
    """Events of which a challenger may not be worse than the champion.

    Attributes:
        column: a categorical, boolean or numeric column; without more, each of its values is a slice.
        values: the events with any of these are one slice.
        at_least, below: the events whose number lies there are one slice.
    """

    column: str
    values: tuple[str | bool | float, ...] | None = Field(default=None, min_length=1)
    at_least: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        bounded = self.at_least is not None or self.below is not None
        if self.values is not None and bounded:
            raise ValueError(f"a slice of {self.column!r} is by values or by bounds; drop one of them")
        if self.at_least is not None and self.below is not None and self.at_least >= self.below:
            raise ValueError(
                f"a slice of {self.column!r} from {self.at_least} to below {self.below} is empty; swap them"
            )
        return self

    @property
    def is_whole(self) -> bool:
        """Whether each value of the column is a slice."""
        return self.values is None and self.at_least is None and self.below is None


class Gates(Value):
    """What a challenger must pass, all measured on the holdout; `docs/gates.md` says more of each.

    Attributes:
        floors: the least acceptable value by metric (the greatest, for `log_loss`). Where there are several classes, a metric
            is the mean of the classes', each held against the rest.
        calibration_error: the greatest expected calibration error; None where probabilities do not matter.
        confidence: how sure the gate must be that the challenger beats the champion, by Student's test over partitions.
        least_gain: by how much the mean log loss must fall at least, in nats.
        slices: where the challenger may not be worse than the champion, besides the columns that are marked `slice`; the
            worst ones among the features are searched for anyway.
        slice_tolerance: by what share of the champion's log loss the challenger's may be higher on a slice.
        groups: categorical or boolean columns whose values must be decided on alike, such as a person's sex. They need not be
            features.
        group_tolerance: by how much shares called positive, and true and false positive rates, may differ between groups; None
            where differences are only measured.
        trusted: features that may tell the label nearly by themselves, because they are surely known before it is: those that
            are made of no one column. Of a column its `known_at_event` says it.
        instability: by how much, on average, the probability of an event may differ between two seeds; None where it may
            differ by any amount.
        row_milliseconds, rows_per_second: the most time for one row, and the least speed for many; None for any.
        megabytes: the largest bundle; None for any.
    """

    floors: Mapping[Metric, float] = Field(default={"roc_auc": 0.55})
    calibration_error: Share | None = 0.1
    confidence: float = Field(default=0.99, gt=0.5, lt=1)
    least_gain: float = Field(default=0.0005, ge=0)
    slices: tuple[Slice, ...] = ()
    slice_tolerance: float = Field(default=0.05, ge=0)
    groups: tuple[str, ...] = ()
    group_tolerance: Share | None = 0.1
    trusted: tuple[str, ...] = ()
    instability: Share | None = 0.15
    row_milliseconds: float | None = Field(default=500.0, gt=0)
    rows_per_second: float | None = Field(default=1_000.0, gt=0)
    megabytes: float | None = Field(default=500.0, gt=0)

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
