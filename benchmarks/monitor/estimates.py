"""What estimates without labels must show: as good as chance allows under covariate shift, and silent where labels are fickle.

    python benchmarks/monitor/estimates.py [SEEDS [ELEC2_CSV]]

On made-up streams whose columns shift, and the labels with them, the accuracy of nights is estimated by the library's own
functions. The floor is the error of the true expected accuracy: what is left is the luck of the labels. On electricity prices
(Elec2, ../shared/data/elec2.csv where no path is given) labels follow from the same columns now so and now so: there the
estimates must switch themselves off. It prints a line for each target and exits with 1 if one is missed. All is drawn from
seeds.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from streams import IMPORTANT, Bools, Floats, Stream, World

from leeway.core.metrics import logit
from leeway.definition import CSV, Classifier, DriftPolicy, Label, days, numeric
from leeway.definition.grains import DAY, WEEK, Grain
from leeway.detection import build_reference, estimated
from leeway.detection.performance_metrics import METRICS, performance
from leeway.detection.reference import Reference
from leeway.model import calibration

Lines = Iterator[tuple[str, str, bool]]  # what, what was seen, whether it was reached

SEEDS = 2
TRAINED, KNOWN, NIGHTS = 60, 182, 12
ACCURACY = METRICS.index("accuracy")
WITHIN = 1.1  # times the floor
FIRST = datetime(1996, 5, 6, tzinfo=UTC)  # a Monday
DATA = Path(__file__).parents[3] / "shared" / "data" / "elec2.csv"
SHIFTS: dict[str, tuple[tuple[int, float], ...]] = {
    "nothing": (),
    "an important column by 0.25 sd": ((IMPORTANT, 0.25),),
    "an important column by 0.5 sd": ((IMPORTANT, 0.5),),
    "its whole block by 0.5 sd": tuple((column, 0.5) for column in range(4)),
    "two columns by 0.4 sd": ((4, 0.4), (8, 0.4)),
    "an important column by -1 sd": ((IMPORTANT, -1.0),),
}
FARTHEST = list(SHIFTS)[-1]  # too far to be shown: little of the reference is like it
ELEC2_TRAINED, ELEC2_KNOWN = 12, 38  # weeks: until when its model is learnt from, and until when the reference reaches
MOST_SHOWN = 0.1  # of the partitions of Elec2: it takes a few to see that the world is fickle


@dataclass(frozen=True)
class Lived:
    """A night, and how far its accuracy was told wrong.

    Attributes:
        shown: whether an estimate was.
        floor, error, plain: by the true expected accuracy, by the estimate, by the scores alone.
        inside: whether the interval holds what was realised.
    """

    shift: str
    shown: bool
    floor: float
    error: float
    plain: float
    inside: bool


class Curved(World):
    """The same, but the log odds of a label are not linear in the columns: a linear model's scores are off elsewhere."""

    def chances(self, change: Stream | None = None) -> tuple[Floats, Floats]:
        """The next night as it is seen, and the true probabilities of its labels."""
        x, p = super().chances(change)
        odds = logit(p) + 0.35 * (x[:, 0] ** 2 - 1) + 0.4 * x[:, 4] * x[:, 8]
        return x, 1 / (1 + np.exp(-odds))


KINDS: dict[str, tuple[type[World], Any]] = {
    "linear world, logistic regression": (World, LogisticRegression()),
    "curved world, logistic regression": (Curved, LogisticRegression()),
    "curved world, boosting": (Curved, HistGradientBoostingClassifier(max_leaf_nodes=15, random_state=0)),
}


@dataclass(frozen=True)
class Estimator:
    """A model, calibrated as a bundle's is, with its reference, and what is kept to estimate by."""

    score: Callable[[Floats], Floats]
    reference: Reference
    known: estimated.LabelledRows
    names: list[str]

    @classmethod
    def learn(
        cls, model: Any, x: Floats, y: Bools, times: "pd.Series[pd.Timestamp]", grain: Grain, seed: int
    ) -> "Estimator":
        """Build the reference of a fitted model from rows that it has not seen."""
        names = [f"c{number:02}" for number in range(x.shape[1])]
        classifier = Classifier(
            source=CSV(path="x"),
            event_id="id",
            event_time="at",
            label=Label(column="y", delay=days(0)),
            columns={name: numeric() for name in names},
            partition=grain,
            drift=DriftPolicy(cooldown=days(14)),
        )
        raw = model.predict_proba(x)[:, 1:]
        calibrators = calibration.fit(calibration.choose(y[:, None], raw)[0], y[:, None], raw)

        def score(some: Floats) -> Floats:
            return calibration.apply(calibrators, model.predict_proba(some)[:, 1:])

        frame, p = pd.DataFrame(x, columns=names), score(x)
        rows = pd.DataFrame({"event_time": times, "positive": y, "known_at": times})

        as_of = times.iloc[-1].to_pydatetime() + timedelta(days=31)
        built = build_reference.build(
            classifier, rows, frame, p, as_of, lambda some: score(some.to_numpy()), decide=decided
        )
        return cls(score, built, estimated.LabelledRows.of(built, frame, y[:, None], p, seed), names)

    def night(self, x: Floats, y: Bools, seed: int) -> tuple[estimated.Estimate, Floats, Floats, Floats]:
        """The estimate of a night; its metrics as estimated, as realised, and as the scores alone say."""
        p = self.score(x)
        found = estimated.estimate(
            self.reference,
            self.known,
            pd.DataFrame(x, columns=self.names),
            p,
            decided(p),
            exclusive=False,
            seed=seed,
        )
        said = np.array([found.metrics.get(name, (np.nan,) * 3) for name in METRICS])
        was = performance(y[:, None].astype(float), p, decided(p), exclusive=False, judged=[0])
        return found, said, was, performance(p, p, decided(p), exclusive=False, judged=[0])


def main() -> int:
    """Hold what was seen against the targets."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    missed = sum(not tell(*line) for line in chain(shifted(seeds), fickle()))
    print("every target was reached" if not missed else f"{missed} missed")
    return int(missed > 0)


def shifted(seeds: int) -> Lines:
    """T5: how far the estimated accuracy lies from the realised one, in terms of the floor."""
    for name, (kind, model) in KINDS.items():
        nights = [night for seed in range(seeds) for night in lived(kind, model, seed)]
        for shift in SHIFTS:
            print(
                f"          {name}, {shift}: {_errors([night for night in nights if night.shift == shift])}", flush=True
            )
        for which, some in (
            ("up to half a sd", [night for night in nights if night.shift != FARTHEST]),
            ("a whole sd", [night for night in nights if night.shift == FARTHEST]),
        ):
            told = [night for night in some if night.shown]
            inside = np.mean([night.inside for night in told]) if told else 1.0
            shown = f"{_errors(some)}; {inside:.0%} within the interval; {len(told)} of {len(some)} nights shown"
            yield f"T5 {name}, shifts of {which}", shown, not told or _ratio(told) <= WITHIN


def fickle() -> Lines:
    """T5: whether the estimates switch themselves off on electricity prices."""
    path = Path(sys.argv[2]) if len(sys.argv) > 2 else DATA
    if not path.exists():
        print(f"skipped: {path} is not there")
        return
    rows = pd.read_csv(path)
    for grain, length in {DAY: 48, WEEK: 336}.items():
        yield f"T5 Elec2 by the {grain}", *_lived_through(rows, grain, length)


def _lived_through(rows: pd.DataFrame, grain: Grain, length: int) -> tuple[str, bool]:
    """What was seen on a stream of half-hours cut into partitions, and whether estimates were silent on most of them."""
    y = rows["class"].to_numpy() == 1
    x = rows.drop(columns="class").to_numpy(dtype=float)
    times = pd.Series(FIRST + pd.to_timedelta(np.arange(len(x)) * 30, unit="min"))
    first, second = ELEC2_TRAINED * 336, ELEC2_KNOWN * 336
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x[:first], y[:first])
    estimator = Estimator.learn(
        model, x[first:second], y[first:second], times[first:second].reset_index(drop=True), grain, 0
    )
    usual, pairs, shown = estimator.reference.usual, [], []
    for start in range(second, len(x) - length + 1, length):
        part = slice(start, start + length)
        found, said, was, _ = estimator.night(x[part], y[part], start)
        shown.append("accuracy" not in found.off | estimated.judge(usual, pairs))
        pairs.append((said, was))
    errors = np.array([said[:, 0] - was for said, was in pairs])[:, ACCURACY]
    constant = np.array([usual.constant - was for _, was in pairs])[:, ACCURACY]
    seen = (
        f"shown on {np.mean(shown):.0%} of {len(pairs)} partitions; off by {np.abs(errors).mean():.3f} on average, "
        f"a constant by {np.abs(constant).mean():.3f}"
    )
    return seen, float(np.mean(shown)) <= MOST_SHOWN


def lived(kind: type[World], model: Any, seed: int) -> list[Lived]:
    """The nights of one draw of a world, a few for each shift."""
    world = kind(Stream(), seed)
    seen, labels = zip(*(world.draw() for _ in range(TRAINED)), strict=True)
    model.fit(np.concatenate(seen), np.concatenate(labels))
    drawn = [world.draw() for _ in range(KNOWN)]
    times = pd.Series(FIRST + pd.to_timedelta(np.repeat(np.arange(KNOWN), Stream().rows), unit="D"))
    estimator = Estimator.learn(
        model, np.concatenate([x for x, _ in drawn]), np.concatenate([y for _, y in drawn]), times, "day", seed
    )
    found = []
    for shift, moved in SHIFTS.items():
        for _ in range(NIGHTS):
            x, truth = world.chances(Stream(moved=moved))
            y = world.rng.random(len(x)) < truth
            estimate, said, was, plain = estimator.night(x, y, seed)
            p = estimator.score(x)
            floor = performance(truth[:, None], p, decided(p), exclusive=False, judged=[0])
            _, low, high = estimate.metrics["accuracy"]
            errors = [float((told - was)[ACCURACY]) for told in (floor, said[:, 0], plain)]
            found.append(Lived(shift, "accuracy" not in estimate.off, *errors, low <= was[ACCURACY] <= high))
    return found


def decided(p: Floats) -> Bools:
    """The likelier of two classes."""
    return np.asarray(p >= 0.5)


def _ratio(nights: Sequence[Lived]) -> float:
    return float(np.mean([abs(night.error) for night in nights]) / np.mean([abs(night.floor) for night in nights]))


def _errors(nights: Sequence[Lived]) -> str:
    nights = [night for night in nights if night.shown]
    if not nights:
        return "never shown"
    floor, error, plain = (
        float(np.mean([abs(getattr(night, name)) for night in nights])) for name in ("floor", "error", "plain")
    )
    return f"off by {error:.4f}, {error / floor:.2f} times the floor; by the scores alone {plain / floor:.2f} times"


def tell(what: str, shown: str, reached: bool) -> bool:
    """Print a line of what was seen."""
    print(f"{'reached' if reached else 'MISSED '} | {what} | {shown}", flush=True)
    return reached


if __name__ == "__main__":
    sys.exit(main())
