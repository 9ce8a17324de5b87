"""How soon the command line answers: `leeway --help` as a whole process, and an empty Python process for scale."""

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 15


def main() -> None:
    """Print the figures."""
    leeway = str(Path(sys.executable).parent / "leeway")
    empty = _seconds([sys.executable, "-c", "pass"])
    for title, command in (("leeway --help", [leeway, "--help"]), ("leeway score --help", [leeway, "score", "--help"])):
        found = _seconds(command)
        ratio = statistics.median(found) / statistics.median(empty)
        figures = f"median {statistics.median(found):.2f} s, at most {max(found):.2f} s"
        print(f"{title}: {figures}, {ratio:.1f} times an empty Python")


def _seconds(command: list[str]) -> list[float]:
    taken = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - started)
    return taken


if __name__ == "__main__":
    main()
