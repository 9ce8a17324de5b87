"""What is learnt, what it is for, and what it must pass."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from leeway.definition.value import Duration, Share, Value

HoldoutShare = Annotated[float, Field(gt=0, le=0.5)]


Rate = Annotated[float, Field(gt=0, le=1)]


class Logistic(Value):
    """Regularised logistic regression on scaled numbers and one-hot categories; every combination of the tuples is tried.

    Attributes:
        C: how weakly it is regularised.
        l1_ratio: 0 is ridge regression's penalty (L2), 1 the lasso's (L1), which leaves columns out; between them elastic net.
    """

    kind: Literal["logistic"] = "logistic"
    C: tuple[Annotated[float, Field(gt=0)], ...] = Field(default=(0.03, 1.0), min_length=1)
    l1_ratio: tuple[Share, ...] = Field(default=(0.0,), min_length=1)
    class_weight: Literal["balanced"] | None = None


class Boosting(Value):
    """Histogram gradient boosting on numbers and categories; every combination of the tuples is tried.

    Attributes:
        categories: whether a split takes any set of a column's categories (`sets`), which sooner learns many by heart, or cuts
            their list, ordered by name, in two (`ordered`).
        max_iter: the most iterations; fewer where the folds' log loss no longer falls, or where there are many classes,
            each of which is a tree in every iteration.
        max_features: the share of columns, drawn anew, that each split chooses among.
    """

    kind: Literal["boosting"] = "boosting"
    categories: Literal["sets", "ordered"] = "sets"
    learning_rate: tuple[Rate, ...] = Field(default=(0.08,), min_length=1)
    max_leaf_nodes: tuple[Annotated[int, Field(ge=2)], ...] = Field(default=(15, 31), min_length=1)
    max_iter: int = Field(default=300, ge=1)
    min_samples_leaf: int = Field(default=30, ge=1)
    l2_regularization: float = Field(default=1.0, ge=0)
    max_features: Rate = 1.0
    class_weight: Literal["balanced"] | None = None


class ExtraTrees(Value):
    """Extremely randomised trees on numbers and codes of categories; every `min_samples_leaf` is tried.

    Attributes:
        min_samples_leaf: rows that a leaf has at least; the fewer, the larger the bundle.
        max_features: the share of columns that each split chooses among.
    """

    kind: Literal["extra_trees"] = "extra_trees"
    n_estimators: int = Field(default=200, ge=1)
    min_samples_leaf: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(5, 20), min_length=1)
    max_features: Rate = 0.5
    class_weight: Literal["balanced"] | None = None


class LightGBM(Value):
    """LightGBM's gradient boosting; every combination of the tuples is tried. It needs `pip install leeway[lightgbm]`.

    Attributes:
        max_iter: the most iterations; fewer where the folds' log loss no longer falls.
        subsample, colsample: the share of rows and of columns, drawn anew, that each tree learns from.
    """

    kind: Literal["lightgbm"] = "lightgbm"
    learning_rate: tuple[Rate, ...] = Field(default=(0.05,), min_length=1)
    num_leaves: tuple[Annotated[int, Field(ge=2)], ...] = Field(default=(15, 63), min_length=1)
    max_iter: int = Field(default=800, ge=1)
    min_child_samples: int = Field(default=30, ge=1)
    reg_lambda: float = Field(default=1.0, ge=0)
    subsample: Rate = 0.7
    colsample: Rate = 0.6
    class_weight: Literal["balanced"] | None = None


class Estimator(Value):
    """A classifier of your own with scikit-learn's interface, such as `Estimator(path="mine.boosting.Slow")`.

    It is tried in a process of its own, which is ended when it takes longer than its share of the budget. The types that its
    bundle holds must be on the host's list, in `LEEWAY_TRUSTED_TYPES`.

    Attributes:
        path: package, module and class.
        parameters: what it is made with; `random_state` is the training's seed where it has one and none is given here.
        sees: scaled numbers and one-hot categories (`linear`), the same for a class that takes no sparse matrix (`dense`), or
            numbers and codes with gaps as NaN (`trees`).
    """

    kind: Literal["estimator"] = "estimator"
    path: str = Field(pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)+$")
    parameters: Mapping[str, Any] = Field(default={})
    sees: Literal["linear", "dense", "trees"] = "linear"


Candidate = Annotated[Logistic | Boosting | ExtraTrees | LightGBM | Estimator, Field(discriminator="kind")]

#: What is tried where nothing is declared: lines, and trees that are found fast or with patience.
USUAL: tuple[Candidate, ...] = (
    Logistic(C=(0.03, 1.0)),
    Boosting(
        learning_rate=(0.1,),
        max_leaf_nodes=(7, 15, 31),
        max_iter=800,
        max_features=0.5,
        min_samples_leaf=5,
        l2_regularization=0.3,
        categories="ordered",
    ),
    Boosting(
        learning_rate=(0.05,),
        max_leaf_nodes=(7, 31, 63),
        max_iter=800,
        max_features=0.25,
        min_samples_leaf=10,
    ),
)


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
