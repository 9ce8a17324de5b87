"""What is learnt, what it is for, and what it must pass."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from leeway.definition.value import Duration, Share, Value

HoldoutShare = Annotated[float, Field(gt=0, le=0.5)]


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
        group_tolerance: by how much shares called positive, and true and false positive rates, may differ between groups.
        trusted: features that may tell the label nearly by themselves, because they are surely known before it is.
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
    group_tolerance: Share = 0.1
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
