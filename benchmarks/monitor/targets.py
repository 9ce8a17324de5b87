"""What the monitor must show on made-up streams: few alarms where nothing happens, and quick ones where something does.

    python benchmarks/monitor/targets.py [REFERENCES]

For each of the drawn references (50, where no number is given) a model is trained, a reference built, and a year lived through
in which nothing happens; then, time and again, something does. It prints a line for each target and exits with 1 if one is
missed. All is drawn from seeds.
"""

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
from streams import FAULTS, IMPORTANT, UNUSED, Stream
from watching import Monitored, events, found_after, policy

Lines = Iterator[tuple[str, str, bool]]  # what, what was seen, whether it was reached

REFERENCES = 50
YEAR = 365
BUDGETS = {"1 per 30": 365.25 / 30, "1 per 90": 365.25 / 90, "1 per 180": 365.25 / 180}
DEFAULT = "1 per 90"
BEFORE, AFTER, AGAIN = 14, 21, 2
WORLDS = {
    "season": Stream(shock=0.0),
    "season and shocks": Stream(),
    "season and shocks, 200 rows": Stream(rows=200),
}
CHANGES = {
    "offset of an important column": lambda stream: stream.shifted(IMPORTANT, 0.25),
    "concept change": lambda stream: stream.halved(IMPORTANT),
    "offset of an unused column": lambda stream: stream.shifted(UNUSED, 0.25),
    "nothing": lambda stream: stream,
}


def main() -> int:
    """Draw the references, two at a time, and hold what was seen against the targets."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else REFERENCES
    missed = 0
    for name, stream in WORLDS.items():
        with ProcessPoolExecutor(2, get_context("spawn")) as pool:
            seen = list(pool.map(live, [stream] * count, range(count)))
        print(f"== {name}: {count} references", flush=True)
        missed += sum(not tell(*item) for item in (*quiet(seen), *quick(seen, stream), *faulty(seen)))
    print("every target was reached" if not missed else f"{missed} missed")
    return int(missed > 0)


def live(stream: Stream, seed: int) -> dict[str, Any]:
    """One reference: the alarms of a quiet year by each budget, and how soon each change is found."""
    monitored = Monitored(stream, seed, BUDGETS[DEFAULT])
    year = monitored.go_on([None] * YEAR)
    seen: dict[str, Any] = {"quiet": {}, "limit": {}, "caught": {}}
    for name, budget in BUDGETS.items():
        verdicts = monitored.verdicts(year, policy(budget))
        seen["quiet"][name], seen["quarantined"] = events(verdicts), verdicts.count("data fault")
        seen["limit"][name] = monitored.reference.alarm.under(policy(budget)).limit
    for name, change in CHANGES.items():
        seen[name] = []
        for _ in range(AGAIN):
            nights = monitored.go_on([None] * BEFORE + [change(stream)] * AFTER)
            seen[name].append(found_after(monitored.verdicts(nights, policy(BUDGETS[DEFAULT]))[BEFORE:]))
    for name, fault in FAULTS.items():
        last = [monitored.verdicts(monitored.faulty(fault), policy(BUDGETS[DEFAULT]))[-1] for _ in range(AGAIN)]
        seen["caught"][name] = last.count("data fault") / AGAIN
    return seen


def quiet(seen: list[dict[str, Any]]) -> Lines:
    """T1: how often a quiet year alarms."""
    for name, budget in BUDGETS.items():
        counts = np.array([item["quiet"][name] for item in seen])
        within = float((counts <= budget).mean())
        limit = np.mean([item["limit"][name] for item in seen])
        shown = (
            f"{counts.mean():.2f} a year of {budget:.1f} allowed, {within:.0%} of references within, limit {limit:.2f}"
        )
        yield f"T1 {name} nights", shown, counts.mean() <= budget and within >= 0.8


def quick(seen: list[dict[str, Any]], stream: Stream) -> Lines:
    """T2 to T4: how soon a change is found, and that an unused column's is none."""
    delays = {name: np.concatenate([item[name] for item in seen]) for name in CHANGES}
    half, most = (2, 3) if stream.rows == 2_000 else (4, 7)
    found = delays["offset of an important column"]
    middle, late = np.quantile(found, [0.5, 0.9], method="higher")
    yield (
        "T2 offset of an important column",
        f"found in {middle:.0f} nights, p90 {late:.0f}",
        middle <= half and late <= most,
    )
    if stream.rows == 2_000:
        late = np.quantile(delays["concept change"], 0.9, method="higher")
        yield "T3 concept change", f"p90 {late:.0f} nights, of which 7 until labels are known", late <= 7 + 3
    shares = [float((delays[name] <= 14).mean()) for name in ("offset of an unused column", "nothing")]
    yield (
        "T4 unused column",
        f"{shares[0]:.1%} alarm within 14 nights, {shares[1]:.1%} without",
        shares[0] <= shares[1] + 0.05,
    )


def faulty(seen: list[dict[str, Any]]) -> Lines:
    """T8: what a pipeline has spoilt is quarantined, and what it has not is not."""
    caught = {name: float(np.mean([item["caught"][name] for item in seen])) for name in FAULTS}
    shown = ", ".join(f"{name} {share:.0%}" for name, share in caught.items())
    yield "T8 faults caught", shown, float(np.mean(list(caught.values()))) >= 0.9
    rate = float(np.mean([item["quarantined"] for item in seen])) * 90 / YEAR
    yield "T8 clean nights quarantined", f"{rate:.2f} in 90", rate <= 1


def tell(what: str, shown: str, reached: bool) -> bool:
    """Print a line of what was seen."""
    print(f"{'reached' if reached else 'MISSED '} | {what} | {shown}", flush=True)
    return reached


if __name__ == "__main__":
    sys.exit(main())
