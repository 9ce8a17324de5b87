"""How columns become numbers for an estimator: all of it is learnt from the rows that the estimator learns from.

Texts are hashed into a bounded number of words and characters, so that no word of theirs is kept. Categories become one-hot
columns for a linear model, and for boosting codes that a tree splits as a list or into sets; where there are more of them than
a tree can take, they become the out-of-fold mean of the outcome.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from leeway.core.metrics import Outcomes
from leeway.definition import Kind

RARE = 20  # categories seen less often share one code
MOST_CODES = (
    254  # of one column, the shared code included: a tree of scikit-learn tells 255 values apart, with the missing
)
HASHES = 2**16  # buckets for words, and as many for characters
TOPIC_HASHES = 2**12  # for topics, which are kept as a dense matrix
TOPICS = 30  # of a text, for boosting


def linear(features: Mapping[str, Kind], *, dense: bool = False) -> ColumnTransformer:
    """Scaled numbers with indicators of what was missing, one-hot categories, weighted words and characters.

    Args:
        dense: never as a sparse matrix, which it otherwise is where most of it is zero.
    """
    numbers, categories, texts = _by_kind(features)
    scaled = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()
    )
    hot = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=RARE)
    return ColumnTransformer(
        [
            ("numbers", scaled, numbers),
            ("categories", hot, categories),
            *((f"text {name}", _weights(HASHES), name) for name in texts),
        ],
        sparse_threshold=0.0 if dense else 0.3,
    )


def trees(features: Mapping[str, Kind], many: frozenset[str], seed: int) -> tuple[ColumnTransformer, list[int]]:
    """Numbers as they are, codes of categories, means for those with many values, topics of texts.

    Args:
        many: the categorical columns whose values are too many for codes.

    Returns:
        The transformer, and which of its columns are codes.
    """
    numbers, categories, texts = _by_kind(features)
    coded = [name for name in categories if name not in many]
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        min_frequency=RARE,
        max_categories=MOST_CODES,
    )
    means = TargetEncoder(cv=KFold(5, shuffle=True, random_state=seed))
    transformer = ColumnTransformer(
        [
            ("categories", codes, coded),
            ("numbers", "passthrough", numbers),
            ("means", means, [name for name in categories if name in many]),
            *((f"text {name}", _topics(seed), name) for name in texts),
        ]
    )
    return transformer, list(range(len(coded)))


def with_many_values(x: pd.DataFrame, features: Mapping[str, Kind], y: Outcomes) -> frozenset[str]:
    """The categorical columns with more than `MOST_CODES` values that are not rare; none where rows have several labels."""
    if y.ndim > 1:  # their means would need an encoder for each label
        return frozenset()
    categories = [name for name, kind in features.items() if kind == "categorical"]
    return frozenset(name for name in categories if (x[name].value_counts() >= RARE).sum() > MOST_CODES)


def _by_kind(features: Mapping[str, Kind]) -> tuple[list[str], list[str], list[str]]:
    categories = [name for name, kind in features.items() if kind == "categorical"]
    texts = [name for name, kind in features.items() if kind == "text"]
    return [name for name in features if name not in {*categories, *texts}], categories, texts


def _weights(hashes: int) -> FeatureUnion:
    """TF-IDF of words, alone and in pairs, and of three to five characters within words."""
    return FeatureUnion([("words", _tfidf("word", (1, 2), hashes)), ("characters", _tfidf("char_wb", (3, 5), hashes))])


def _tfidf(analyzer: str, lengths: tuple[int, int], hashes: int) -> Pipeline:
    counts = HashingVectorizer(
        analyzer=analyzer, ngram_range=lengths, n_features=hashes, alternate_sign=False, norm=None
    )
    return make_pipeline(counts, TfidfTransformer(sublinear_tf=True))


def _topics(seed: int) -> Pipeline:
    """Latent semantic analysis (Deerwester et al. 1990): the directions along which texts differ most."""
    return make_pipeline(_weights(TOPIC_HASHES), TruncatedSVD(TOPICS, random_state=seed))
