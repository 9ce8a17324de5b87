"""Real drift with a real label delay: the platform, retraining on breach only, against its own first model frozen.

History until 2016-03, then every week until 2017-08 by the same flows that a night runs. Prints the mean weekly ROC AUC of both
on the same weeks, by all labels, and every retrain. Needs ../shared/data/hotel_bookings.parquet.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAME = "hotel_bookings"
FIRST, CUT, LAST = "2013-06-24", "2016-03-28", "2017-08-28"
JUDGED_FROM = "2016-08-29"  # the last year


def main() -> None:
    """Live through the weeks and print the figures."""
    if not (ROOT.parent / "shared" / "data" / "hotel_bookings.parquet").exists():
        print("skipped: ../shared/data/hotel_bookings.parquet is not there")
        return
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {"LEEWAY_HOME": home, "LEEWAY_PROJECT": str(ROOT / "tests" / "projects" / "hotel")}
        sys.path.insert(0, str(ROOT))
        from leeway.cli.orchestrated import orchestrated

        started = time.monotonic()
        with orchestrated("nightly"):
            live()
        report()
        print(f"{time.monotonic() - started:.0f} s in all")


def live() -> None:
    """History, the first model, then week by week."""
    import flows.backfill
    import flows.nightly
    import flows.train
    from leeway.errors import DeliveryRejected
    from leeway.partitions import Partition, between

    cut = Partition.parse(CUT, "week")
    flows.backfill.backfill(NAME, FIRST, cut.shift(-1).key, stage="ingest", which="missing", dry_run=False)
    flows.train.train(NAME, cut.start, "the first one", "benchmark")
    for week in between(cut, Partition.parse(LAST, "week")):
        try:
            night = flows.nightly.nightly(NAME, week.key)
        except DeliveryRejected as error:
            print(week, error)
            continue
        line = (
            f"{week} {night.scored.rows:5d} v{night.scored.version} {night.monitored.verdict:10s} {night.monitored.why}"
        )
        if night.retrained:
            line += f" -> {night.retrained.state} v{night.retrained.version}"
        print(line, night.retrain_failed or "", file=sys.stderr, flush=True)


def report() -> None:
    """The figures."""
    import sqlalchemy as sa
    from sklearn.metrics import roc_auc_score

    from leeway import catalog, registry, scoring
    from leeway.partitions import Partition, between
    from leeway.store import ledger
    from leeway.store.database import database
    from leeway.store.tables import tables_of

    classifier = catalog.load(NAME)
    history = registry.history(NAME)
    promoted = sorted((item for item in history if item.outcome == "promoted"), key=lambda item: item.version)
    frozen = registry.load(NAME, promoted[0])
    labels = database().read(sa.select(tables_of(classifier).label)).to_pandas().set_index("event_id")["positive"]
    weekly = []
    for week in between(Partition.parse(CUT, "week"), Partition.parse(LAST, "week")):
        with database().transaction() as connection:
            entry = ledger.entry(connection, NAME, week, "score")
        if entry is None:
            continue
        rows = scoring.read(NAME, week, entry.input["version"])
        y = labels.reindex(rows["event_id"]).to_numpy()
        if len(set(y)) == 2:
            weekly.append((week.key, roc_auc_score(y, frozen.score(rows)[:, 0]), roc_auc_score(y, rows["score"])))
    for title, weeks in (("all weeks", weekly), ("the last year", [week for week in weekly if week[0] >= JUDGED_FROM])):
        still, moving = (sum(week[column] for week in weeks) / len(weeks) for column in (1, 2))
        print(
            f"{title}: {len(weeks)} weeks, mean weekly AUC {still:.3f} frozen, {moving:.3f} platform, {moving - still:+.3f}"
        )
    refused = sum(item.outcome == "refused" for item in history)
    print(f"{len(promoted) - 1} promotions after the first, {refused} refusals")
    print("promoted as of", ", ".join(f"{item.as_of:%Y-%m-%d}" for item in promoted))


if __name__ == "__main__":
    main()
