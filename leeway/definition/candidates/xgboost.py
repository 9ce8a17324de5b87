"""XGBoost's gradient boosting."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from leeway.definition.candidates.candidate import BaseCandidate, Rate


class XGBoost(BaseCandidate):
    """XGBoost's gradient boosting; every combination of the tuples is tried. It needs `pip install leeway[xgboost]`.

    Attributes:
        max_iter: the most iterations; fewer where the folds' log loss no longer falls.
        subsample, colsample: the share of rows and of columns, drawn anew, that each tree learns from.
    """

    kind: Literal["xgboost"] = "xgboost"
    # The booster's state is bytes: trees and settings as UBJSON, a format of data, which XGBoost's own parser reads. Nothing
    # in it names code to run; a damaged one is an error of the parser.
    trusted: ClassVar[frozenset[str]] = frozenset({"xgboost.core.Booster", "xgboost.sklearn.XGBClassifier"})
    extra: ClassVar[str | None] = "xgboost"
    libraries: ClassVar[tuple[str, ...]] = ("xgboost-cpu", "xgboost")
    learning_rate: tuple[Rate, ...] = Field(default=(0.05,), min_length=1)
    max_leaves: tuple[Annotated[int, Field(ge=2)], ...] = Field(default=(15, 63), min_length=1)
    max_iter: int = Field(default=800, ge=1)
    min_child_weight: float = Field(default=1.0, ge=0)
    reg_lambda: float = Field(default=1.0, ge=0)
    subsample: Rate = 0.7
    colsample: Rate = 0.6
