"""Two real streams that hardly drift: nothing may be promoted in them that is not better on what came after.

History and a first champion, then partition by partition by the same flows that a night runs. Prints what the monitor said,
what was retrained, and of each promotion, whether the new champion was better than the old one on the partitions that it
scored. Needs ../shared/data; names on the command line choose some of the streams.
"""

import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from targets import tell

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
SET_ASIDE = 1 / 90  # of the partitions of a stream in which nothing breaks
PROJECT = Path(__file__).parent / "stable"


@dataclass(frozen=True)
class Stable:
    """A stream: history from `first`, nights from `cut` to `last`, of this grain."""

    name: str
    first: str
    cut: str
    last: str
    grain: str


STREAMS = (
    Stable("weather_aus", "2008-12-01", "2014-01-06", "2017-06-19", "week"),
    Stable("no_show", "2016-04-29", "2016-05-20", "2016-06-08", "day"),
)


def main() -> int:
    """Live through the streams and hold what was seen against the target."""
    if not DATA.exists():
        print(f"skipped: {DATA} is not there")
        return 0
    sys.path.insert(0, str(ROOT))
    os.environ["LEEWAY_PROJECT"] = str(PROJECT)
    chosen = [stream for stream in STREAMS if stream.name in (sys.argv[1:] or [item.name for item in STREAMS])]
    missed = 0
    with tempfile.TemporaryDirectory() as home:
        os.environ["LEEWAY_HOME"] = home
        from leeway.cli.orchestrated import orchestrated

        for stream in chosen:
            started = time.monotonic()
            with orchestrated("nightly"):
                nights = live(stream)
            missed += told(stream, nights) + report(stream)
            print(f"{time.monotonic() - started:.0f} s in all", flush=True)
    return int(missed > 0)


def live(stream: Stable) -> list[Any]:
    """History, the first champion, then night by night: what each night found."""
    import flows.backfill
    import flows.nightly
    import flows.train
    from leeway.core.errors import DeliveryRejected
    from leeway.definition.grains import named
    from leeway.definition.partitions import Partition, between

    grain = named(stream.grain)
    cut, nights = Partition.parse(stream.cut, grain), []
    flows.backfill.backfill(
        stream.name, stream.first, cut.shift(-1).key, stage="ingest", which="missing", dry_run=False
    )
    flows.train.train(stream.name, cut.start, "the first one", "benchmark")
    for partition in between(cut, Partition.parse(stream.last, grain)):
        try:
            night = flows.nightly.nightly(stream.name, partition.key)
        except DeliveryRejected as error:
            print(partition, error, file=sys.stderr)
            continue
        nights.append(night)
        line = f"{partition} {night.scored.rows:5d} v{night.scored.version} {night.monitored.verdict:10s} {night.monitored.why}"
        if night.retrained:
            line += f" -> {night.retrained.state} v{night.retrained.version}"
        print(line, night.retrain_failed or "", file=sys.stderr, flush=True)
    return nights


def told(stream: Stable, nights: list[Any]) -> bool:
    """What the monitor said, and what was retrained; whether it set aside more than it may."""
    verdicts = Counter(night.monitored.verdict for night in nights)
    states = Counter(night.retrained.state for night in nights if night.retrained)
    print(f"== {stream.name}: {len(nights)} partitions from {stream.cut} on")
    print("verdicts:", ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common()))
    print("retrains:", ", ".join(f"{count} {state}" for state, count in states.most_common()) or "none")
    aside = verdicts["data fault"]
    return not tell(
        f"{stream.name}, set aside as a fault", f"{aside} of {len(nights)} partitions", aside <= SET_ASIDE * len(nights)
    )


def report(stream: Stable) -> bool:
    """Hold each promotion against the champion before it; whether one was for nothing."""
    from leeway.lifecycle import registry

    history = sorted(registry.history(stream.name), key=lambda item: item.version)
    champions = [item for item in history if item.outcome == "promoted"]
    losses = _losses(stream, champions)
    for_nothing = 0
    for before, after in pairwise(champions):
        own = losses[losses["scored by"] == after.version]
        gain = own[before.version] - own[after.version]
        spread = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else float("nan")
        for_nothing += not gain.mean() > 0
        print(
            f"v{after.version} as of {after.as_of:%Y-%m-%d}, {len(own)} partitions: log loss {own[after.version].mean():.4f}, "
            f"its predecessor's {own[before.version].mean():.4f}: {gain.mean():+.4f} ± {spread:.4f} better"
        )
    shown = f"{len(champions) - 1} promotions, {for_nothing} of them for nothing"
    return not tell(f"{stream.name}, promoted", shown, not for_nothing)


def _losses(stream: Stable, champions: list[Any]) -> pd.DataFrame:
    """Each partition's log loss by each champion, by all labels, and which of them scored it."""
    import sqlalchemy as sa
    from sklearn.metrics import log_loss

    from leeway.definition import catalog
    from leeway.definition.grains import named
    from leeway.definition.partitions import Partition, between
    from leeway.lifecycle import registry
    from leeway.scoring import batch_scoring
    from leeway.store import ledger
    from leeway.store.database import database
    from leeway.store.tables import tables_of

    tables = tables_of(catalog.load(stream.name))
    labels = database().read(sa.select(tables.label)).to_pandas().set_index("event_id")["positive"]
    bundles = {item.version: registry.load(stream.name, item) for item in champions}
    found, grain = [], named(stream.grain)
    for partition in between(Partition.parse(stream.cut, grain), Partition.parse(stream.last, grain)):
        with database().transaction() as connection:
            entry = ledger.entry(connection, stream.name, partition, "score")
        if entry is None:
            continue
        rows = batch_scoring.read(stream.name, partition, entry.input["version"])
        y = labels.reindex(rows["event_id"]).to_numpy()
        known = rows[pd.notna(y)]
        if len(known):
            own = {
                version: log_loss(y[pd.notna(y)].astype(bool), bundle.score(known)[:, 0], labels=[False, True])
                for version, bundle in bundles.items()
            }
            found.append({"scored by": entry.input["version"], **own})
    return pd.DataFrame(found)


if __name__ == "__main__":
    sys.exit(main())
