"""How each kind of candidate learns. A new one is one module and one line in the list, beside its declaration."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from leeway.core.errors import TrainingError
from leeway.core.logs import logger
from leeway.definition.candidates import BaseCandidate
from leeway.training.learners.boosting import BoostingLearner
from leeway.training.learners.estimator import EstimatorLearner
from leeway.training.learners.extra_trees import ExtraTreesLearner
from leeway.training.learners.learner import READING, Learner, Parameters, Sees, Size, Task
from leeway.training.learners.lightgbm import LightGBMLearner
from leeway.training.learners.logistic import LogisticLearner
from leeway.training.learners.xgboost import XGBoostLearner

log = logger(__name__)

LEARNERS: tuple[Learner[Any], ...] = (
    LogisticLearner(),
    BoostingLearner(),
    ExtraTreesLearner(),
    LightGBMLearner(),
    XGBoostLearner(),
    EstimatorLearner(),
)


def learner_of(candidate: BaseCandidate) -> Learner[Any]:
    """How a candidate learns."""
    return next(learner for learner in LEARNERS if isinstance(candidate, learner.declaration))


def must_be_there(candidates: Sequence[BaseCandidate]) -> None:
    """Refuse to train without a class that is declared: elsewhere the same definition would learn another bundle.

    Raises:
        TrainingError: it cannot be imported.
    """
    for candidate in candidates:
        learner_of(candidate).must_be_there(candidate)


def why_not(candidate: BaseCandidate) -> str | None:
    """Why nothing can come of a candidate where this runs; None where nothing speaks against it."""
    learner = learner_of(candidate)
    try:
        learner.must_be_there(candidate)
        parameters = {name: values[0] for name, values in learner.grid(candidate).items()}
        made = learner.estimator(candidate, parameters, 1, Task(np.zeros(0), 0, (), 0))
    except TrainingError as error:
        return str(error)
    except Exception as error:  # of a class that anybody may have written
        log.debug("a candidate cannot be made", exc_info=True)
        return f"making the candidate {getattr(candidate, 'path', candidate.kind)}: {type(error).__name__}: {error}"
    if not hasattr(made, "predict_proba"):
        return (
            f"a candidate must give probabilities, and {type(made).__name__} has no predict_proba; wrap or replace it"
        )
    return None


__all__ = [
    "LEARNERS",
    "READING",
    "Learner",
    "Parameters",
    "Sees",
    "Size",
    "Task",
    "learner_of",
    "must_be_there",
    "why_not",
]
