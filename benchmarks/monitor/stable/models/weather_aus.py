"""Will it rain tomorrow? Ten years at 49 Australian stations: strong seasons, hardly any harmful drift."""

from pathlib import Path

from leeway.definition import (
    CSV,
    Boosting,
    Classifier,
    Gates,
    Label,
    Logistic,
    Training,
    boolean,
    categorical,
    days,
    numeric,
    weeks,
)

DATA = Path(__file__).parents[5] / "shared" / "data" / "weather_aus.csv.gz"
NUMBERS = (
    "MinTemp",
    "MaxTemp",
    "Rainfall",
    "Evaporation",
    "Sunshine",
    "WindGustSpeed",
    "WindSpeed9am",
    "WindSpeed3pm",
    "Humidity9am",
    "Humidity3pm",
    "Pressure9am",
    "Pressure3pm",
    "Cloud9am",
    "Cloud3pm",
    "Temp9am",
    "Temp3pm",
)
CATEGORIES = ("Location", "WindGustDir", "WindDir9am", "WindDir3pm")

classifier = Classifier(
    source=CSV(path=str(DATA), missing=("NA",)),
    event_time="Date",
    label=Label(column="RainTomorrow", positive="Yes", negative="No", delay=days(1)),
    columns={name: numeric() for name in NUMBERS}
    | {name: categorical() for name in CATEGORIES}
    | {"RainToday": boolean()},
    partition="week",
    candidates=(Logistic(C=(0.3,)), Boosting(learning_rate=(0.1,), max_leaf_nodes=(31,), max_iter=100)),
    training=Training(holdout=weeks(26)),
    gates=Gates(floors={"roc_auc": 0.8}),
)
