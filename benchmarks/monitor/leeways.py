"""Leeway's policy on a stream, by the library's own functions: the monitor, what answers a breach, windows and the gate."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
import pandas as pd
from nights import HISTORY, LATE, NIGHTS, Model, MonitoredNight, Served
from streams import COLUMNS, Floats

from leeway.core.errors import TrainingError
from leeway.definition import CSV, Classifier, Label, Training, days, numeric
from leeway.definition.grains import DAY
from leeway.definition.partitions import Partition
from leeway.detection import build_reference, changes
from leeway.detection.monitor import Finding, judge, lookback
from leeway.detection.monitor import MonitoredNight as Seen
from leeway.detection.reference import Reference
from leeway.detection.sketch import LabelResiduals, Sketch, with_scores
from leeway.evaluation.gates import Evidence, better_than_champion
from leeway.lifecycle.retraining import Request, answer
from leeway.lifecycle.verdict import GateVerdict
from leeway.model.window import TrainingWindow, windows
from leeway.monitoring import incidents
from leeway.training import folds
from leeway.training.training_data import Split, cut

NAMES = [f"c{number:02}" for number in range(COLUMNS)]
START = datetime(2024, 1, 1, tzinfo=UTC)
CLASSIFIER = Classifier(
    source=CSV(path="x"),
    event_id="id",
    event_time="at",
    label=Label(column="y", delay=days(LATE)),
    columns={name: numeric() for name in NAMES},
    training=Training(window=days(HISTORY - 2 * LATE)),
)


def partition(number: int) -> Partition:
    """The partition of a night."""
    return Partition(START + timedelta(days=number), DAY)


def number_of(moment: datetime) -> int:
    """The night that begins at a time."""
    return round((moment - START) / timedelta(days=1))


@dataclass(frozen=True)
class Bundle:
    """A model with what it was made of.

    Attributes:
        window: what of the snapshot it was trained on.
        unseen: rows with scores `p`, shape (n, 1), by a model that had not seen them.
    """

    model: Model
    as_of: datetime
    window: TrainingWindow | None
    split: Split
    unseen: pd.DataFrame
    p: Floats

    @cached_property
    def learnt(self) -> frozenset[int]:
        """The nights that it was trained on."""
        return frozenset(number_of(day) for day in self.split.development["event_time"].unique())

    @cached_property
    def reference(self) -> Reference:
        """What the monitor compares with."""
        rows, since = self.unseen[["event_time", "positive", "known_at"]], self.window and self.window.since
        return build_reference.build(CLASSIFIER, rows, self.unseen[NAMES], self.p, self.as_of, self.score, since=since)

    def score(self, x: pd.DataFrame) -> Floats:
        """Probabilities, shape (n, 1)."""
        return np.asarray(self.model.predict_proba(x.to_numpy())[:, 1:])


@dataclass
class Life:
    """What has been lived through."""

    nights: dict[int, MonitoredNight]
    faulty: set[int] = field(default_factory=set)
    out: dict[int, tuple[int, bool]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    waiting: dict[int, LabelResiduals] = field(default_factory=dict)

    def snapshot(self, as_of: datetime) -> pd.DataFrame:
        """What could be learnt from as of a time."""
        last, window = number_of(as_of) - LATE - 1, CLASSIFIER.training.window
        first = last + 1 - (window or timedelta(0)) // timedelta(days=1)
        untrusted = self.faulty | self._passed()
        numbers = [number for number in range(first, last + 1) if number not in untrusted]
        frames = [
            frame(self.nights[number]).assign(event_time=partition(number).start, positive=self.nights[number].y)
            for number in numbers
        ]
        rows = pd.concat(frames, ignore_index=True)
        return rows.assign(known_at=rows["event_time"])

    def move(self, request: Request, state: str) -> None:
        """Write a request's transition."""
        self.requests[self.requests.index(request)] = replace(request, state=state)

    def _passed(self) -> set[int]:
        drift, found = CLASSIFIER.drift, set[int]()
        for version in {version for version, _ in self.out.values()}:
            own = [number for number in sorted(self.out) if self.out[number][0] == version]
            gone = changes.passed([self.out[number][1] for number in own], drift.confirm, drift.among)
            found |= {number for number, is_gone in zip(own, gone, strict=True) if is_gone}
        return found


def lived(nights: dict[int, MonitoredNight]) -> Served:
    """Live through the nights."""
    life, served = Life(nights), Served()
    champion, version = train(life, partition(-1).end, None), 0
    for number in range(NIGHTS):
        served.serve(number, nights[number], champion.model, champion.learnt)
        finding = monitor(life, champion, number, version)
        as_of = partition(number).end
        for item in [item for item in life.requests if item.state == "waiting" and item.as_of <= as_of]:
            life.move(item, "requested")
        if finding.verdict == "breach":
            ask(life, champion, number, finding)
        due = next((item for item in life.requests if item.state == "requested"), None)
        if due is not None:
            challenger = best(life, champion, due)
            life.move(due, "promoted" if challenger else "kept_champion")
            if challenger is not None:
                champion, version = challenger, version + 1
                served.promoted.append(number)
                life.seen.clear()
    return served


def monitor(life: Life, champion: Bundle, number: int, version: int) -> Finding:
    """Hold a night against the champion's reference."""
    binnings, night = champion.reference.binnings, life.nights[number]
    x = frame(night)
    p = champion.score(x)
    columns = with_scores(x, p, CLASSIFIER.label.outputs)
    life.waiting[number] = LabelResiduals.of(binnings, columns, night.y[:, None], p)
    held = None
    if (mature := number - LATE) in life.waiting and mature not in life.faulty:
        # The champion's own scores of that night, as a version that has just come has none of it.
        held = life.waiting[mature] if mature > served_from(life) else None
    seen = Seen(partition(number), Sketch.of(binnings, columns), partition(mature), held)
    recent = life.seen[-lookback(CLASSIFIER.drift) :]
    finding = judge(champion.reference, CLASSIFIER.drift, [*recent, seen])
    if finding.verdict == "data fault":
        life.faulty.add(number)
    else:
        life.seen.append(seen)
    if finding.harm is not None:
        life.out[mature] = version, finding.harm.harmful
    return finding


def served_from(life: Life) -> int:
    """The last night before the champion's first one."""
    return max((number_of(item.as_of) - 1 for item in life.requests if item.state == "promoted"), default=-1)


def ask(life: Life, champion: Bundle, number: int, finding: Finding) -> None:
    """File a request for a breach."""
    since = changes.since(champion.reference, life.seen, finding)
    recent = {seen.partition: seen.observed for seen in life.seen[-LATE - lookback(CLASSIFIER.drift) :]}
    incident = incidents.many_columns(champion.reference, recent)
    as_of = partition(number).end
    found = answer(CLASSIFIER, as_of, finding.why, since=since, past=life.requests, incident=incident)
    evidence = {"since": since.isoformat()} if since else {}
    step = {"state": found.state, "why": found.why, "at": partition(number).key, "evidence": evidence}
    life.requests.append(Request(partition(number).key, "stream", found.state, finding.why, found.as_of, None, [step]))


def best(life: Life, champion: Bundle, request: Request) -> Bundle | None:
    """The better of the challengers, if the gate admits it."""
    tried = []
    for window in windows(CLASSIFIER, request.since):
        with suppress(TrainingError):  # what began has passed: there is nothing left of it to learn
            challenger = train(life, request.as_of, window)
            tried.append((examine(champion, challenger), challenger))
    verdict, challenger = max(tried, key=lambda item: item[0].numbers.get("gain", -np.inf))
    return challenger if verdict.outcome == "pass" else None


def examine(champion: Bundle, challenger: Bundle) -> GateVerdict:
    """The gate's verdict on a challenger's holdout."""
    rows = challenger.split.holdout
    times = rows["event_time"].map(lambda time: partition(number_of(time)).key)
    fair = ~rows["event_time"].map(number_of).isin(champion.learnt)
    x, y = rows[NAMES], rows["positive"].to_numpy()[:, None]
    evidence = Evidence(
        CLASSIFIER,
        CLASSIFIER.label.outputs,
        y,
        challenger.score(x),
        champion.score(x),
        times.to_numpy(str),
        fair.to_numpy(),
        {},
    )
    return better_than_champion.gate.check(evidence)


def train(life: Life, as_of: datetime, window: TrainingWindow | None) -> Bundle:
    """Train as the library does: on the development rows; what was scored unseen is for the reference."""
    split = cut(CLASSIFIER, life.snapshot(as_of), as_of, window)
    learnt = split.development
    x, y = learnt[NAMES].to_numpy(), learnt["positive"].to_numpy()
    model = _fit(x, y)
    kept, scores = [], []
    if len(split.before) < len(learnt):
        for own, held_out in folds.folds(CLASSIFIER, learnt, y):
            kept.append(learnt.iloc[held_out])
            scores.append(_fit(x[own], y[own]).predict_proba(x[held_out])[:, 1:])
    for unseen in (split.before, split.holdout):
        if len(unseen):
            kept.append(unseen)
            scores.append(model.predict_proba(unseen[NAMES].to_numpy())[:, 1:])
    rows, p = pd.concat(kept, ignore_index=True), np.concatenate(scores)
    order = np.argsort(rows["event_time"].to_numpy(), kind="stable")
    return Bundle(model, as_of, window, split, rows.iloc[order].reset_index(drop=True), p[order])


def _fit(x: Floats, y: "Sequence[bool] | np.ndarray") -> Model:
    return Model(solver="newton-cholesky").fit(x, y)


def frame(night: MonitoredNight) -> pd.DataFrame:
    """A night's columns by name."""
    return pd.DataFrame(night.x, columns=NAMES)
