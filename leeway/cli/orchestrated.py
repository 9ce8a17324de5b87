"""Run flows within this process, under the Prefect server that the environment names, the platform's, or a private one."""

import getpass
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from leeway.cli import temporary_server
from leeway.cli.options import read_partition
from leeway.core.errors import NotFound
from leeway.core.settings import settings
from leeway.definition import catalog
from leeway.definition.partitions import Partition
from leeway.ingest import sources

HEARTBEAT_SECONDS = 30  # Prefect's shortest

#: What takes seconds to import and a flow imports only when it comes to it, by flow: brought in while its server starts.
LATER = {
    "nightly": ("mlflow", "evidently", "great_expectations"),
    "ingest": ("great_expectations",),
    "monitor": ("mlflow", "evidently"),
    "score": ("mlflow",),
    "train": ("mlflow",),
    "retrain": ("mlflow",),
}


@contextmanager
def orchestrated(flow: str) -> Iterator[Any]:
    """Make Prefect ready for a flow that runs here, and give the module of that flow."""
    server = temporary_server.begin()
    # `flows` and `tasks` lie beside the library, not in it.
    root = str(settings().project.absolute())
    if root not in sys.path:
        sys.path.insert(0, root)
    from prefect.settings import (
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    # A heartbeat is for those who watch from elsewhere; where nobody does, it would only cost a second for every flow.
    heartbeat = HEARTBEAT_SECONDS if PREFECT_API_URL.value() else None
    given = {
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: heartbeat,
        PREFECT_API_AUTH_STRING: os.environ.get("PREFECT_API_AUTH_STRING"),  # Prefect may have been imported before
    }
    with temporary_settings(given), redirect_stdout(_ToStandardError()):
        module = import_module(f"flows.{flow}")
        if server is not None and PREFECT_API_URL.value() is None:
            server.hand_over()
            for library in LATER.get(flow, ()):
                if server.is_starting():
                    import_module(library)
        yield module


def chosen_partition(name: str, partition: str | None, option: str = "--partition") -> str:
    """The partition that an option names, or the one that is due.

    Raises:
        WrongValue: it is no date.
        NotFound: it is not over yet.
    """
    classifier = catalog.load(name)
    grain = classifier.partition
    now = datetime.now(UTC)
    if partition is None:
        return sources.due(classifier, now).key
    chosen = read_partition(classifier, partition, option)
    if (chosen.start if classifier.by_arrival else chosen.end) > now:
        raise NotFound(
            f"choosing the partition {chosen} of {name}",
            problem="the partition is not over yet",
            found=f"it ends {chosen.end:%Y-%m-%d %H:%M} UTC",
            hint=f"the last one that is over is {Partition.last_complete(now, grain)}",
        )
    return chosen.key


def person() -> str:
    """Who is at the keyboard."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


class _ToStandardError(io.TextIOBase):
    """What libraries print must not spoil the one JSON document on standard output."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()
