"""What the benchmarks measure with; it prints nothing by itself."""

import threading

import psutil


class PeakMemory:
    """The most memory that this process and its children had together, in GB: their proportional set sizes.

    Args:
        postgres: whether a PostgreSQL among them counts.
    """

    def __init__(self, *, postgres: bool = True) -> None:
        self._postgres = postgres
        self.gigabytes, self._done = 0.0, threading.Event()

    def __enter__(self) -> "PeakMemory":
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(1.0):
            total, here = 0, psutil.Process()
            for process in [here, *here.children(recursive=True)]:
                try:
                    if self._postgres or process.name() != "postgres":
                        total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.gigabytes = max(self.gigabytes, total / 1e9)
