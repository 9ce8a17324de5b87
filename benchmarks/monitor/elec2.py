"""T7: monitors of labels on Elec2 (Harries 1999), week by week: who tells the weeks in which a model's error is up.

A logistic regression on each choice of four of the six columns is trained on the first 15 weeks and kept; the next 26 are the
reference, and the rest is watched, with labels known at the week's end. A week is harmful where its error is more than 5 points
above the reference's. False alarms are the share of the other weeks that alarm, power is that of the harmful ones. Two other
truths are told beside: the error of three weeks from this one on, and the log loss, which bad probabilities harm as well.

A breach says that labels part from the scores; its words add whether decisions are surely worse, and that is what a rise of the
error is held against. Beside Leeway at its defaults: NannyML's accuracy at 3 standard deviations (drops only), driftfdr with a
tolerance of 5 points, and Evidently's default for the column of errors, against all of the reference and against 1,000 of its
rows. Needs ../shared/data/elec2.csv.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path

import apart
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from streams import Bools, Floats
from targets import tell

from leeway.definition import CSV, Classifier, DriftPolicy, Label, days, grains, numeric
from leeway.definition.partitions import Partition
from leeway.detection import build_reference
from leeway.detection.monitor import MonitoredNight, judge, lookback
from leeway.detection.performance_metrics import Usual, decisions
from leeway.detection.sketch import LabelResiduals, Sketch, with_scores

DATA = apart.ROOT.parent / "shared" / "data" / "elec2.csv"
COLUMNS = ("period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer")
CHOSEN = 4
WEEK = 336  # half hours
TRAINED, KNOWN = 15, 26  # weeks
FIRST = datetime(1996, 5, 6, tzinfo=UTC)  # a Monday, the day before the first row
HARM = 0.05
ERROR = "error up by more than 5 points in the week"
AHEAD = 3  # weeks, about the 1,000 rows ahead by which driftfdr's authors judge
WORSE = "Leeway, breach with decisions surely worse"
LEAST_POWER, MOST_FALSE = 0.13, 0.02


@dataclass(frozen=True)
class Model:
    """A model of some columns and what it makes of the whole stream: scores, whether they are wrong, their loss; shape (n,)."""

    columns: tuple[str, ...]
    pipeline: object
    p: Floats
    wrong: Bools
    loss: Floats


def above(values: Floats) -> Floats:
    """The mean of each week that is watched, above the reference's."""
    weeks = values.reshape(-1, WEEK).mean(axis=1)
    return np.asarray(weeks[TRAINED + KNOWN :] - weeks[TRAINED : TRAINED + KNOWN].mean())


def main() -> int:
    """Train, watch by each monitor, and hold what was seen against the target."""
    if not DATA.exists():
        print(f"skipped: {DATA} is not there")
        return 0
    table = pd.read_csv(DATA)
    table = table.iloc[: len(table) // WEEK * WEEK]
    y = (table["class"] == 1).to_numpy()
    models = [train(table, y, columns) for columns in combinations(COLUMNS, CHOSEN)]
    alarms = {**leeways(table, y, models), **_nannyml(y, models), **_driftfdr(models), **_evidently(models)}
    up = np.stack([above(model.wrong) for model in models])
    harmful = {
        ERROR: up > HARM,
        f"error up by more than 5 points in {AHEAD} weeks from it on": _ahead(up) > HARM,
        "log loss up by more than .05 in the week": np.stack([above(model.loss) for model in models]) > HARM,
    }
    for truth, bad in harmful.items():
        print(f"== {truth}: {bad.mean():.0%} of {bad.size} weeks of {len(models)} models")
        print("monitor | false alarms | power")
        for name, told in alarms.items():
            print(f"{name} | {told[~bad].mean():.3f} | {told[bad].mean():.3f}", flush=True)
    bad, told = harmful[ERROR], alarms[WORSE]
    false, power = float(told[~bad].mean()), float(told[bad].mean())
    reached = false <= MOST_FALSE and power >= LEAST_POWER
    return int(not tell("T7 Elec2", f"false alarms {false:.3f}, power {power:.3f}", reached))


def train(table: pd.DataFrame, y: Bools, columns: tuple[str, ...]) -> Model:
    """A model of the first weeks."""
    x, first = table[list(columns)], TRAINED * WEEK
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(x[:first], y[:first])
    p = pipeline.predict_proba(x)[:, 1]
    return Model(columns, pipeline, p, (p >= 0.5) != y, -np.log(np.clip(np.where(y, p, 1 - p), 1e-6, 1)))


def leeways(table: pd.DataFrame, y: Bools, models: list[Model]) -> dict[str, Bools]:
    """Where Leeway's monitor alarms, by the library's own functions; shape (models, weeks)."""
    verdicts = []
    for place, model in enumerate(models):
        verdicts.append(list(watch(table, y, model)))
        print(f"{place + 1} of {len(models)}: {dict(Counter(verdicts[-1]))}", file=sys.stderr, flush=True)
    told = np.array(verdicts)
    return {
        "Leeway, breach": told == "breach",
        "Leeway, breach or alert": np.isin(told, ("breach", "alert")),
        WORSE: (told == "breach") & np.stack([worse(y, model) for model in models]),
    }


def worse(y: Bools, model: Model) -> Bools:
    """The weeks whose decisions were surely wrong more often, by more than the monitor's tolerance, as a breach's words say."""
    weeks = (y[:, None].reshape(-1, WEEK, 1), model.p.reshape(-1, WEEK, 1))
    parts = np.arange(KNOWN * WEEK).reshape(KNOWN, WEEK)
    known = [array[TRAINED : TRAINED + KNOWN].reshape(-1, 1) for array in weeks]
    usual = Usual.of(*known, known[1] >= 0.5, list(parts), exclusive=False, judged=[0], seed=0)
    tolerance = DriftPolicy().tolerance * float(known[0].std())
    found = []
    for labels, p in zip(*(array[TRAINED + KNOWN :] for array in weeks), strict=True):
        told = decisions(usual, float(((p >= 0.5) == labels).mean()), WEEK)
        found.append(told is not None and told.surely > tolerance)
    return np.array(found)


def watch(table: pd.DataFrame, y: Bools, model: Model) -> Iterator[str]:
    """Build the reference and judge every week after it."""
    classifier = Classifier(
        source=CSV(path="x"),
        event_id="id",
        event_time="at",
        label=Label(column="y", delay=days(0)),
        columns={name: numeric() for name in model.columns},
        partition="week",
    )
    x, outputs = table[list(model.columns)], classifier.label.outputs
    known = slice(TRAINED * WEEK, (TRAINED + KNOWN) * WEEK)
    times = pd.Series(FIRST + pd.to_timedelta(np.arange(known.start, known.stop) * 30, unit="min"))
    rows = pd.DataFrame({"event_time": times, "positive": y[known], "known_at": times})
    of_known = x[known].reset_index(drop=True)

    def predict(frame: pd.DataFrame) -> Floats:
        return model.pipeline.predict_proba(frame[list(model.columns)])[:, 1:]

    built = build_reference.build(classifier, rows, of_known, predict(of_known), _week(TRAINED + KNOWN).start, predict)
    clean: list[MonitoredNight] = []
    for week in range(TRAINED + KNOWN, len(table) // WEEK):
        own = slice(week * WEEK, (week + 1) * WEEK)
        columns = with_scores(x[own], model.p[own, None], outputs)
        held = LabelResiduals.of(built.binnings, columns, y[own, None], model.p[own, None])
        night = MonitoredNight(_week(week), Sketch.of(built.binnings, columns), _week(week), held)
        found = judge(built, classifier.drift, [*clean[-lookback(classifier.drift) :], night])
        if found.verdict != "data fault":
            clean.append(night)
        yield found.verdict


def _week(number: int) -> Partition:
    return Partition(FIRST + timedelta(weeks=number), grains.WEEK)


def _nannyml(y: Bools, models: list[Model]) -> dict[str, Bools]:
    with tempfile.TemporaryDirectory() as folder:
        for place, model in enumerate(models):
            own = Path(folder, f"{place:02}")
            own.mkdir()
            frame = pd.DataFrame({"y": y.astype(int), "p": model.p, "y_pred": (model.p >= 0.5).astype(int)})
            frame[TRAINED * WEEK : (TRAINED + KNOWN) * WEEK].to_parquet(own / "reference.parquet")
            frame[(TRAINED + KNOWN) * WEEK :].to_parquet(own / "analysis.parquet")
        apart.run("with_nannyml.py", Path(folder), size=WEEK, columns=[])
        found = [pd.read_parquet(Path(folder, f"{place:02}", "nannyml.parquet")) for place in range(len(models))]
    return {"NannyML accuracy, 3 sd": np.stack([item["accuracy_alert"] & (item["accuracy"] < 0) for item in found])}


def _driftfdr(models: list[Model]) -> dict[str, Bools]:
    with tempfile.TemporaryDirectory() as folder:
        wrong = np.stack([model.wrong[TRAINED * WEEK :] for model in models], axis=1).astype(int)
        pd.DataFrame(wrong, columns=[str(place) for place in range(len(models))]).to_parquet(
            Path(folder, "errors.parquet")
        )
        apart.run("with_driftfdr.py", Path(folder), known=KNOWN * WEEK, size=WEEK, tolerance=HARM)
        p = pd.read_parquet(Path(folder, "driftfdr.parquet")).to_numpy().T
    return {"driftfdr, each model": p <= 0.05, "driftfdr, Bonferroni": p <= 0.05 / len(models)}


def _evidently(models: list[Model]) -> dict[str, Bools]:
    """Evidently's default test of the errors, by its own functions: a report of each week would take an hour."""
    from evidently.legacy.calculations.stattests import get_stattest

    rng, found = np.random.default_rng(0), {}
    for name, rows in (("all", KNOWN * WEEK), ("1,000", 1_000)):
        told = []
        for model in models:
            wrong = model.wrong[TRAINED * WEEK :].astype(int)
            known = pd.Series(rng.choice(wrong[: KNOWN * WEEK], rows, replace=False))
            weeks = [pd.Series(week) for week in wrong[KNOWN * WEEK :].reshape(-1, WEEK)]
            told.append([get_stattest(known, week, "cat", None)(known, week, "cat", None).drifted for week in weeks])
        found[f"Evidently on errors, {name} reference rows"] = np.array(told)
    return found


def _ahead(up: Floats) -> Floats:
    """The mean of each week and those after it; fewer at the end."""
    return np.stack([up[:, place : place + AHEAD].mean(axis=1) for place in range(up.shape[1])], axis=1)


if __name__ == "__main__":
    sys.exit(main())
