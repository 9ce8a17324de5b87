"""The processes of runs, by their names."""

from pathlib import Path

SHOWN = 15  # characters of a process's name that the system keeps


def name_of(run: str) -> str:
    """Return a run's process name, as `ps` shows it."""
    return f"run {run[-(SHOWN - 4) :]}"  # the end of an id is unique; its beginning may be a time


def name_myself(run: str) -> None:
    """Name this process after its run."""
    Path("/proc/self/comm").write_text(name_of(run))


def process_of(run: str) -> int | None:
    """Return the process of a run on this machine."""
    name = name_of(run)
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "comm").read_text().rstrip("\n") == name:
                return int(entry.name)
        except OSError:  # the process has just ended
            continue
    return None
