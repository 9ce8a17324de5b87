"""The description of a fitted bundle. An encoder is asked for every value that it knows, instead of being understood."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, VotingClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from leeway.core.errors import BundleError
from leeway.core.metrics import Floats
from leeway.core.outputs import Outputs
from leeway.definition import Kind
from leeway.model.compiled.description import (
    FORM,
    Boosted,
    Calibrator,
    Constant,
    Description,
    Estimator,
    Forest,
    GapSlot,
    Isotonic,
    Linear,
    Member,
    Number,
    NumberSlot,
    ScaledSlot,
    Several,
    Sigmoid,
    Slots,
    Temperature,
    TextPart,
    TextSlots,
    Tree,
    ValueSlots,
    Vote,
    encoded,
)

CODES = 256  # of a slot, at most
UNSEEN = "\0 a value that nobody has \0"


def describe(features: Mapping[str, Kind], outputs: Outputs, pipeline: Any, calibrators: Sequence[Any]) -> Description:
    """Write a bundle's way from features to probabilities down.

    Raises:
        BundleError: an estimator or encoder in it is none of Leeway's own.
    """
    voters = pipeline.estimators_ if _is_vote_of_pipelines(pipeline) else [pipeline]
    weights = pipeline.weights if _is_vote_of_pipelines(pipeline) else [1.0]
    return Description(
        form=FORM,
        features=dict(features),
        kind=outputs.kind,
        classes=list(outputs.names),
        known=[] if outputs.kind != "multiclass" else [int(place) for place in pipeline.classes_],
        members=[_member(own) for own in voters],
        weights=[float(weight) for weight in weights],
        calibrators=[_calibrator(own) for own in calibrators],
    )


def _unknown(what: object) -> BundleError:
    return BundleError(
        "compiling a bundle",
        problem="a part of it is none of Leeway's own",
        found=type(what).__name__,
        hint="it is scored as it is, more slowly",
    )


def _is_vote_of_pipelines(model: Any) -> bool:
    return isinstance(model, VotingClassifier) and isinstance(model.estimators_[0], Pipeline)


def _member(pipeline: Any) -> Member:
    if not (isinstance(pipeline, Pipeline) and len(pipeline) == 2 and isinstance(pipeline[0], ColumnTransformer)):
        raise _unknown(pipeline)
    slots: list[Slots] = []
    for name, part, names in pipeline[0].transformers_:
        if name == "remainder" or part == "drop" or len(names) == 0:
            continue
        slots += _slots(part, [names] if isinstance(names, str) else list(names))
    return Member(slots, _estimator(pipeline[1]))


def _slots(part: Any, names: list[str]) -> list[Slots]:
    if isinstance(part, str) or type(part).__name__ == "FunctionTransformer":  # passed through
        return [NumberSlot(name) for name in names]
    if isinstance(part, OneHotEncoder | OrdinalEncoder | TargetEncoder):
        return _of_values(part, names)
    if isinstance(part, FeatureUnion):
        return [TextSlots(names[0], _text_parts(part), None)]
    if isinstance(part, Pipeline) and isinstance(part[-1], TruncatedSVD):
        return [TextSlots(names[0], _text_parts(part[0]), encoded(part[-1].components_.T))]
    if isinstance(part, Pipeline) and [name for name, _ in part.steps] == ["simpleimputer", "standardscaler"]:
        return _scaled(part[0], part[1], names)
    raise _unknown(part)


def _scaled(imputer: Any, scaler: Any, names: list[str]) -> list[Slots]:
    both = [(float(mean), float(scale)) for mean, scale in zip(scaler.mean_, scaler.scale_, strict=True)]
    numbers = [
        ScaledSlot(name, float(fill), *own) for name, fill, own in zip(names, imputer.statistics_, both, strict=False)
    ]
    gaps = [
        GapSlot(names[place], *own) for place, own in zip(imputer.indicator_.features_, both[len(names) :], strict=True)
    ]
    return [*numbers, *gaps]


def _of_values(encoder: Any, names: list[str]) -> list[Slots]:
    """Ask an encoder of categories for each value, one that it does not know, and none."""
    values = [[value for value in own if isinstance(value, str)] for own in encoder.categories_]
    asked = [[*own, UNSEEN, np.nan] for own in values]
    longest = max(map(len, asked))
    table = {name: own + [own[0]] * (longest - len(own)) for name, own in zip(names, asked, strict=True)}
    found = encoder.transform(pd.DataFrame(table, dtype="object"))
    dense = found.toarray() if sparse.issparse(found) else np.asarray(found)
    bounds = np.cumsum([0, *_widths(encoder, len(names), dense.shape[1])])
    slots: list[Slots] = []
    for place, (name, own) in enumerate(zip(names, values, strict=True)):
        numbers = dense[: len(own) + 2, bounds[place] : bounds[place + 1]]
        rows = [_numbers(row) for row in numbers]
        slots.append(ValueSlots(name, dict(zip(own, rows, strict=False)), rows[-2], rows[-1]))
    return slots


def _widths(encoder: Any, count: int, total: int) -> list[int]:
    """Say how many columns each feature becomes."""
    if not isinstance(encoder, OneHotEncoder):
        return [total // count] * count
    rare = getattr(encoder, "infrequent_categories_", [None] * count)
    return [
        len(values) - (0 if few is None else len(few) - 1)
        for values, few in zip(encoder.categories_, rare, strict=True)
    ]


def _numbers(row: Floats) -> list[Number]:
    return [None if np.isnan(number) else float(number) for number in row]


def _text_parts(union: FeatureUnion) -> list[TextPart]:
    parts = []
    for _, pipeline in union.transformer_list:
        counts, weights = pipeline[0], pipeline[1]
        shortest, longest = counts.ngram_range
        unit = {"word": "word", "char_wb": "character"}[counts.analyzer]
        parts.append(TextPart(unit, shortest, longest, encoded(weights.idf_)))  # type: ignore[arg-type]
    return parts


def _estimator(estimator: Any) -> Estimator:
    if isinstance(estimator, VotingClassifier):
        weights = estimator.weights if estimator.weights is not None else [1.0] * len(estimator.estimators_)
        return Vote([_estimator(own) for own in estimator.estimators_], [float(weight) for weight in weights])
    if isinstance(estimator, OneVsRestClassifier):
        return Several([_estimator(own) for own in estimator.estimators_])
    if isinstance(estimator, LogisticRegression):
        return Linear(encoded(estimator.coef_), [float(own) for own in estimator.intercept_])
    if isinstance(estimator, HistGradientBoostingClassifier):
        return _histograms(estimator)
    if isinstance(estimator, ExtraTreesClassifier):
        return Forest([_of_forest(own.tree_) for own in estimator.estimators_])
    if type(estimator).__name__ == "_ConstantPredictor":
        positive = float(np.ravel(estimator.y_)[0])
        return Constant([1 - positive, positive])
    if type(estimator).__name__ == "LGBMClassifier":
        return _lightgbm(estimator)
    if type(estimator).__name__ == "XGBClassifier":
        return _xgboost(estimator)
    raise _unknown(estimator)


def _histograms(estimator: HistGradientBoostingClassifier) -> Boosted:
    """Write scikit-learn's boosting down; its own encoder of codes becomes the codes of a slot."""
    made: Any = estimator
    order = list(range(made.n_features_in_))
    codes: dict[int, dict[float, int]] = {}
    if made._preprocessor is not None:  # it puts the columns of codes first
        given = np.flatnonzero(made.is_categorical_).tolist()
        order = [*given, *(slot for slot in order if slot not in given)]
        known, place_of = made._bin_mapper.make_known_categories_bitsets()
        for place, values in enumerate(made._preprocessor.named_transformers_["encoder"].categories_):
            there = [code for code, value in enumerate(values) if not np.isnan(value)]
            own = known[place_of[place]]
            codes[given[place]] = {float(values[code]): code for code in there if _in_bitset(own, code)}
    start = [float(own) for own in np.ravel(made._baseline_prediction)]
    trees: list[list[Tree]] = [[] for _ in start]
    for iteration in made._predictors:
        for k, predictor in enumerate(iteration):
            trees[k].append(_of_histograms(predictor, order))
    return Boosted(start, trees, codes)


def _in_bitset(words: Any, code: int) -> bool:
    return bool(int(words[code // 32]) >> (code % 32) & 1)


def _of_histograms(predictor: Any, order: Sequence[int]) -> Tree:
    nodes, sets = predictor.nodes, predictor.raw_left_cat_bitsets
    tree = Tree([], [], [], [], [], [], [])
    for node in nodes:
        is_leaf = bool(node["is_leaf"])
        is_set = bool(node["is_categorical"]) and not is_leaf
        members = [code for code in range(256) if _in_bitset(sets[node["bitset_idx"]], code)] if is_set else None
        _add(
            tree,
            slot=-1 if is_leaf else order[node["feature_idx"]],
            threshold=None if is_set else float(node["num_threshold"]),
            members=members,
            missing_left=bool(node["missing_go_to_left"]),
            sides=(-1, -1) if is_leaf else (int(node["left"]), int(node["right"])),
            leaf=[float(node["value"])] if is_leaf else [],
        )
    return tree


def _of_forest(made: Any) -> Tree:
    tree = Tree([], [], [], [], [], [], [])
    for node in range(made.node_count):
        is_leaf = made.children_left[node] == -1
        _add(
            tree,
            slot=-1 if is_leaf else int(made.feature[node]),
            threshold=float(made.threshold[node]),
            members=None,
            missing_left=bool(made.missing_go_to_left[node]),
            sides=(-1, -1) if is_leaf else (int(made.children_left[node]), int(made.children_right[node])),
            leaf=[float(own) for own in made.value[node][0]] if is_leaf else [],
        )
    return tree


def _lightgbm(estimator: Any) -> Boosted:
    """Write LightGBM's boosting down, from its own JSON."""
    dumped = json.loads(json.dumps(estimator.booster_.dump_model()))
    count = dumped["num_tree_per_iteration"]
    trees: list[list[Tree]] = [[] for _ in range(count)]
    codes: dict[int, dict[float, int]] = {}
    for place, own in enumerate(dumped["tree_info"]):
        tree = Tree([], [], [], [], [], [], [])
        _add_lightgbm(tree, own["tree_structure"], codes)
        trees[place % count].append(tree)
    return Boosted([0.0] * count, trees, codes)


def _add_lightgbm(tree: Tree, node: Mapping[str, Any], codes: dict[int, dict[float, int]]) -> int:
    place = len(tree.slot)
    if "leaf_value" in node:
        _add(
            tree,
            slot=-1,
            threshold=None,
            members=None,
            missing_left=False,
            sides=(-1, -1),
            leaf=[float(node["leaf_value"])],
        )
        return place
    slot, is_set = int(node["split_feature"]), node["decision_type"] == "=="
    members = [int(code) for code in str(node["threshold"]).split("||")] if is_set else None
    threshold = None if is_set else float(node["threshold"])
    if is_set:
        codes.setdefault(slot, {}).update({float(code): code for code in members or ()})
        missing_left = False
    elif node["missing_type"] == "NaN":
        missing_left = bool(node["default_left"])
    elif node["missing_type"] == "None":  # a missing number counts as 0
        missing_left = bool(float(node["threshold"]) >= 0.0)
    else:
        raise _unknown(node["missing_type"])
    _add(tree, slot=slot, threshold=threshold, members=members, missing_left=missing_left, sides=(-1, -1), leaf=[])
    tree.left[place] = _add_lightgbm(tree, node["left_child"], codes)
    tree.right[place] = _add_lightgbm(tree, node["right_child"], codes)
    return place


def _xgboost(estimator: Any) -> Boosted:
    """Write XGBoost's boosting down, from its own JSON."""
    learner = json.loads(estimator.get_booster().save_raw("json"))["learner"]
    start = np.array(json.loads(learner["learner_model_param"]["base_score"]), dtype=np.float32)
    link = learner["objective"]["name"]
    if link == "binary:logistic":
        odds = np.float32(1) / start - np.float32(1)
        start = -np.log(odds.astype("float64")).astype(
            "float32"
        )  # NumPy's logarithm of 4 bytes may differ in the last bit
    elif link != "multi:softprob":
        raise _unknown(link)
    model = learner["gradient_booster"]["model"]
    trees: list[list[Tree]] = [[] for _ in start]
    for output, own in zip(model["tree_info"], model["trees"], strict=True):
        trees[output].append(_of_xgboost(own))
    slots = {
        slot for given in trees for tree in given for slot, own in zip(tree.slot, tree.members, strict=True) if own
    }
    codes = {slot: {float(code): code for code in range(CODES)} for slot in sorted(slots)}
    return Boosted([float(own) for own in start], trees, codes, in_four_bytes=True)


def _of_xgboost(made: Mapping[str, Any]) -> Tree:
    """Write a tree down; here the numbers below a threshold and the codes that are not in a set go left."""
    sets = {
        node: made["categories"][first : first + size]
        for node, first, size in zip(
            made["categories_nodes"], made["categories_segments"], made["categories_sizes"], strict=True
        )
    }
    tree = Tree([], [], [], [], [], [], [])
    for node, slot in enumerate(made["split_indices"]):
        sides = made["left_children"][node], made["right_children"][node]
        is_leaf, condition = sides[0] == -1, np.float32(made["split_conditions"][node])
        members = sets.get(node) if not is_leaf else None
        missing_left = bool(made["default_left"][node])
        _add(
            tree,
            slot=-1 if is_leaf else int(slot),
            threshold=None if members is not None else float(np.nextafter(condition, np.float32(-np.inf))),
            members=None if members is None else [int(code) for code in members],
            missing_left=missing_left if members is None else not missing_left,
            sides=sides if members is None else (sides[1], sides[0]),
            leaf=[float(condition)] if is_leaf else [],
        )
    return tree


def _add(
    tree: Tree,
    *,
    slot: int,
    threshold: float | None,
    members: list[int] | None,
    missing_left: bool,
    sides: tuple[int, int],
    leaf: list[float],
) -> None:
    tree.slot.append(slot)
    tree.threshold.append(None if threshold is None or np.isinf(threshold) or np.isnan(threshold) else threshold)
    tree.members.append(members)
    tree.missing_left.append(missing_left)
    tree.left.append(sides[0])
    tree.right.append(sides[1])
    tree.leaf.append(leaf)


def _calibrator(calibrator: Any) -> Calibrator:
    if calibrator is None:
        return None
    if isinstance(calibrator, float):
        return Temperature(calibrator)
    if isinstance(calibrator, IsotonicRegression):
        made: Any = calibrator
        return Isotonic([float(own) for own in made.X_thresholds_], [float(own) for own in made.y_thresholds_])
    if isinstance(calibrator, LogisticRegression):
        return Sigmoid(float(calibrator.coef_[0, 0]), float(calibrator.intercept_[0]))
    raise _unknown(calibrator)
