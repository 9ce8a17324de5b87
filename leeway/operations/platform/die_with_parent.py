"""Run a Python module as a service that never outlives who started it.

`python -m leeway.operations.platform.die_with_parent MODULE ARGUMENT…` becomes `python -m MODULE ARGUMENT…`.

Standard input is a pipe that the supervisor holds. When it ends, the supervisor is gone, however it went, and the service ends
with everything that it started.
"""

import os
import runpy
import signal
import sys
import threading
import time

GRACE_SECONDS = 10.0


def _watch() -> None:
    while os.read(0, 1024):
        pass
    os.killpg(0, signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.killpg(0, signal.SIGKILL)


def main() -> None:
    """Watch the pipe, and become the module."""
    threading.Thread(target=_watch, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
