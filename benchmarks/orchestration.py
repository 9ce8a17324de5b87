"""What orchestration costs: nights of 100,000 card payments by the platform's deployment, and by a plain script.

Two classifiers of one definition see the same payments in the same database. Night after night one of them is carried out by
`leeway up`, the other by a process that makes the same calls of the library without Prefect, after the same imports. A night
counts from its first step to its end; the start of its process is told apart. It exits with 1 where a night of the platform
takes more than 1.25 times the script's, by the median of the nights, or its process comes to its first step later than after
6 s. Numbers on the command line ask for another size of a night and another count of nights.
"""

import json
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
from card_payments import write
from driving import Platform, moment, platform, until

from flows.warm_runner import PRELOADED
from leeway.operations.platform.processes import process_of

FIRST = datetime(2026, 1, 5, tzinfo=UTC)
HISTORY_DAYS, HISTORY_ROWS = 10, 20_000
MOST_RATIO, MOST_START_SECONDS = 1.25, 6.0
SERVED, PLAIN = "served", "plain"
SCRIPT = """
import importlib, json, sys, time
from leeway.definition import catalog
from leeway.ingest import audit, publication, sources
from leeway.lifecycle import registry
from leeway.scoring import batch_scoring
from leeway.monitoring import night
from leeway.definition.partitions import Partition

for module in {modules}:  # what the platform has imported, too, before a night begins
    importlib.import_module(module)
name, day = sys.argv[1:]
classifier, suite = catalog.load(name), catalog.audit_fingerprint(name)
partition = Partition.parse(day, classifier.partition)
registry.champion(name)
marks = [time.time()]
delivery = sources.deliver(classifier, partition)
marks.append(time.time())
audit.audit(classifier, partition, delivery)
marks.append(time.time())
publication.publish(classifier, partition, delivery, suite)
marks.append(time.time())
batch_scoring.score(classifier, partition)
marks.append(time.time())
night.run(classifier, partition)
marks.append(time.time())
print(json.dumps(marks))
"""
STEPS = ("extract", "audit", "publish", "score", "monitor")


def main() -> int:
    """Write the project, live through its nights, and print a line for each."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    nights = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with platform() as made:
        days = [FIRST + timedelta(days=number) for number in range(HISTORY_DAYS + nights)]
        write(made.root, days, [HISTORY_ROWS] * HISTORY_DAYS + [rows] * nights, (SERVED, PLAIN))
        made.up()
        _champions(made, days)
        print(f"nights of {rows:,} payments: seconds of each step, plain and served")
        print(f"night | {' | '.join(STEPS)} | the rest | whole, plain | served | ratio | start, plain | served")
        found = [_night(made, day, number) for number, day in enumerate(days[HISTORY_DAYS:])]
    ratio = statistics.median(item["served"] / item["plain"] for item in found)
    start = statistics.median(item["start"] for item in found)
    print(f"by the median {ratio:.2f} times a plain script; {start:.1f} s from its process's start to its first step")
    return int(ratio > MOST_RATIO or start > MOST_START_SECONDS)


def _night(made: Platform, day: datetime, number: int) -> dict[str, float]:
    """One night by both, first by the one, then by the other."""
    key = f"{day:%Y-%m-%d}"
    ways = [_plain, _served] if number % 2 else [_served, _plain]
    found = {way: way(made, key) for way in ways}
    plain, served = found[_plain], found[_served]
    steps = [f"{plain['steps'][name]:.2f} {served['steps'][name]:.2f}" for name in STEPS]
    rest = served["seconds"] - sum(served["steps"].values())
    whole = f"{plain['seconds']:.2f} | {served['seconds']:.2f} | {served['seconds'] / plain['seconds']:.2f}"
    starts = f"{plain['start']:.2f} | {served['start']:.2f}"
    print(f"{key} | {' | '.join(steps)} | {rest:.2f} | {whole} | {starts}", flush=True)
    return {"plain": plain["seconds"], "served": served["seconds"], "start": served["start"]}


def _plain(made: Platform, key: str) -> dict[str, Any]:
    begun = time.time()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("{modules}", repr(PRELOADED)), PLAIN, key],
        capture_output=True,
        text=True,
        check=True,
        env=made.environment,
    )
    marks = json.loads(done.stdout)
    steps = {name: after - before for name, before, after in zip(STEPS, marks, marks[1:], strict=False)}
    return {"steps": steps, "seconds": marks[-1] - marks[0], "start": marks[0] - begun}


def _served(made: Platform, key: str) -> dict[str, Any]:
    run = made.start("nightly", classifier=SERVED, partition=key)
    until(lambda: process_of(run), "the night's process")
    process = psutil.Process(process_of(run))
    born = process.create_time()
    done = made.wait(run)
    assert done["state_type"] == "COMPLETED", done["state"]
    until(lambda: any(item["name"].startswith("tell") and item["end_time"] for item in made.tasks(run)), "its steps")
    until(lambda: not process.is_running(), "its end")  # the next one is not to be disturbed by it
    tasks = {item["name"].partition(" ")[0]: item for item in made.tasks(run)}
    steps = {name: moment(tasks[name]["end_time"]) - moment(tasks[name]["start_time"]) for name in STEPS}
    first = min(moment(item["start_time"]) for item in tasks.values())
    return {"steps": steps, "seconds": moment(done["end_time"]) - first, "start": first - born}


def _champions(made: Platform, days: list[datetime]) -> None:
    """The history, and one champion for each of the two."""
    first, last, as_of = days[0], days[HISTORY_DAYS - 1], days[HISTORY_DAYS]
    for name in (SERVED, PLAIN):
        span = ("--from", f"{first:%Y-%m-%d}", "--to", f"{last:%Y-%m-%d}", "--stage", "ingest")
        made.command("backfill", name, *span, check=True)
        made.command("train", name, "--as-of", f"{as_of:%Y-%m-%d}", check=True)


if __name__ == "__main__":
    sys.exit(main())
