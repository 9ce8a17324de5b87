"""Will a patient miss the appointment? Six weeks at one city's clinics: a short and stable stream."""

from pathlib import Path

import pandas as pd

from leeway.definition import (
    CSV,
    Boosting,
    Classifier,
    Gates,
    History,
    Label,
    Logistic,
    Training,
    boolean,
    categorical,
    days,
    identifier,
    numeric,
    weeks,
)

DATA = Path(__file__).parents[5] / "shared" / "data" / "no_show.csv.gz"


def prepare(raw: pd.DataFrame) -> pd.DataFrame:
    """Add for how many days a patient waited; a few were entered after they came."""
    made, due = (pd.to_datetime(raw[name]).dt.normalize() for name in ("ScheduledDay", "AppointmentDay"))
    return raw.assign(waiting=(due - made).dt.days.astype(float))


classifier = Classifier(
    source=CSV(path=str(DATA), prepare=prepare),
    event_id="AppointmentID",
    event_time="AppointmentDay",
    label=Label(column="No-show", positive="Yes", negative="No", delay=days(1)),
    columns={
        "PatientId": identifier(),
        "Gender": categorical(),
        "Neighbourhood": categorical(),
        "Age": numeric(),
        "waiting": numeric(),
        "Handcap": numeric(),
        "Scholarship": boolean(),
        "Hipertension": boolean(),
        "Diabetes": boolean(),
        "Alcoholism": boolean(),
        "SMS_received": boolean(),
    },
    history=(History(by="PatientId", window=weeks(2), aggregate="positive_rate"),),
    empty_partitions=True,
    candidates=(Logistic(C=(0.3,)), Boosting(learning_rate=(0.1,), max_leaf_nodes=(31,), max_iter=100)),
    training=Training(holdout=days(4)),
    gates=Gates(floors={"roc_auc": 0.6}),
)
