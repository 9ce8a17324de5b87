"""A Dask cluster of this machine, of processes as an operator starts them: a scheduler, and workers under their nannies."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
from distributed import Client

ROOT = Path(__file__).parents[1]


class Cluster:
    """A scheduler with workers of one thread each.

    Args:
        folder: for its files and logs.
        workers: how many; each is brought up again when it dies.
    """

    def __init__(self, folder: Path, workers: int) -> None:
        self.folder, self.processes = folder, []
        self.address = self.scheduler_alone()
        for number in range(workers):
            self._start("worker", self.address, "--nthreads", "1", "--no-dashboard", "--name", f"w{number}",
                        "--local-directory", str(folder), "--nworkers", "1", "--memory-limit", "0")  # fmt: skip
        if workers:
            with Client(self.address, set_as_default=False) as client:
                client.wait_for_workers(workers, timeout=60)

    def scheduler_alone(self) -> str:
        """Start a scheduler without workers; returns its address."""
        file = self.folder / f"scheduler-{len(self.processes)}.json"
        self._start("scheduler", "--port", "0", "--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file))
        deadline = time.monotonic() + 60
        while not file.exists():
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.05)
        with Client(scheduler_file=str(file), set_as_default=False) as client:
            return client.scheduler.address

    def pids(self) -> list[int]:
        """The processes that parts are done in, not their nannies."""
        with Client(self.address, set_as_default=False) as client:
            return list(client.run(os.getpid).values())

    def close(self) -> None:
        """End every process of it."""
        for process in reversed(self.processes):
            family = [*psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
            for child in family:
                if child.is_running():
                    child.kill()

    def _start(self, *arguments: str) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "LEEWAY_DASK_ADDRESS"}
        environment["PYTHONPATH"] = str(ROOT)
        log = (self.folder / f"log-{len(self.processes)}").open("w")
        command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
        self.processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self.folder))
