import subprocess
import sys

import psutil
import pytest

from leeway.cli import private
from leeway.core.settings import settings

BEGIN = """
import sys, time
from leeway.cli import private
print(private.begin().process.pid, flush=True)
time.sleep(float(sys.argv[1]))
"""


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    for cached in (settings, private.begin):
        cached.cache_clear()
    yield
    for cached in (settings, private.begin):
        cached.cache_clear()


@pytest.mark.parametrize("killed", [True, False])
def test_the_server_of_a_command_ends_with_it_however_it_ends(killed):
    command = subprocess.Popen([sys.executable, "-c", BEGIN, "60" if killed else "0"], stdout=subprocess.PIPE)
    server = psutil.Process(int(command.stdout.readline()))
    if killed:
        command.kill()
    command.wait(30)
    assert not psutil.wait_procs([server], timeout=30)[1]


def test_a_server_that_the_environment_names_is_enough(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert private.begin() is None
