"""A night makes no connection but to its own services, and its telemetry is off."""

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import leeway
from leeway.core.environment import TELEMETRY_OFF

ROOT = Path(leeway.__file__).parents[1]

# Python runs this before anything else, in the process of the command and in every Python process that it starts.
WATCH = """
    import os, sys

    def watch(event, arguments):
        if event in ("socket.connect", "socket.sendto"):
            address = arguments[1]
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            address = arguments[0]
        else:
            return
        with open(os.environ["WATCHED"], "a") as file:
            file.write(repr((event, address)) + "\\n")

    sys.addaudithook(watch)
"""


def _is_own(address: object) -> bool:
    host = address[0] if isinstance(address, tuple) else address
    if isinstance(host, bytes):
        host = host.decode()
    return host is None or str(host).startswith(("/", "127.", "localhost", "::1", "0.0.0.0"))


def test_a_night_connects_to_nothing_but_its_own_services(toy, night, tmp_path):
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "sitecustomize.py").write_text(dedent(WATCH))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = {name: value for name, value in environment.items() if name not in TELEMETRY_OFF}
    environment |= {"PYTHONPATH": f"{tmp_path / 'watch'}:{ROOT}", "WATCHED": str(tmp_path / "watched")}
    command = [sys.executable, "-m", "leeway", "nightly", toy, "--partition", night(0), "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["scored"]["rows"] == 59
    watched = [eval(line) for line in (tmp_path / "watched").read_text().splitlines()]
    assert watched  # Prefect's private server, at least
    assert [item for item in watched if not _is_own(item[1])] == []


def test_telemetry_is_off_whatever_the_environment_says():
    probe = "import os; from leeway.core.environment import TELEMETRY_OFF; print(TELEMETRY_OFF.items() <= os.environ.items())"
    environment = {**os.environ, "DO_NOT_TRACK": "0", "PREFECT_SERVER_ANALYTICS_ENABLED": "true"}
    done = subprocess.run([sys.executable, "-c", probe], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
