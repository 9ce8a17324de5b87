"""`leeway demo`: from an empty folder through history, training and a spring of nights with three changes."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from leeway.cli import output
from leeway.errors import StoreError

NAME = "payments"
HISTORY = ("2026-01-04", "2026-03-11")
NIGHTS = ("2026-03-12", "2026-04-16")
MARKER = ".leeway-demo"


@dataclass(frozen=True)
class Line:
    """One night of the timeline; `recall` only where labels are mature."""

    night: str
    rows: int | None
    quarantined: int | None
    verdict: str
    champion: int | None
    recall: float | None
    what: str


@dataclass(frozen=True)
class Timeline:
    """The demo's story.

    Attributes:
        as_told: whether it went as it should: the harmless shift without a retrain, the corrupt delivery stopped, the
            harmful change answered by a promotion that brings recall back.
    """

    folder: str
    first_champion: str
    nights: list[Line]
    recall_before: float
    recall_harmed: float
    recall_after: float
    as_told: bool

    def say(self) -> None:
        """Print the timeline for a person."""
        rows = [
            (line.night, line.rows, line.quarantined, line.verdict, line.champion, _percent(line.recall), line.what)
            for line in self.nights
        ]
        columns = ("night", "rows", "quarantined", "verdict", "champion", "recall", "what happened")
        output.table("The life of a classifier: is this card payment fraud?", columns, rows)
        print(f"first champion: {self.first_champion}")
        print(
            f"recall before the harmful change {_percent(self.recall_before)}, while it did harm "
            f"{_percent(self.recall_harmed)}, after the promotion {_percent(self.recall_after)}"
        )
        print(f"\nLook further, with LEEWAY_HOME={self.folder}:")
        print(f"  leeway status {NAME}        the ledger, the verdicts, the retrain requests")
        print(f"  leeway versions {NAME}      who became champion, who did not, and why")
        print(f"  leeway report {NAME}        the last night's report, to open in a browser")
        print(f"  leeway quarantine {NAME}    rows that broke a rule")


def play(folder: str) -> Timeline:
    """Live through the whole life of the classifier `payments` in a folder that is made anew.

    Raises:
        StoreError: the folder holds something that is not an earlier demo.
    """
    home = _fresh(Path(folder).absolute())
    os.environ["LEEWAY_HOME"] = str(home)
    os.environ["LEEWAY_PROJECT"] = str(Path(__file__).parents[2])
    os.environ.pop("LEEWAY_DATABASE_URL", None)  # a demo must never write into a real warehouse
    os.environ.pop("PREFECT_API_URL", None)
    os.environ["PREFECT_HOME"] = str(home / "prefect")
    from leeway.settings import settings

    settings.cache_clear()
    from leeway.cli.orchestrated import orchestrated

    with output.progress("starting") as update, orchestrated():
        return _live(home, update)


def _live(home: Path, update: Callable[[int, int, str], None]) -> Timeline:
    import flows.backfill
    import flows.nightly
    import flows.train
    from leeway.errors import DeliveryRejected
    from leeway.partitions import Partition, between

    history = [Partition.parse(key, "day") for key in HISTORY]
    nights = list(between(*(Partition.parse(key, "day") for key in NIGHTS)))
    past = len(list(between(*history)))
    total = past + 10 + 2 * len(nights)
    with flows.backfill.reporting(lambda done, _, text: update(done, total, f"history: {text}")):
        flows.backfill.backfill(NAME, *HISTORY, stage="ingest", which="missing", dry_run=False)
    update(past, total, "training the first champion")
    first = flows.train.train(NAME, history[1].end, "the first one", "demo")
    lived: dict[str, flows.nightly.Night | str] = {}
    for count, night in enumerate(nights):
        update(past + 10 + 2 * count, total, f"night {night}")
        try:
            lived[night.key] = flows.nightly.nightly(NAME, night.key)
        except DeliveryRejected as error:
            lived[night.key] = str(error)
    update(total, total, "looking back")
    return _timeline(home, first.verdicts[0].why, nights, lived)


def _timeline(home: Path, first: str, nights: list, lived: dict) -> Timeline:  # type: ignore[type-arg]
    from leeway import catalog
    from leeway.performance import Realised, realised

    classifier = catalog.load(NAME)
    changes = classifier.source.stream.changes  # type: ignore[union-attr]
    shift, corrupt, harm = (change.on.isoformat() for change in changes)
    scripted = {
        shift: "prices rise and channels change: harmless",
        corrupt: "the export is broken",
        harm: "a new fraud pattern",
    }
    lines, results, promoted = [], {}, []
    for night in nights:
        happened = lived[night.key]
        what = scripted.get(night.key, "")
        if isinstance(happened, str):
            lines.append(Line(night.key, None, None, "rejected", None, None, f"{what}; nothing was published"))
            continue
        result = realised(classifier, night, happened.scored.version, as_of=nights[-1].end)
        results[night.key] = result
        told = [what, happened.retrain_failed or "", _retrained(happened.retrained)]
        if happened.retrained and happened.retrained.state == "promoted":
            promoted.append(night.key)
        lines.append(
            Line(
                night.key,
                happened.ingested.rows,
                happened.ingested.quarantined,
                happened.monitored.verdict,
                happened.scored.version,
                result.recall if result else None,
                "; ".join(text for text in told if text),
            )
        )

    def recall(keep: Callable[[str], bool]) -> float:
        found: list[Realised] = [result for key, result in results.items() if result and keep(key)]
        return sum(result.hits for result in found) / max(1, sum(result.positives for result in found))

    last = promoted[-1] if promoted else "~"
    before, harmed, after = (
        recall(lambda key: key < harm),
        recall(lambda key: harm <= key <= (promoted[0] if promoted else "~")),
        recall(lambda key: key > last),
    )
    calm = not any(
        isinstance(lived[key], str) or lived[key].retrained for key in lived if key < harm and key != corrupt
    )
    stopped = isinstance(lived[corrupt], str)
    as_told = calm and stopped and bool(promoted) and harmed < before and after > (before + harmed) / 2
    return Timeline(str(home), first, lines, before, harmed, after, as_told)


def _retrained(request: object) -> str:
    if request is None:
        return ""
    state, version = request.state, request.version  # type: ignore[attr-defined]
    return f"breach: retrained, version {version} {'promoted' if state == 'promoted' else 'not better, champion kept'}"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _fresh(folder: Path) -> Path:
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise StoreError(
            f"making the demo's folder {folder}",
            rule="it must be empty, or hold an earlier demo",
            found=", ".join(sorted(item.name for item in folder.iterdir())[:3]),
            way_out="name another folder",
        )
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / MARKER).touch()
    return folder
