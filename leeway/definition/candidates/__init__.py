"""Ways to learn, as they are declared. A new one is one module, one line in `Candidate`, and its learner in the training."""

from typing import Annotated, get_args

from pydantic import Field

from leeway.definition.candidates.boosting import Boosting
from leeway.definition.candidates.candidate import BaseCandidate
from leeway.definition.candidates.estimator import Estimator
from leeway.definition.candidates.extra_trees import ExtraTrees
from leeway.definition.candidates.lightgbm import LightGBM
from leeway.definition.candidates.logistic import Logistic
from leeway.definition.candidates.xgboost import XGBoost

Candidate = Annotated[
    Logistic | Boosting | ExtraTrees | LightGBM | XGBoost | Estimator,
    Field(discriminator="kind"),
]
CANDIDATES: tuple[type[BaseCandidate], ...] = get_args(get_args(Candidate)[0])

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

__all__ = [
    "CANDIDATES",
    "USUAL",
    "BaseCandidate",
    "Boosting",
    "Candidate",
    "Estimator",
    "ExtraTrees",
    "LightGBM",
    "Logistic",
    "XGBoost",
]
