"""Logistic regression."""

from typing import Annotated, Literal

from pydantic import Field

from leeway.definition.candidates.candidate import BaseCandidate
from leeway.definition.value import Share


class Logistic(BaseCandidate):
    """Regularised logistic regression on scaled numbers and one-hot categories; every combination of the tuples is tried.

    Attributes:
        C: how weakly it is regularised.
        l1_ratio: 0 is ridge regression's penalty (L2), 1 the lasso's (L1), which leaves columns out; between them elastic net.
    """

    kind: Literal["logistic"] = "logistic"
    C: tuple[Annotated[float, Field(gt=0)], ...] = Field(default=(0.03, 1.0), min_length=1)
    l1_ratio: tuple[Share, ...] = Field(default=(0.0,), min_length=1)
    class_weight: Literal["balanced"] | None = None
