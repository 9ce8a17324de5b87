"""Which process carries out which run, for those who look at the machine."""

from pathlib import Path

SHOWN = 15  # characters of a process's name that the system keeps


def name_of(run: str) -> str:
    """What the process of a run is called in `ps` and `top`."""
    return f"run {run[-(SHOWN - 4) :]}"  # the end of an id tells more than its beginning, which may be a time


def name_myself(run: str) -> None:
    """Give this process the name of its run."""
    Path("/proc/self/comm").write_text(name_of(run))


def process_of(run: str) -> int | None:
    """The process that carries out a run on this machine, if one does."""
    name = name_of(run)
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "comm").read_text().rstrip("\n") == name:
                return int(entry.name)
        except OSError:  # it has ended meanwhile
            continue
    return None
