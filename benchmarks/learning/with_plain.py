"""What a user would write first: scikit-learn's gradient boosting, or a logistic regression on scaled and one-hot columns."""

import sys
from pathlib import Path

import pandas as pd
import skops.io
from contender import play
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

MOST = 254  # categories that boosting takes


def learn(train: pd.DataFrame, target: pd.Series, seconds: float, folder: Path):
    """The one that the third argument names; neither takes a budget."""
    words = [name for name in train if not pd.api.types.is_numeric_dtype(train[name])]
    made = (boosting(words) if sys.argv[3] == "hgb" else logistic()).fit(train, target)
    skops.io.dump(made, folder / "model.skops")
    return made.classes_, made.predict_proba


def boosting(words: list[str]):
    """Histogram gradient boosting at its defaults, told which columns are categories."""
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1, max_categories=MOST
    )
    columns = make_column_transformer((codes, words), remainder="passthrough")
    return make_pipeline(
        columns, HistGradientBoostingClassifier(categorical_features=list(range(len(words))), random_state=0)
    )


def logistic():
    """A logistic regression at its defaults."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    hot = OneHotEncoder(handle_unknown="ignore")
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")), (hot, make_column_selector(dtype_exclude="number"))
    )
    return make_pipeline(columns, LogisticRegression(max_iter=1_000))


if __name__ == "__main__":
    play(learn)
