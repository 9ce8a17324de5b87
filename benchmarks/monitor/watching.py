"""Leeway's monitor on made-up streams, by the library's own functions: a reference is built, and every night judged by it."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from streams import COLUMNS, Drawn, Floats, Stream, World

from leeway.definition import CSV, Classifier, DriftPolicy, Label, days, numeric
from leeway.definition.grains import DAY
from leeway.definition.partitions import Partition
from leeway.detection import build_reference
from leeway.detection.monitor import MonitoredNight, judge, lookback
from leeway.detection.reference import Reference
from leeway.detection.sketch import LabelResiduals, Sketch, with_scores

TRAINED, KNOWN = 60, 182  # nights
LATE = 7  # nights until a label is known
NAMES = [f"c{number:02}" for number in range(COLUMNS)]
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
ALARMS = ("alert", "breach")


def policy(alarms_per_year: float) -> DriftPolicy:
    """The defaults, with two weeks between alarms."""
    return DriftPolicy(alarms_per_year=alarms_per_year, cooldown=days(14))


def classifier(alarms_per_year: float) -> Classifier:
    """What a person would declare of such a stream."""
    return Classifier(
        source=CSV(path="x"),
        event_id="id",
        event_time="at",
        label=Label(column="y", delay=days(LATE)),
        columns={name: numeric() for name in NAMES},
        drift=policy(alarms_per_year),
    )


class Monitored:
    """A world with a bundle, its reference, and the nights that go on."""

    def __init__(self, stream: Stream, seed: int, alarms_per_year: float) -> None:
        self.world = World(stream, seed)
        seen, labels = zip(*(self.world.draw() for _ in range(TRAINED)), strict=True)
        self.model = LogisticRegression().fit(np.concatenate(seen), np.concatenate(labels))
        drawn = [self.world.draw() for _ in range(KNOWN)]
        at = np.repeat(np.arange(KNOWN), stream.rows)
        start = self._night(TRAINED).start
        times = pd.Series(start + pd.to_timedelta(at, unit="D"))
        rows = pd.DataFrame({"event_time": times, "positive": np.concatenate([y for _, y in drawn]), "known_at": times})
        x = pd.DataFrame(np.concatenate([x for x, _ in drawn]), columns=NAMES)
        as_of = self._night(TRAINED + KNOWN + LATE).end
        self.classifier = classifier(alarms_per_year)
        self.reference = build_reference.build(self.classifier, rows, x, self.score(x), as_of, self.score)
        self._under: dict[DriftPolicy, Reference] = {}
        self._waiting: list[LabelResiduals] = []
        self._lived = self.world.night

    def score(self, x: pd.DataFrame) -> Floats:
        """The model's probabilities, shape (n, 1)."""
        return self.model.predict_proba(x.to_numpy())[:, 1:]

    def go_on(self, changes: Iterable[Stream | None]) -> list[MonitoredNight]:
        """Live through nights, each as it is changed."""
        return [self._live(self.world.draw(change)) for change in changes]

    def faulty(self, fault: Callable[[Drawn, Drawn], Drawn]) -> list[MonitoredNight]:
        """Live through some good nights and one that a pipeline has spoilt."""
        drawn = [self.world.draw() for _ in range(3)]
        return [self._live(night) for night in [*drawn[:-1], fault(drawn[-1], drawn[-2])]]

    def verdicts(self, nights: list[MonitoredNight], limits: DriftPolicy) -> list[str]:
        """The verdict on each of the nights, with those before it."""
        if limits not in self._under:  # a limit is found once
            alarm = self.reference.alarm.under(limits)
            self._under[limits] = self.reference.model_copy(update={"alarm": alarm})
        back, known = lookback(limits), self._under[limits]
        return [judge(known, limits, nights[max(0, place - back) : place + 1]).verdict for place in range(len(nights))]

    def _live(self, drawn: Drawn) -> MonitoredNight:
        number, (x, y) = self._lived, drawn
        self._lived += 1
        frame = pd.DataFrame(x, columns=NAMES)
        p = self.score(frame)
        columns = with_scores(frame, p, self.classifier.label.outputs)
        binnings = self.reference.binnings
        self._waiting.append(LabelResiduals.of(binnings, columns, y[:, None], p))
        held = self._waiting.pop(0) if len(self._waiting) > LATE else None
        return MonitoredNight(self._night(number), Sketch.of(binnings, columns), self._night(number - LATE), held)

    @staticmethod
    def _night(number: int) -> Partition:
        return Partition(FIRST + timedelta(days=number), DAY)


def events(verdicts: list[str], cooldown: int = 14) -> int:
    """How many alarms there are, none within the cooldown of another."""
    count, free = 0, 0
    for night, verdict in enumerate(verdicts):
        if verdict in ALARMS and night >= free:
            count, free = count + 1, night + cooldown
    return count


def found_after(verdicts: list[str]) -> int:
    """The first night with an alarm, counted from 1; a large number where there is none."""
    return next((night + 1 for night, verdict in enumerate(verdicts) if verdict in ALARMS), 999)
