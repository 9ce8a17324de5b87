import shutil
import subprocess
import time

import pytest
import redis

from leeway.operations.platform.heartbeat import beats
from leeway.operations.platform.local import free_port


@pytest.fixture
def server(tmp_path):
    if not shutil.which("redis-server"):
        pytest.skip("apt-get install redis-server")
    port = free_port(0)
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        url = f"redis://127.0.0.1:{port}/0"
        with redis.Redis.from_url(url, retry=None) as client:
            for _ in range(100):
                try:
                    client.ping()
                    break
                except redis.ConnectionError:
                    time.sleep(0.05)
            yield url, client
        process.terminate()


def test_only_a_fresh_sign_of_life_of_who_does_that_task_counts(server):
    url, client = server
    assert not beats(url, "schedule")
    client.zadd("prefect:task-workers:other", {"worker": time.time()})
    client.zadd("prefect:task-workers:schedule", {"worker": time.time() - 40})
    assert not beats(url, "schedule")
    client.zadd("prefect:task-workers:schedule", {"another": time.time() - 5})
    assert beats(url, "schedule")


def test_without_a_server_or_with_a_wrong_address_there_is_none():
    assert not beats(f"redis://127.0.0.1:{free_port(0)}/0", "schedule")
    assert not beats("memory://", "schedule")
