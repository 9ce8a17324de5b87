"""The definition of one classifier, as frozen, typed values.

A file `models/NAME.py` holds one `Classifier`; its stem is the classifier's name everywhere. Unknown names and impossible
combinations are refused when the file is loaded (see `leeway.definition.catalog`).
"""

from leeway.definition.candidates import Boosting, Candidate, Estimator, ExtraTrees, LightGBM, Logistic, XGBoost
from leeway.definition.classifier import MAX_IDENTIFIER, RESERVED_COLUMNS, RESERVED_NAMES, CalendarPart, Classifier
from leeway.definition.column import Column, Kind, boolean, categorical, identifier, numeric, text, timestamp
from leeway.definition.cost import Costs
from leeway.definition.grains import Grain
from leeway.definition.history import LABEL_AGGREGATES, Aggregate, History
from leeway.definition.label import Label
from leeway.definition.learning import (
    Capacity,
    Gates,
    MaximizeF1,
    MaximizeFBeta,
    Metric,
    MinimizeCost,
    MostProbable,
    Objective,
    PrecisionFloor,
    RecallFloor,
    Review,
    Slice,
    Training,
)
from leeway.definition.operation import DriftPolicy, Schedule
from leeway.definition.source import CSV, Folder, Parquet, Prepare, Query, Rows, Simulator, Source, Stream, Table, Text
from leeway.definition.value import days, hours, weeks

__all__ = [
    "CSV",
    "LABEL_AGGREGATES",
    "MAX_IDENTIFIER",
    "RESERVED_COLUMNS",
    "RESERVED_NAMES",
    "Aggregate",
    "Boosting",
    "CalendarPart",
    "Candidate",
    "Capacity",
    "Classifier",
    "Column",
    "Costs",
    "DriftPolicy",
    "Estimator",
    "ExtraTrees",
    "Folder",
    "Gates",
    "Grain",
    "History",
    "Kind",
    "Label",
    "LightGBM",
    "Logistic",
    "MaximizeF1",
    "MaximizeFBeta",
    "Metric",
    "MinimizeCost",
    "MostProbable",
    "Objective",
    "Parquet",
    "PrecisionFloor",
    "Prepare",
    "Query",
    "RecallFloor",
    "Review",
    "Rows",
    "Schedule",
    "Simulator",
    "Slice",
    "Source",
    "Stream",
    "Table",
    "Text",
    "Training",
    "XGBoost",
    "boolean",
    "categorical",
    "days",
    "hours",
    "identifier",
    "numeric",
    "text",
    "timestamp",
    "weeks",
]
