"""Real drift with a real label delay: the platform, retraining on breach only, against its own first model frozen.

History until 2016-03, then every week until 2017-08 by the same flows that a night runs. Prints the ROC AUC of both on the same
weeks, by all labels: the mean of the weeks' own, and that of all their bookings together. Beside them, plain boosting fitted
anew every 28 days to all that was known then. Needs ../shared/data/hotel_bookings.parquet.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from leeway.definition import Classifier

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
    from leeway.core.errors import DeliveryRejected
    from leeway.definition.grains import WEEK
    from leeway.definition.partitions import Partition, between

    cut = Partition.parse(CUT, WEEK)
    flows.backfill.backfill(NAME, FIRST, cut.shift(-1).key, stage="ingest", which="missing", dry_run=False)
    flows.train.train(NAME, cut.start, "the first one", "benchmark")
    for week in between(cut, Partition.parse(LAST, WEEK)):
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
    import pandas as pd
    import sqlalchemy as sa
    from sklearn.metrics import roc_auc_score

    from leeway.definition import catalog
    from leeway.definition.grains import WEEK
    from leeway.definition.partitions import Partition, between
    from leeway.lifecycle import registry
    from leeway.scoring import batch_scoring
    from leeway.store import ledger
    from leeway.store.database import database
    from leeway.store.tables import tables_of

    classifier = catalog.load(NAME)
    history = registry.history(NAME)
    promoted = sorted((item for item in history if item.outcome == "promoted"), key=lambda item: item.version)
    frozen = registry.load(NAME, promoted[0])
    labels = database().read(sa.select(tables_of(classifier).label)).to_pandas().set_index("event_id")["positive"]
    kept = []
    for week in between(Partition.parse(CUT, WEEK), Partition.parse(LAST, WEEK)):
        with database().transaction() as connection:
            entry = ledger.entry(connection, NAME, week, "score")
        if entry is None:
            continue
        rows = batch_scoring.read(NAME, week, entry.input["version"]).set_index("event_id")
        kept.append(
            pd.DataFrame({"week": week.key, "frozen": frozen.score(rows)[:, 0], "platform": rows["score"]}, rows.index)
        )
    scored = pd.concat(kept).join(labels.rename("y"), how="inner").join(refitted(classifier), how="inner")
    for title, part in (("all weeks", scored), ("the last year", scored[scored["week"] >= JUDGED_FROM])):
        found = {
            name: (weekly(part, name), float(roc_auc_score(part["y"], part[name])))
            for name in ("frozen", "platform", "every 28 days")
        }
        told = ", ".join(f"{name} {mean:.3f} / {whole:.3f}" for name, (mean, whole) in found.items())
        print(f"{title}: {part['week'].nunique()} weeks, ROC AUC mean of weeks / all bookings: {told}")
    refused = sum(item.outcome == "refused" for item in history)
    print(f"{len(promoted) - 1} promotions after the first, {refused} refusals")
    print("promoted as of", ", ".join(f"{item.as_of:%Y-%m-%d}" for item in promoted))


def weekly(scored: "pd.DataFrame", name: str) -> float:
    """The mean of the weeks' own ROC AUC."""
    from sklearn.metrics import roc_auc_score

    weeks = [part for _, part in scored.groupby("week") if part["y"].nunique() == 2]
    return sum(float(roc_auc_score(part["y"], part[name])) for part in weeks) / len(weeks)


def refitted(classifier: "Classifier") -> "pd.Series[float]":
    """Scores of plain boosting that is fitted anew every 28 days to every booking whose outcome is known."""
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier

    raw = classifier.source.prepare(pd.read_parquet(classifier.source.path)).set_index("booking_id")
    columns = {name: raw[name] for name, column in classifier.columns.items() if column.kind == "numeric"}
    for name in classifier.columns.keys() - columns.keys():
        commonest = {value: place for place, value in enumerate(raw[name].value_counts().index[:250])}
        columns[name] = raw[name].map(commonest)
    x, start = pd.DataFrame(columns), pd.Timestamp(CUT)
    categories = [classifier.columns[name].kind == "categorical" for name in x]
    kept = []
    while (now := (raw["booked_on"] >= start) & (raw["booked_on"] < start + pd.Timedelta(days=28))).any():
        known = (raw["known_on"] <= start) & (raw["booked_on"] < start)
        model = HistGradientBoostingClassifier(categorical_features=categories, random_state=0)
        model.fit(x[known], raw.loc[known, "is_canceled"])
        kept.append(pd.Series(model.predict_proba(x[now])[:, 1], x.index[now]))
        start += pd.Timedelta(days=28)
    return pd.concat(kept).rename("every 28 days")


if __name__ == "__main__":
    main()
