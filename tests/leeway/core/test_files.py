import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from leeway.core.errors import StoreError
from leeway.core.files import replacing, sha256
from leeway.core.settings import Settings

ROOT = Path(__file__).parents[3]


def everything(folder):
    return sorted(path.name for path in folder.rglob("*"))


def test_a_file_or_a_folder_takes_its_place_whole_and_replaces_what_was_there(tmp_path):
    for text in ("old", "new"):
        with replacing(tmp_path / "deep" / "file", "writing") as beside:
            beside.write_text(text)
        with replacing(tmp_path / "deep" / "folder", "writing") as beside:
            beside.mkdir()
            (beside / text).write_text(text)
    assert (tmp_path / "deep" / "file").read_text() == "new"
    assert everything(tmp_path) == ["deep", "file", "folder", "new"]


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt])
def test_a_block_that_fails_leaves_what_was_there_and_nothing_beside_it(tmp_path, kind):
    path = tmp_path / "file"
    path.write_text("old")

    def write():
        with replacing(path, "writing") as beside:
            beside.write_text("half")
            raise kind

    with pytest.raises(kind):
        write()
    assert path.read_text() == "old"
    assert everything(tmp_path) == ["file"]


def test_a_process_killed_while_it_writes_leaves_no_half_file_in_the_place(tmp_path):
    code = f"""
        import os, signal
        from pathlib import Path
        from leeway.core.files import replacing
        with replacing(Path({str(tmp_path / "file")!r}), "writing") as beside:
            beside.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run([sys.executable, "-c", dedent(code)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "file").exists()


def test_a_place_that_cannot_be_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(StoreError, match=r"^writing a delivery: .*Not a directory"),
        replacing(tmp_path / "file" / "below" / "it", "writing a delivery"),
    ):
        pass
    with pytest.raises(StoreError, match="name another in LEEWAY_HOME"):
        Settings(home=tmp_path / "file").folder("deliveries")


def test_the_hash_is_that_of_the_content(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a").startswith("ba7816bf8f01cfea")


FULL_DISK = """
    import sys
    import zipfile
    from datetime import UTC, datetime
    from pathlib import Path
    import numpy as np
    import pandas as pd
    from leeway.core.errors import StoreError
    from leeway.core.files import replacing
    from leeway.definition.grains import DAY
    from leeway.definition.partitions import Partition
    from leeway.ingest import deliveries

    disk = Path(sys.argv[1])
    big = np.random.default_rng(0).bytes(2_000_000)

    def as_file(beside):
        beside.write_bytes(big)

    def as_archive(beside):
        with zipfile.ZipFile(beside, "w") as archive:
            archive.writestr("model", big)

    def as_folder(beside):
        beside.mkdir()
        (beside / "card.json").write_text("{}")
        as_archive(beside / "bundle.skops")

    for write in (as_file, as_archive, as_folder):
        try:
            with replacing(disk / "place", "writing a bundle") as beside:
                write(beside)
        except StoreError as error:
            print(error)
    try:
        rows = pd.DataFrame({"a": np.random.default_rng(0).random(200_000)})
        deliveries.write("toy", Partition(datetime(2026, 3, 1, tzinfo=UTC), DAY), rows)
    except StoreError as error:
        print(error)
    print([path.name for path in disk.rglob("*") if path.is_file() or path.name == "place"])
"""


def test_a_full_disk_is_a_clear_error_and_leaves_nothing_behind(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    (tmp_path / "full.py").write_text(dedent(FULL_DISK))
    alone = ["unshare", "-rm", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=512k tmpfs {disk}"
    if subprocess.run([*alone, mount], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let a test mount a small disk of its own")
    done = subprocess.run(
        [*alone, f"{mount} && LEEWAY_HOME={disk} PYTHONPATH={ROOT} exec {sys.executable} {tmp_path}/full.py {disk}"],
        capture_output=True,
        text=True,
        check=False,
    )
    *errors, left = done.stdout.splitlines()
    assert len(errors) == 4, done.stderr
    assert all("No space left on device" in error for error in errors), errors
    assert left == "[]"
