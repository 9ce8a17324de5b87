"""Leeway beside other tools, on the same made-up streams: at their defaults, and at as many false alarms as Leeway's.

    python benchmarks/monitor/others.py [REFERENCES]

For each of the drawn references (5, where no number is given) a quiet time is lived through, and then changes, as in
`targets.py`. Every rule sees the same nights. Kolmogorov's and Smirnov's test, the population stability index and Evidently
hold them against 2,000 of the reference's rows, NannyML against its last quarter of a year. Evidently's distances come from its
own functions, for a report of each night would take hours; one night's report is compared with them. All is drawn from seeds.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import apart
import numpy as np
import pandas as pd
from scipy import stats
from streams import COLUMNS, IMPORTANT, UNUSED, Bools, Drawn, Floats, Stream, World
from targets import AFTER, AGAIN, BEFORE, BUDGETS, DEFAULT, tell
from watching import ALARMS, KNOWN, LATE, NAMES, TRAINED, Monitored, Night, policy

REFERENCES = 5
SAMPLE = 2_000
QUIET, FITTED = 200, 91  # nights in which nothing happens, and of the reference for NannyML
COOLDOWN = 14
PSI_BINS = 10
WORLDS = {"2,000 rows a night": Stream(), "200 rows a night": Stream(rows=200)}
CHANGES: dict[str, Callable[[Stream], Stream]] = {
    "important": lambda stream: stream.shifted(IMPORTANT, 0.25),
    "unused": lambda stream: stream.shifted(UNUSED, 0.25),
    "concept": lambda stream: stream.halved(IMPORTANT),
}
#: What each rule looks at, and beyond what it alarms by default.
DEFAULTS: dict[str, tuple[str, float]] = {
    "KS p < .05, any column": ("surprise", -np.log10(0.05)),
    "KS with Bonferroni": ("surprise", -np.log10(0.05 / COLUMNS)),
    "PSI > .1, any column": ("psi", 0.1),
    "Evidently, any column": ("evidently", 0.1),
    "Evidently preset, share >= .5": ("evidently half", 0.1),
    "NannyML Jensen-Shannon, 3 sd": ("jensen_shannon", 3.0),
    "NannyML accuracy, 3 sd": ("accuracy", 3.0),
}
LEEWAY = "Leeway"


class Kept(Monitored):
    """A monitored world whose rows are kept for the other tools."""

    def __init__(self, stream: Stream, seed: int) -> None:
        super().__init__(stream, seed, BUDGETS[DEFAULT])
        again = World(stream, seed)  # the same draws: from the same seed
        self.known = [again.draw() for _ in range(TRAINED + KNOWN)][TRAINED:]
        self.drawn: list[Drawn] = []

    def _live(self, drawn: Drawn) -> Night:
        self.drawn.append(drawn)
        return super()._live(drawn)


@dataclass
class Seen:
    """What one rule looked at in quiet nights, and in the nights from each change on."""

    quiet: list[Floats] = field(default_factory=list)
    changed: dict[str, list[Floats]] = field(default_factory=lambda: {name: [] for name in CHANGES})

    def events(self, limit: float) -> list[int]:
        """Alarms of each quiet time, none within the cooldown of another."""
        return [_events(nights > limit) for nights in self.quiet]

    def nights(self, limit: float) -> float:
        """The share of quiet nights that alarm."""
        return float(np.mean([nights > limit for nights in self.quiet]))

    def limit_for(self, events: int) -> float:
        """The lowest limit with no more alarms in all quiet nights."""
        tried = np.unique(np.concatenate(self.quiet))
        low, high = 0, len(tried) - 1  # at the highest there is none
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if sum(self.events(tried[middle])) <= events else (middle + 1, high)
        return float(tried[high])

    def delay(self, change: str, limit: float, share: float) -> float:
        """A quantile of the nights until a change is found; infinite where it is not within those lived."""
        first = [np.flatnonzero(nights > limit) for nights in self.changed[change]]
        found = [places[0] + 1.0 if len(places) else np.inf for places in first]
        return float(np.quantile(found, share, method="higher"))


def main() -> int:
    """Live through both worlds and print a table of each."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else REFERENCES
    missed = 0
    for name, stream in WORLDS.items():
        seen = {rule: Seen() for rule in (*DEFAULTS, LEEWAY)}
        for seed in range(count):
            live(stream, seed, seen)
            print(f"{name}: reference {seed + 1} of {count}", file=sys.stderr, flush=True)
        print(f"== {name}: {count} references, {AGAIN * count} changes of each kind")
        missed += sum(not tell(*line) for line in table(seen))
    return int(missed > 0)


def live(stream: Stream, seed: int, seen: dict[str, Seen]) -> None:
    """Live through quiet nights and changes, and add what each rule saw."""
    world = Kept(stream, seed)
    segments = [("", world.go_on([None] * QUIET))]
    for name, change in CHANGES.items():
        nights = [[None] * BEFORE + [change(stream)] * AFTER for _ in range(AGAIN)]
        segments += [(name, world.go_on(each)) for each in nights]
    looked = statistics(world, seed)
    first = 0
    for change, nights in segments:
        place = slice(first + (BEFORE if change else 0), first + len(nights))
        alarmed = np.isin(world.verdicts(nights, policy(BUDGETS[DEFAULT])), ALARMS).astype(float)
        first += len(nights)
        for rule, found in seen.items():
            own = alarmed[-(place.stop - place.start) :] if rule == LEEWAY else looked[DEFAULTS[rule][0]][place]
            (found.changed[change] if change else found.quiet).append(own)


def statistics(world: Kept, seed: int) -> dict[str, Floats]:
    """What each rule looks at, for every night that was lived; the largest over the columns where there are several."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate([x for x, _ in world.known])
    sample = rows[rng.choice(len(rows), SAMPLE, replace=False)]
    nights = [x for x, _ in world.drawn]
    surprise = [-np.log10(max(_ks(sample, x).min(), 1e-300)) for x in nights]
    evidently = np.sort([_evidently(sample, x) for x in nights], axis=1)
    _as_in_a_report(sample, nights[0], evidently[0])
    return {
        "surprise": np.array(surprise),
        "psi": np.array([_psi(sample, x).max() for x in nights]),
        "evidently": evidently[:, -1],
        "evidently half": evidently[:, -COLUMNS // 2],
        **_nannyml(world),
    }


def _ks(sample: Floats, night: Floats) -> Floats:
    return np.array([stats.ks_2samp(sample[:, j], night[:, j], method="asymp").pvalue for j in range(COLUMNS)])


def _psi(sample: Floats, night: Floats) -> Floats:
    found = []
    for j in range(COLUMNS):
        edges = np.quantile(sample[:, j], np.linspace(0, 1, PSI_BINS + 1)[1:-1])
        p, q = (
            np.maximum(np.bincount(np.searchsorted(edges, x[:, j]), minlength=PSI_BINS) / len(x), 1e-4)
            for x in (night, sample)
        )
        found.append(float((p - q) @ np.log(p / q)))
    return np.array(found)


def _evidently(sample: Floats, night: Floats) -> Floats:
    """Evidently's distance of each column, by the test that it chooses for numbers of so many rows."""
    from evidently.legacy.calculations.stattests import get_stattest

    found = []
    for j in range(COLUMNS):
        known, now = pd.Series(sample[:, j]), pd.Series(night[:, j])
        found.append(get_stattest(known, now, "num", None)(known, now, "num", None).drift_score)
    return np.array(found)


def _as_in_a_report(sample: Floats, night: Floats, distances: Floats) -> None:
    """That Evidently's preset tells the same distances of a night."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    definition = DataDefinition(numerical_columns=NAMES)
    now, known = (
        Dataset.from_pandas(pd.DataFrame(x, columns=NAMES), data_definition=definition) for x in (night, sample)
    )
    metrics = Report([DataDriftPreset()]).run(now, known).dict()["metrics"]
    told = [item["value"] for item in metrics if item["config"]["type"].endswith("ValueDrift")]
    np.testing.assert_allclose(np.sort(told), distances)


def _nannyml(world: Kept) -> dict[str, Floats]:
    with tempfile.TemporaryDirectory() as folder:
        for name, nights in (("reference", world.known[-FITTED:]), ("analysis", world.drawn)):
            frame = pd.DataFrame(np.concatenate([x for x, _ in nights]), columns=NAMES)
            y, p = np.concatenate([y for _, y in nights]), world.score(frame)[:, 0]
            frame = frame.assign(y=y.astype(int), y_pred=(p >= 0.5).astype(int), p=p)
            frame.to_parquet(Path(folder, f"{name}.parquet"))
        apart.run("with_nannyml.py", Path(folder), size=world.world.stream.rows, columns=NAMES)
        found = pd.read_parquet(Path(folder, "nannyml.parquet"))
    distance, accuracy = found["jensen_shannon"].to_numpy(), np.abs(found["accuracy"].to_numpy())
    assert ((distance > 3) == found["jensen_shannon_alert"]).mean() > 0.99, "NannyML alerts beyond 3 sd"
    late = np.append(np.zeros(LATE), accuracy[:-LATE])  # what is told of a night is of the labels that it knows
    return {"jensen_shannon": distance, "accuracy": late}


def table(seen: dict[str, Seen]) -> Iterator[tuple[str, str, bool]]:
    """Print both tables; then what is to be held against Leeway."""
    own = seen[LEEWAY]
    allowed = sum(own.events(0.5))
    default = {LEEWAY: 0.5, **{rule: limit for rule, (_, limit) in DEFAULTS.items()}}
    equal = {LEEWAY: 0.5, **{rule: seen[rule].limit_for(allowed) for rule in DEFAULTS}}
    print(
        "rule | nights alarming | events in 90 nights | nights to find: important offset | unused offset | concept change"
    )
    for title, limits in (("at their defaults", default), ("at as many false alarms", equal)):
        print(f"-- {title}")
        for rule, limit in limits.items():
            print(" | ".join([rule, *_row(seen[rule], limit)]), flush=True)
    for change in ("important", "concept"):
        best = min(DEFAULTS, key=lambda rule: _delays(seen[rule], change, equal[rule]))
        told, by = _delays(own, change, 0.5), _delays(seen[best], change, equal[best])
        shown = f"Leeway in {_shown(told)} nights, {best} in {_shown(by)}"
        yield f"none finds the {change} change sooner at as many false alarms", shown, told <= by


def _row(seen: Seen, limit: float) -> list[str]:
    events = float(np.mean(seen.events(limit))) * 90 / QUIET
    found = [_shown(_delays(seen, change, limit)) for change in CHANGES]
    return [f"{seen.nights(limit):.1%}", f"{events:.2f}", *found]


def _delays(seen: Seen, change: str, limit: float) -> tuple[float, float]:
    return seen.delay(change, limit, 0.5), seen.delay(change, limit, 0.9)


def _shown(delays: tuple[float, float]) -> str:
    """The median and the ninth decile."""
    return " / ".join(f"{nights:.0f}" if np.isfinite(nights) else f"> {AFTER}" for nights in delays)


def _events(alarms: Bools) -> int:
    count, free = 0, 0
    for night in np.flatnonzero(alarms):
        if night >= free:
            count, free = count + 1, night + COOLDOWN
    return count


if __name__ == "__main__":
    sys.exit(main())
