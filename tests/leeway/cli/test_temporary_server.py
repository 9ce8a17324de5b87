import subprocess
import sys

import psutil
import pytest

from leeway.cli import temporary_server
from leeway.core.settings import settings

BEGIN = """
import sys, time
from leeway.cli import temporary_server
print(temporary_server.begin().process.pid, flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    for cached in (settings, temporary_server.begin):
        cached.cache_clear()
    yield
    for cached in (settings, temporary_server.begin):
        cached.cache_clear()


@pytest.mark.system
@pytest.mark.parametrize("killed", [True, False])
def test_the_server_of_a_command_ends_with_it_however_it_ends(killed):
    command = subprocess.Popen([sys.executable, "-c", BEGIN, "60" if killed else "0"], stdout=subprocess.PIPE)
    server = psutil.Process(int(command.stdout.readline()))
    if killed:
        command.kill()
    command.wait(30)
    assert not psutil.wait_procs([server], timeout=30)[1]


ASK = """
import os, time, urllib.error, urllib.request
from leeway.cli import temporary_server
from leeway.operations.platform import secret
from leeway.operations.platform.prefect_api import ask_prefect
server = temporary_server.begin()
while server.is_starting():
    time.sleep(0.1)
def status(path, **headers):
    request = urllib.request.Request(f"{server.url}/api{path}", headers=headers)
    try:
        return urllib.request.urlopen(request, timeout=20).status
    except urllib.error.HTTPError as error:
        return error.code
print(status("/health"), status("/admin/version"), status("/health", Host="evil.example"),
      status("/health", Origin="https://evil.example"))
os.environ["PREFECT_API_URL"] = f"{server.url}/api"
print(ask_prefect(f"{server.url}/api", "/flow_runs/filter", {}), secret.path().exists())
os.environ["PREFECT_API_AUTH_STRING"] = "leeway:guessed"
print(ask_prefect(f"{server.url}/api", "/flow_runs/filter", {}))
"""


@pytest.mark.system
def test_the_server_of_a_command_asks_for_a_secret_that_it_alone_knows():
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.splitlines() == ["200 401 400 403", "[] False", "None"], done.stderr


def test_a_server_that_the_environment_names_is_enough(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert temporary_server.begin() is None
