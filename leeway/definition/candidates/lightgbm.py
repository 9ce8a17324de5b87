"""LightGBM's gradient boosting."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from leeway.definition.candidates.candidate import BaseCandidate, Rate


class LightGBM(BaseCandidate):
    """LightGBM's gradient boosting; every combination of the tuples is tried. It needs `pip install leeway[lightgbm]`.

    Attributes:
        max_iter: the most iterations; fewer where the folds' log loss no longer falls.
        subsample, colsample: the share of rows and of columns, drawn anew, that each tree learns from.
    """

    kind: Literal["lightgbm"] = "lightgbm"
    # The booster is LightGBM's own text format within; the ordered dict holds the names of its scores.
    trusted: ClassVar[frozenset[str]] = frozenset(
        {"lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier", "collections.OrderedDict"}
    )
    extra: ClassVar[str | None] = "lightgbm"
    libraries: ClassVar[tuple[str, ...]] = ("lightgbm",)
    learning_rate: tuple[Rate, ...] = Field(default=(0.05,), min_length=1)
    num_leaves: tuple[Annotated[int, Field(ge=2)], ...] = Field(default=(15, 63), min_length=1)
    max_iter: int = Field(default=800, ge=1)
    min_child_samples: int = Field(default=30, ge=1)
    reg_lambda: float = Field(default=1.0, ge=0)
    subsample: Rate = 0.7
    colsample: Rate = 0.6
    class_weight: Literal["balanced"] | None = None
