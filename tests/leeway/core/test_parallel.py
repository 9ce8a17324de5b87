"""Work that is spread over processes, as over a cluster."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

import leeway
from leeway.core import parallel
from leeway.core.errors import ClusterError, NotFound
from leeway.core.settings import settings
from tests.cluster import Cluster

ROOT = Path(leeway.__file__).parents[1]


@dataclass(frozen=True)
class Place:
    """A file to write, by a worker that is killed the first `deaths` times."""

    folder: str
    number: int
    deaths: int = 0


def work(place: Place) -> tuple[int, int]:
    tries = Path(place.folder) / f"{place.number}.tries"
    with tries.open("a") as file:
        file.write("x")
    if tries.stat().st_size <= place.deaths:
        os.kill(os.getpid(), signal.SIGKILL)
    (Path(place.folder) / f"{place.number}.txt").write_text(str(place.number))
    return place.number, os.getpid()


def refuse(number: int) -> int:
    if number == 1:
        raise NotFound("working", problem="it must be there", found=number, hint="bring it")
    return number


def linger(folder: str) -> None:
    (Path(folder) / f"{os.getpid()}.pid").touch()
    time.sleep(600)


def nested(rows: int) -> bool:
    return parallel.is_spread(rows)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    started = Cluster(tmp_path_factory.mktemp("cluster"), workers=2)
    yield started
    started.close()


@pytest.fixture(params=["processes", "cluster"])
def place(request, monkeypatch):
    monkeypatch.setenv("LEEWAY_WORKERS", "2")
    if request.param == "cluster":
        monkeypatch.setenv("LEEWAY_DASK_ADDRESS", request.getfixturevalue("cluster").address)
    settings.cache_clear()
    yield request.param
    settings.cache_clear()


@pytest.mark.system
def test_parts_are_done_elsewhere_and_come_back_in_their_order(place, tmp_path):
    found = parallel.each(work, [Place(str(tmp_path), number) for number in range(6)])
    assert [number for number, _ in found] == list(range(6))
    assert os.getpid() not in {process for _, process in found}
    assert parallel.each(work, []) == []


@pytest.mark.system
def test_a_part_whose_worker_was_killed_is_done_again_and_the_others_once(place, tmp_path):
    references = [Place(str(tmp_path), number, deaths=int(number == 1)) for number in range(4)]
    assert [number for number, _ in parallel.each(work, references)] == [0, 1, 2, 3]
    assert sorted(path.read_text() for path in tmp_path.glob("*.txt")) == ["0", "1", "2", "3"]
    assert (tmp_path / "1.tries").read_text() == "xx"


@pytest.mark.system
def test_a_part_that_kills_every_worker_is_an_error_with_a_way_out(place, tmp_path):
    with pytest.raises(ClusterError, match="more memory"):
        parallel.each(work, [Place(str(tmp_path), 0, deaths=99)])


@pytest.mark.system
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_who_asked_for_them_however_that_ended(tmp_path, how):
    script = "import sys; from leeway.core import parallel; from tests.leeway.core import test_parallel as here;"
    script = f"{script} parallel.each(here.linger, [sys.argv[1]] * 2)"
    alone = {name: value for name, value in os.environ.items() if name != "LEEWAY_DASK_ADDRESS"} | {
        "LEEWAY_WORKERS": "2"
    }
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, env=alone)
    workers = _until(lambda: sorted(tmp_path.glob("*.pid")), lambda found: len(found) == 2)
    process.send_signal(how)
    process.wait()
    assert not _until(lambda: [it for it in workers if Path(f"/proc/{it.stem}").exists()], lambda found: not found)


def _until(look, enough):
    deadline = time.monotonic() + 30
    while not enough(found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@pytest.mark.system
def test_an_error_comes_back_with_its_type_and_its_way_out(place):
    with pytest.raises(NotFound) as caught:
        parallel.each(refuse, [0, 1, 2])
    assert (caught.value.found, caught.value.hint) == (1, "bring it")


@pytest.mark.system
def test_what_a_worker_does_itself_it_does_not_spread_again(place):
    assert parallel.is_spread(10**9)
    assert parallel.each(nested, [10**9, 10**9]) == [False, False]


def test_little_work_and_one_process_are_not_spread(monkeypatch):
    monkeypatch.setenv("LEEWAY_WORKERS", "2")
    settings.cache_clear()
    assert not parallel.is_spread(settings().spread_rows - 1)
    assert parallel.is_spread(settings().spread_rows)
    monkeypatch.setenv("LEEWAY_WORKERS", "1")
    settings.cache_clear()
    assert not parallel.is_spread(10**9)
    settings.cache_clear()


def test_a_worker_of_other_versions_is_refused(monkeypatch):
    with pytest.raises(ClusterError, match=r"numpy .*, not 1[.]0"):
        parallel._part(refuse, parallel._versions() | {"numpy": "1.0"}, 0)


def test_a_cluster_that_is_not_there_is_one_line(monkeypatch):
    monkeypatch.setenv("LEEWAY_DASK_ADDRESS", "tcp://127.0.0.1:1")
    monkeypatch.setattr(parallel, "CONNECT_SECONDS", 0.5)
    settings.cache_clear()
    with pytest.raises(ClusterError, match=r"tcp://127.0.0.1:1: .*LEEWAY_DASK_ADDRESS"):
        parallel.each(refuse, [0])
    settings.cache_clear()


@pytest.mark.system
def test_a_cluster_without_workers_is_waited_for_and_then_told(monkeypatch, cluster):
    monkeypatch.setenv("LEEWAY_DASK_ADDRESS", cluster.scheduler_alone())
    monkeypatch.setattr(parallel, "NO_WORKER_SECONDS", 1.0)
    monkeypatch.setattr(parallel, "LOOK_SECONDS", 0.3)
    settings.cache_clear()
    with pytest.raises(ClusterError, match="without workers"):
        parallel.each(refuse, [0])
    settings.cache_clear()
