"""What a million events cost: a night of about 1 million card payments after ten days of 100,000, stage by stage.

For each stage: seconds, seconds of processors (this process, its children and PostgreSQL's), and the most memory that this
process and its children had meanwhile. Then the steps that are spread over workers, by one process and by two. `docs/scale.md`
derives its plans from these figures. A number on the command line asks for another size of the night.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from card_payments import NAME, ROOT, write
from measuring import PeakMemory

FIRST, NIGHT = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 15, tzinfo=UTC)
HISTORY_DAYS, HISTORY_ROWS = 10, 100_000


def main() -> None:
    """Write the project, live through its days, and print a line for each step."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        days = [FIRST + timedelta(days=number) for number in range(HISTORY_DAYS + 1)]
        write(root, days, [HISTORY_ROWS] * HISTORY_DAYS + [rows])
        os.environ |= {"LEEWAY_HOME": str(root / ".leeway"), "LEEWAY_PROJECT": folder, "LEEWAY_WORKERS": "1"}
        os.environ.pop("LEEWAY_DATABASE_URL", None)
        sys.path.insert(0, str(ROOT))
        print("step | rows | seconds | processor seconds | GB")
        live()


def live() -> None:
    """History, a champion, the night."""
    from leeway.dataset import features, snapshots
    from leeway.definition import catalog
    from leeway.definition.grains import DAY
    from leeway.definition.partitions import Partition, between
    from leeway.ingest import audit, deliveries, publication, sources
    from leeway.lifecycle import registry
    from leeway.monitoring import night as monitoring
    from leeway.scoring import batch_scoring
    from leeway.store.database import database
    from leeway.training import fit, training_data

    classifier, suite = catalog.load(NAME), catalog.audit_fingerprint(NAME)
    night = Partition.containing(NIGHT, DAY)

    def ingest(day: Partition) -> None:
        delivery = sources.deliver(classifier, day)
        audit.audit(classifier, day, delivery)
        publication.publish(classifier, day, delivery, suite)

    past = list(between(Partition.containing(FIRST, DAY), night.shift(-1)))
    measured("ten days of history", HISTORY_ROWS * len(past), lambda: [ingest(day) for day in past])
    as_of = night.start
    taken = measured("snapshot", 0, lambda: snapshots.take(classifier, as_of))
    with workers(2):
        again = measured("snapshot, 2 processes", taken.rows, lambda: snapshots.take(classifier, as_of))
    assert again == taken, "the number of workers must not show"
    learnt = training_data.material(classifier, taken.hash, as_of)
    _searches(classifier, learnt)
    key = measured("fit, search included", taken.rows, lambda: fit.fit(classifier, taken.hash, as_of))
    registry.promote(NAME, registry.register(NAME, key), reason="benchmark", actor="benchmark")

    delivery = measured("extract", 0, lambda: sources.deliver(classifier, night))
    size = len(deliveries.read(NAME, night, delivery))
    print(f"(a delivery of {size:,} rows, {deliveries.path_of(NAME, night, delivery).stat().st_size / 1e6:.0f} MB)")
    measured("audit", size, lambda: audit.audit(classifier, night, delivery))
    measured("publish", size, lambda: publication.publish(classifier, night, delivery, suite))
    query = features.for_scoring(classifier, night)
    measured("features alone", size, lambda: [batch.num_rows for batch in database().read_batches(query)])
    one = measured("score", size, lambda: batch_scoring.score(classifier, night))
    path = batch_scoring.path_of(NAME, night, one.version)
    kept = path.read_bytes()
    _forget_scored()
    with workers(2):
        measured("score, 2 processes", size, lambda: batch_scoring.score(classifier, night))
    assert path.read_bytes() == kept, "the number of workers must not show"
    measured("monitor", size, lambda: monitoring.run(classifier, night))
    _room()


def _searches(classifier: Any, learnt: Any) -> None:
    from leeway.training import distributed_search, search
    from leeway.training.trials import trials

    tried = list(trials(classifier.candidates))
    passed = sum(len(train) for train, _ in learnt.folds) * len(tried)
    here = measured("search", passed, lambda: search.search(classifier, learnt.x, learnt.y, learnt.folds))
    with workers(2):
        there = measured(
            "search, 2 processes",
            passed,
            lambda: distributed_search.spread_search(classifier, learnt, lambda text, share: None),
        )
    assert (here.scores == there.scores).all(), "the number of workers must not show"


def _forget_scored() -> None:
    import sqlalchemy as sa

    from leeway.store.database import database

    with database().transaction() as connection:
        connection.execute(sa.text("DELETE FROM leeway.partition WHERE stage = 'score'"))


def _room() -> None:
    """What a million events take in the database."""
    import sqlalchemy as sa

    from leeway.store.database import database

    query = sa.text(
        "SELECT relname, pg_total_relation_size(oid)::float / 1e6 AS mb, reltuples AS rows FROM pg_class"
        " WHERE relnamespace = to_regnamespace(:name) AND relkind = 'r' ORDER BY relname"
    )
    with database().transaction() as connection:
        connection.execute(sa.text("ANALYZE"))
        for row in connection.execute(query, {"name": NAME}):
            per_million = row.mb / row.rows * 1e6 if row.rows > 0 else 0
            print(f"table {row.relname} | {row.rows:,.0f} | {row.mb:.0f} MB | {per_million:.0f} MB per million rows")


class workers:  # noqa: N801 - reads as a phrase
    """Within the block, spread everything over so many processes."""

    def __init__(self, count: int) -> None:
        self.values = {"LEEWAY_WORKERS": str(count), "LEEWAY_SPREAD_ROWS": "1"}

    def __enter__(self) -> None:
        from leeway.core.settings import settings

        os.environ |= self.values
        settings.cache_clear()

    def __exit__(self, *error: object) -> None:
        from leeway.core.settings import settings

        os.environ["LEEWAY_WORKERS"] = "1"
        settings.cache_clear()


def measured(what: str, rows: int, do: Callable[[], Any]) -> Any:
    """Do it and print what it took; returns what it returns."""
    before, started = _processor_seconds(), time.monotonic()
    with PeakMemory(postgres=False) as memory:
        result = do()
    seconds = time.monotonic() - started
    shown = f"{rows:,}" if rows else "-"
    print(
        f"{what} | {shown} | {seconds:.1f} | {_processor_seconds() - before:.1f} | {memory.gigabytes:.2f}", flush=True
    )
    return result


def _processor_seconds() -> float:
    """Of this process with its children, those that have ended too, and of PostgreSQL."""
    own = os.times()
    total = own.user + own.system + own.children_user + own.children_system
    children = {child.pid for child in psutil.Process().children(recursive=True)}
    for process in psutil.process_iter(["pid", "name"]):
        ours = process.info["pid"] in children
        if not ours and not (process.info["name"] == "postgres" and _of_this_home(process)):
            continue
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _of_this_home(process: psutil.Process) -> bool:
    try:
        return process.cwd().startswith(str(Path(os.environ["LEEWAY_HOME"]).resolve()))
    except psutil.Error:
        return False


if __name__ == "__main__":
    main()
