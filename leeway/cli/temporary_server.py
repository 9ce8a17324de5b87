"""A Prefect server for one command, which ends with it: begun before the command's own imports, so that it starts meanwhile."""

import atexit
import os
import subprocess
import sys
import time
from functools import cache
from typing import Any

PATIENCE_SECONDS = 120.0
#: As Prefect starts one itself.
ENVIRONMENT = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
}


@cache
def begin() -> "PrivateServer | None":
    """Begin with a server for this process, unless the environment names one or the platform has one.

    Raises:
        StoreError: the data folder cannot be written: Prefect's server would say so in 3,000 lines, and be waited for.
    """
    from leeway.core.environment import prepare_prefect
    from leeway.core.settings import settings
    from leeway.operations.platform import secret, state

    platform = state.current()
    api = platform.prefect_api if platform else None
    prepare_prefect(settings().writable_folder(), api=api, secret=secret.known() if api else None)
    return None if os.environ.get("PREFECT_API_URL") else PrivateServer()


class PrivateServer:
    """A server that is starting, or has; it asks for a secret that this process alone knows, and those that it starts."""

    def __init__(self) -> None:
        from leeway.operations.platform import secret
        from leeway.operations.platform.local import HOST, free_port
        from leeway.operations.platform.services import ROOT

        key = secret.new()
        self.port = free_port(0)
        self.url = f"http://{HOST}:{self.port}"
        self.closed = secret.server_environment(key, self.url)
        os.environ["PREFECT_API_AUTH_STRING"] = key
        path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
        # It listens to this process by its standard input, and ends when that does, also when it is killed.
        self.process = subprocess.Popen(  # noqa: S603 - our own
            [
                sys.executable,
                "-m",
                "leeway.operations.platform.die_with_parent",
                "flows.server",
                "--host",
                HOST,
                "--port",
                str(self.port),
            ],
            env={**os.environ, **ENVIRONMENT, **self.closed, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        atexit.register(self.process.terminate)

    def is_starting(self) -> bool:
        """Whether there is time left until it is ready."""
        from leeway.operations.platform.local import answers

        return self.process.poll() is None and not answers(f"{self.url}/api/health")

    def hand_over(self) -> None:
        """Have Prefect take it for the one that it starts where none is named, and wait for it when it is first asked."""
        from prefect.server.api.server import SubprocessASGIServer

        server: Any = SubprocessASGIServer()
        if server.running:
            return
        start = server.start

        def wait(timeout: int | None = None) -> None:
            if server.running:
                return
            until = time.monotonic() + PATIENCE_SECONDS
            while self.is_starting() and time.monotonic() < until:
                time.sleep(0.05)
            if self.process.poll() is not None:  # Prefect says why, where its own does not start either
                os.environ.update(self.closed)  # that one too asks for the secret
                start(timeout)
                return
            server.port, server.server_process, server.running = self.port, self.process, True
            atexit.register(server.stop)

        server.start = wait
