"""Requests to local services, and free ports.

`python -m leeway.operations.platform.local URL` ends with 0 if the service there answers with 200, and with 1 if not.
"""

import json
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from leeway.core.logs import logger

log = logger(__name__)

HOST = "127.0.0.1"
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a proxy cannot reach this machine


def answers(url: str, timeout: float = 2) -> bool:
    """Return whether a service answers with 200."""
    try:
        with _direct.open(url, timeout=timeout) as response:
            return bool(response.status == 200)
    except (OSError, ValueError) as error:
        log.debug("no answer from %s: %s", url, error)
        return False


def ask(url: str, body: Any = None, headers: Mapping[str, str] | None = None, timeout: float = 5) -> Any:
    """Post JSON to a service, or get without a body.

    None where it does not answer.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(  # noqa: S310 our own service
        url, data=data, headers={"Content-Type": "application/json", **(headers or {})}
    )
    try:
        with _direct.open(request, timeout=timeout) as response:
            return json.load(response)
    except (OSError, ValueError) as error:
        log.debug("no answer from %s: %s", url, error)
        return None


def free_port(preferred: int) -> int:
    """Return the preferred port, or any free one.

    Only this machine's own address is used.
    """
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError("no free port")


def reserve_port(preferred: int) -> tuple[int, socket.socket]:
    """Reserve a port until its service listens.

    Returns:
        The port and an open socket. As long as it is open, no other platform takes the port. The socket is the datagram port of
        the same number, which no service uses.
    """
    for port in (preferred, *[0] * 10):
        number = free_port(port)
        mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            mark.bind((HOST, number))
        except OSError:
            mark.close()
            continue
        return number, mark
    raise OSError("no free port")


if __name__ == "__main__":
    sys.exit(not answers(sys.argv[1]))
