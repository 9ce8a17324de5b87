"""What becomes of the work when the platform is broken under it: on `leeway up`, with small classifiers.

Each part does a piece of work undisturbed with one classifier, then with another on the same data while things are killed,
cancelled or taken away, and holds what the database has of the two against each other. It prints what was seen, and exits
with 1 if a promise is broken. Parts can be named on the command line; `kills` takes a number of partitions: `kills=40`.
"""

import os
import random
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import toys
from driving import Platform, kill, moment, platform, until

from leeway.operations.platform.processes import process_of

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
HISTORY = 30  # days that the champions learn from
DISTURBANCES = 10
CLEAR = 600  # characters of one clear line, at most
broken: list[str] = []


def main() -> int:
    """Do the parts that were asked for, or all."""
    parts = {"kills": kills, "outages": outages, "rush": rush}
    asked = [argument.partition("=") for argument in sys.argv[1:]] or [(name, "", "") for name in parts]
    for name, _, size in asked:
        print(f"== {name}", flush=True)
        parts[name](*([int(size)] if size else []))
    print("every promise was kept" if not broken else f"broken: {'; '.join(broken)}")
    return bool(broken)


def promise(what: str, kept: bool, seen: object) -> None:
    """Tell what was seen of a promise."""
    print(f"{'kept  ' if kept else 'BROKEN'} | {what} | {seen}", flush=True)
    if not kept:
        broken.append(what)


def kills(partitions: int = 200) -> None:
    """A backfill over two processes is killed and cancelled, time and again, and started again each time."""
    rng = random.Random(7)  # noqa: S311 - not for secrets
    with platform() as made:
        _begin(made, ("calm", "tossed"), HISTORY + partitions)
        begun = time.monotonic()
        assert made.wait(_backfill(made, "calm", partitions))["state_type"] == "COMPLETED"
        calm = time.monotonic() - begun
        print(f"{partitions} partitions undisturbed: {calm:.0f} s")
        run, done, begun = _backfill(made, "tossed", partitions), [], time.monotonic()
        while len(done) < DISTURBANCES:
            made.wait(run, "RUNNING")
            until(partial(process_of, run), "the run's process")
            time.sleep(rng.uniform(0, 1.5 * calm / DISTURBANCES))
            if made.run(run)["state_type"] != "RUNNING":
                break
            how = rng.choice(("killed", "cancelled"))
            if how == "killed":
                kill(run)
            else:
                made.cancel(run)
            ended = made.wait(run)["state_type"]
            done.append(f"{how} after {time.monotonic() - begun:.0f} s: {ended.lower()}")
            if ended == "CRASHED":
                made.wait(made.start("sweep"))
            if made.run(run)["state_type"] in ("CRASHED", "CANCELLED"):  # a person starts it again
                run = _backfill(made, "tossed", partitions)
        last = made.wait(run)
        print(f"disturbed {len(done)} times: {'; '.join(done)}; {time.monotonic() - begun:.0f} s in all")
        promise("it was disturbed as often as meant", len(done) == DISTURBANCES, len(done))
        promise("the last backfill ends well", last["state_type"] == "COMPLETED", _said(last))
        promise("no process is left behind", not made.orphans(), made.orphans())
        _same("calm", "tossed")


def outages() -> None:
    """The database, Prefect's server and MLflow go away in the middle of a night, and MLflow in a training."""
    with platform() as made:
        _begin(made, ("calm", "tossed"), HISTORY + 6)
        nights = [f"{FIRST + timedelta(days=HISTORY + number):%Y-%m-%d}" for number in range(6)]
        for night in nights:
            assert made.wait(made.start("nightly", classifier="calm", partition=night))["state_type"] == "COMPLETED"
        outcomes = {
            "the database dies in a night": _night_without(made, nights[0], "database", _kill_postgres),
            "the database is away for 20 s of a night": _night_without(made, nights[1], "database", _postgres_away),
            "Prefect's server dies in a night": _night_without(made, nights[2], "prefect", _kill_service),
            "MLflow dies in a night": _night_without(made, nights[3], "mlflow", _kill_service),
            "the runner dies in a night": _night_without(made, nights[4], "runner", _kill_service),
        }
        for what, (first, second) in outcomes.items():
            clear = first["state_type"] == "COMPLETED" or "\n" not in first["state"]["message"].strip()
            promise(f"{what}: it waits, or says why in a line", clear, _said(first))
            promise(f"{what}: the next one completes it", second["state_type"] == "COMPLETED", _said(second))
        assert made.wait(made.start("nightly", classifier="tossed", partition=nights[5]))["state_type"] == "COMPLETED"
        run = made.start("train", classifier="tossed")
        made.wait(run, "RUNNING")
        _kill_service(made, "mlflow")
        trained = made.wait(run)
        promise("MLflow dies in a training: it ends well", trained["state_type"] == "COMPLETED", _said(trained))
        _same("calm", "tossed")


def rush(classifiers: int = 10) -> None:
    """Nights of ten classifiers are due at the same minute."""
    names = [f"rush{number}" for number in range(classifiers)]
    with platform() as made:
        last = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        toys.write(made.root, names, last - timedelta(days=HISTORY), HISTORY, rows=200)
        made.up()
        before = f"{last - timedelta(days=2):%Y-%m-%d}"
        for run in [
            made.start("nightly", classifier=name, partition=before) for name in names
        ]:  # their first champions
            assert made.wait(run)["state_type"] == "COMPLETED"
        due = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=2)
        for name in names:
            toys.declare(made.root, name, f"{due:%M %H} * * *")
        wanted = {
            "flow_runs": {"start_time": {"after_": due.isoformat()}},
            "deployments": {"name": {"any_": ["nightly"]}},
        }
        until(lambda: len(_ended(made, wanted)) == classifiers, "all nights to end")
        runs = _ended(made, wanted)
        work = [moment(run["end_time"]) - moment(run["start_time"]) for run in runs]
        waited = sorted(moment(run["start_time"]) - due.timestamp() for run in runs)
        late = max(moment(run["end_time"]) for run in runs) - due.timestamp()
        print(
            f"first steps {' '.join(f'{item:.0f}' for item in waited)} s after the minute; work {sum(work):.0f} s in all"
        )
        promise(
            "all are done", all(run["state_type"] == "COMPLETED" for run in runs), [run["state_name"] for run in runs]
        )
        promise("the last is no later than the work of all takes", late <= sum(work), f"{late:.0f} s")


def _ended(made: Platform, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    return [run for run in made.ask("/flow_runs/filter", wanted) if run["end_time"]]


def _begin(made: Platform, names: tuple[str, ...], days: int) -> None:
    """A platform that is up, and classifiers with champions that learnt from the same days."""
    toys.write(made.root, names, FIRST, days)
    made.up()
    os.environ |= {"LEEWAY_HOME": str(made.home), "LEEWAY_PROJECT": str(made.root)}
    as_of = FIRST + timedelta(days=HISTORY)
    for name in names:
        span = ("--from", f"{FIRST:%Y-%m-%d}", "--to", f"{as_of - timedelta(days=1):%Y-%m-%d}", "--stage", "ingest")
        made.command("backfill", name, *span, check=True)
        made.command("train", name, "--as-of", f"{as_of:%Y-%m-%d}", check=True)


def _backfill(made: Platform, name: str, partitions: int) -> str:
    first, last = (FIRST + timedelta(days=HISTORY + number) for number in (0, partitions - 1))
    span = {"first": f"{first:%Y-%m-%d}", "last": f"{last:%Y-%m-%d}"}
    return made.start("backfill", classifier=name, **span, dry_run=False, concurrency=2)


def _same(one: str, other: str) -> None:
    """What the database has of two classifiers is the same, and nothing twice."""
    mine, theirs = toys.contents(one), toys.contents(other)
    for table, seen in theirs.items():
        counts = f"{seen['rows']} rows, {mine[table]['rows']} undisturbed"
        promise(
            f"{table}: as undisturbed, and none twice",
            seen == mine[table] and seen["rows"] == seen["different"],
            counts,
        )
    promise("no current event, and no prediction of a version, twice", toys.twice(other) == 0, toys.twice(other))


def _night_without(made: Platform, night: str, service: str, disturb: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A night that is disturbed while it reads its source, and the one after it."""
    hold = made.root / "hold"
    hold.touch()
    run = made.start("nightly", classifier="tossed", partition=night)
    made.wait(run, "RUNNING")
    time.sleep(3)  # it is in the middle of its first step
    disturb(made, service)
    hold.unlink()
    until(lambda: made.is_up(service), f"{service} to be up again")
    return made.wait(run), made.wait(made.start("nightly", classifier="tossed", partition=night))


def _kill_service(made: Platform, service: str) -> None:
    before = made.unit(service)["restarts"]
    os.kill(made.unit(service)["pid"], signal.SIGKILL)
    until(lambda: made.unit(service)["restarts"] > before, f"{service} to be started again")


def _kill_postgres(made: Platform, service: str) -> None:
    os.kill(_postmaster(made), signal.SIGKILL)


def _postgres_away(made: Platform, service: str) -> None:
    """The whole server stands still, as a machine that swaps does, then dies."""
    process = _postmaster(made)
    os.kill(process, signal.SIGQUIT)
    time.sleep(20)


def _postmaster(made: Platform) -> int:
    return int((made.home / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def _said(run: dict[str, Any]) -> str:
    message = " ".join(str(run["state"]["message"] or "").split())
    return f"{run['state_type'].lower()}{': ' if message else ''}{message}"[:CLEAR]


if __name__ == "__main__":
    sys.exit(main())
