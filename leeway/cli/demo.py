"""The demo: history, training, and nights with three changes."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from leeway.cli import output
from leeway.cli.timeline import NAME, Timeline, tell
from leeway.core.errors import StoreError
from leeway.core.progress import reporting

HISTORY = ("2026-01-04", "2026-03-11")
NIGHTS = ("2026-03-12", "2026-04-16")
MARKER = ".leeway-demo"


def play(folder: str) -> Timeline:
    """Play the whole life of the classifier `payments`.

    Its folder is emptied first.

    Raises:
        StoreError: the folder holds something that is not an earlier demo.
    """
    home = _fresh(Path(folder).absolute())
    os.environ["LEEWAY_HOME"] = str(home)
    os.environ["LEEWAY_PROJECT"] = str(Path(__file__).parents[2])
    os.environ.pop("LEEWAY_DATABASE_URL", None)  # the demo must not write into a real warehouse
    os.environ.pop("PREFECT_API_URL", None)
    for name in ("LEEWAY_ALERT_URLS", "LEEWAY_PAGE_URLS"):  # simulated events must not alert anybody
        os.environ.pop(name, None)
    os.environ["PREFECT_HOME"] = str(home / "prefect")
    from leeway.core.settings import settings

    settings.cache_clear()
    from leeway.cli.orchestrated import orchestrated

    with output.progress("starting") as update, orchestrated("nightly"):
        return _live(home, update)


def _live(home: Path, update: Callable[[int, int, str], None]) -> Timeline:
    import flows.backfill
    import flows.nightly
    import flows.train
    from leeway.core.errors import DeliveryRejected
    from leeway.definition.grains import DAY
    from leeway.definition.partitions import Partition, between
    from leeway.views.run_summary import RunSummary

    history = [Partition.parse(key, DAY) for key in HISTORY]
    nights = list(between(*(Partition.parse(key, DAY) for key in NIGHTS)))
    past = len(list(between(*history)))
    total = past + 10 + 2 * len(nights)
    with reporting(lambda done, _, text: update(done, total, f"history: {text}")):
        flows.backfill.backfill(NAME, *HISTORY, stage="ingest", which="missing", dry_run=False)
    update(past, total, "training the first champion")
    first = flows.train.train(NAME, history[1].end, "the first one", "demo")
    lived: dict[str, RunSummary | str] = {}
    for count, night in enumerate(nights):
        update(past + 10 + 2 * count, total, f"night {night}")
        try:
            lived[night.key] = flows.nightly.nightly(NAME, night.key)
        except DeliveryRejected as error:
            lived[night.key] = str(error)
    update(total, total, "summing up")
    return tell(home, first.verdicts[0].why, nights, lived)


def _fresh(folder: Path) -> Path:
    action = f"making the demo's folder {folder}"
    try:
        if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
            raise StoreError(
                action,
                problem="the folder holds something other than an earlier demo",
                found=", ".join(sorted(item.name for item in folder.iterdir())[:3]),
                hint="name another folder",
            )
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        (folder / MARKER).touch()
    except OSError as error:
        hint = "name another folder, or set its permissions"
        raise StoreError(action, problem="it cannot be made", found=error.strerror or error, hint=hint) from error
    return folder
