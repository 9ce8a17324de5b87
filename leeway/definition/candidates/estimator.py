"""A class of one's own."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from leeway.definition.candidates.candidate import BaseCandidate


class Estimator(BaseCandidate):
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
