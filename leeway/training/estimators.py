"""What learns: the estimator of each kind of candidate, how it is stopped early, and what it says after so many iterations."""

import importlib
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from leeway.core.errors import TrainingError
from leeway.core.logs import logger
from leeway.core.metrics import Floats, Outcomes
from leeway.definition import Boosting, Candidate, Estimator, ExtraTrees, LightGBM, Logistic

log = logger(__name__)

PATIENCE = 25  # iterations after which boosting stops, where it is watched and they have gained less than
WORTH = 3e-5  # nats of log loss
MOST_TREES = (
    2_000  # of boosting: with many classes, each of which is a tree in every iteration, these are fewer iterations
)
UNWATCHED = 15.0  # iterations times learning rate that are enough where nothing tells when to stop
THREADS = 2  # of estimators that write down how many they had: the same on every machine, as the bundle must be


def estimator(
    candidate: Candidate,
    parameters: dict[str, Any],
    iterations: int | None,
    y: Outcomes,
    codes: Sequence[int],
    seed: int,
) -> Any:
    """An estimator that has learnt nothing yet.

    Args:
        parameters: the trial's.
        iterations: of boosting; None for the most that the candidate allows.
        y: what it is to learn, for its classes.
        codes: the columns that are codes of categories.
    """
    match candidate:
        case Logistic():
            # Only saga knows penalties with a part of L1 and any number of classes.
            solver = "saga" if parameters.get("l1_ratio") else "lbfgs"
            return LogisticRegression(
                **parameters,
                solver=solver,
                class_weight=candidate.class_weight,
                max_iter=2_000,
                tol=1e-3 if solver == "saga" else 1e-4,
                random_state=seed,
            )
        case Boosting():
            return HistGradientBoostingClassifier(
                **parameters,
                max_iter=iterations or most_iterations(candidate, parameters, y),
                min_samples_leaf=candidate.min_samples_leaf,
                l2_regularization=candidate.l2_regularization,
                max_features=candidate.max_features,
                class_weight=candidate.class_weight,
                categorical_features=(list(codes) or None) if candidate.categories == "sets" else None,
                early_stopping=False,  # its own split would be random, not time-ordered
                random_state=seed,
            )
        case ExtraTrees():
            return ExtraTreesClassifier(
                **parameters,
                n_estimators=candidate.n_estimators,
                max_features=candidate.max_features,
                class_weight=candidate.class_weight,
                random_state=seed,
            )
        case LightGBM():
            return _imported("lightgbm.LGBMClassifier")(
                **parameters,
                n_estimators=iterations or most_iterations(candidate, parameters, y),
                min_child_samples=candidate.min_child_samples,
                reg_lambda=candidate.reg_lambda,
                subsample=candidate.subsample,
                subsample_freq=1,
                colsample_bytree=candidate.colsample,
                class_weight=candidate.class_weight,
                random_state=seed,
                deterministic=True,
                force_row_wise=True,
                n_jobs=THREADS,
                verbose=-1,
            )
        case Estimator():
            own = _imported(candidate.path)
            given = dict(candidate.parameters)
            takes_seed = "random_state" in own(**given).get_params() and "random_state" not in given
            return own(**given, **({"random_state": seed} if takes_seed else {}))


def must_be_there(candidates: Sequence[Candidate]) -> None:
    """Refuse to train without a class that is declared: elsewhere the same definition would learn another bundle.

    Raises:
        TrainingError: it cannot be imported.
    """
    for candidate in candidates:
        if isinstance(candidate, LightGBM):
            _imported("lightgbm.LGBMClassifier")
        elif isinstance(candidate, Estimator):
            _imported(candidate.path)


def why_not(candidate: Candidate) -> str | None:
    """Why nothing can come of a candidate where this runs; None where nothing speaks against it."""
    try:
        must_be_there([candidate])
        made = estimator(candidate, {}, 1, np.zeros(0), [], 0)
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


def most_iterations(candidate: Boosting | LightGBM, parameters: dict[str, Any], y: Outcomes) -> int:
    """How many iterations there may be; several labels learn each by itself, where nothing says when to stop."""
    outputs = y.shape[1] if y.ndim > 1 else max(1, len(np.unique(y)) - 1)
    most = min(candidate.max_iter, max(1, MOST_TREES // outputs))
    return min(most, max(1, int(UNWATCHED / parameters["learning_rate"]))) if y.ndim > 1 else most


def watching(estimator: Any, x: Any, y: Outcomes) -> dict[str, Any]:
    """Have boosting watch its log loss on these encoded rows, to stop where it has not fallen for a while.

    Returns:
        What its `fit` needs for that; nothing for what does not go by iterations.
    """
    if isinstance(estimator, HistGradientBoostingClassifier):
        estimator.set_params(early_stopping=True, n_iter_no_change=PATIENCE, tol=WORTH)
        return {"X_val": x, "y_val": y}
    if _is_lightgbm(estimator):
        from lightgbm import early_stopping

        return {"eval_X": x, "eval_y": y, "callbacks": [early_stopping(PATIENCE, verbose=False, min_delta=WORTH)]}
    return {}


def options(estimator: Any, codes: Sequence[int]) -> dict[str, Any]:
    """What `fit` must be told of the columns."""
    return {"categorical_feature": list(codes)} if _is_lightgbm(estimator) and codes else {}


def curve(estimator: Any) -> Floats:
    """The watched log loss, with a minus; the first entry is from before any iteration. Empty where nothing was watched."""
    if _is_lightgbm(estimator):
        losses: list[float] = next(iter(estimator.evals_result_.get("valid_0", {}).values()), [])
        return np.array([-np.inf, *(-loss for loss in losses)]) if losses else np.empty(0)
    return np.asarray(getattr(estimator, "validation_score_", np.empty(0)), dtype="float64")


def probabilities(estimator: Any, encoded: Any, iterations: int | None) -> Floats:
    """Each encoded row's probability of each class that the estimator knows, shape (n, classes).

    Args:
        iterations: boosting's predictions after so many; all of them where None, or where there are not so many.
    """
    if iterations is not None and _is_lightgbm(estimator):
        return np.asarray(estimator.predict_proba(encoded, num_iteration=iterations), dtype="float64")
    if iterations is None or iterations >= getattr(estimator, "n_iter_", 0):
        return np.asarray(estimator.predict_proba(encoded), dtype="float64")
    stages = estimator.staged_predict_proba(encoded)
    return np.asarray(next(itertools.islice(stages, iterations - 1, None)), dtype="float64")


def _is_lightgbm(estimator: Any) -> bool:
    return type(estimator).__module__.startswith("lightgbm.")


def _imported(path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        extra = module == "lightgbm"
        raise TrainingError(
            f"making the candidate {'LightGBM' if extra else path}",
            problem="its class must be installed where the training runs",
            found=error,
            hint="pip install leeway[lightgbm]" if extra else "install its package, or correct the path",
        ) from error
