"""Extremely randomised trees."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from leeway.definition.candidates.candidate import BaseCandidate, Rate


class ExtraTrees(BaseCandidate):
    """Extremely randomised trees on numbers and codes of categories; every `min_samples_leaf` is tried.

    Attributes:
        min_samples_leaf: rows that a leaf has at least; the fewer, the larger the bundle.
        max_features: the share of columns that each split chooses among.
    """

    kind: Literal["extra_trees"] = "extra_trees"
    trusted: ClassVar[frozenset[str]] = frozenset({"sklearn.tree._tree.Tree"})  # made of arrays, like boosting's
    n_estimators: int = Field(default=200, ge=1)
    min_samples_leaf: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(5, 20), min_length=1)
    max_features: Rate = 0.5
    class_weight: Literal["balanced"] | None = None
