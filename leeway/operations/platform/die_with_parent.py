"""A runner that ends a service with its supervisor.

`python -m leeway.operations.platform.die_with_parent MODULE ARGUMENT…` becomes `python -m MODULE ARGUMENT…`.

Standard input is a pipe that the supervisor holds. When the pipe ends, the supervisor is gone for whatever reason. The service
then ends with every process that it started.
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
    """Watch the pipe and run the module."""
    threading.Thread(target=_watch, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
