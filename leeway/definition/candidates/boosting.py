"""scikit-learn's histogram gradient boosting."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from leeway.definition.candidates.candidate import BaseCandidate, Rate


class Boosting(BaseCandidate):
    """Histogram gradient boosting on numbers and categories; every combination of the tuples is tried.

    Attributes:
        categories: whether a split takes any set of a column's categories (`sets`), which sooner learns many by heart, or cuts
            their list, ordered by name, in two (`ordered`).
        max_iter: the most iterations; fewer where the folds' log loss no longer falls, or where there are many classes,
            each of which is a tree in every iteration.
        max_features: the share of columns, drawn anew, that each split chooses among.
    """

    kind: Literal["boosting"] = "boosting"
    trusted: ClassVar[frozenset[str]] = frozenset(
        {
            "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
            # It reads codes of categories by a partial of `check_array`. The function in a partial must be listed too.
            "functools.partial",
            "sklearn.utils.validation.check_array",
        }
    )
    categories: Literal["sets", "ordered"] = "sets"
    learning_rate: tuple[Rate, ...] = Field(default=(0.08,), min_length=1)
    max_leaf_nodes: tuple[Annotated[int, Field(ge=2)], ...] = Field(default=(15, 31), min_length=1)
    max_iter: int = Field(default=300, ge=1)
    min_samples_leaf: int = Field(default=30, ge=1)
    l2_regularization: float = Field(default=1.0, ge=0)
    max_features: Rate = 1.0
    class_weight: Literal["balanced"] | None = None
