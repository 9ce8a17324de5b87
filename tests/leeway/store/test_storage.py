import json
import time
import uuid

import pytest

from leeway.core.errors import StoreError
from leeway.core.files import sha256
from leeway.operations import housekeeping
from leeway.store import storage
from leeway.store.objects import Found, Objects
from tests.conftest import forget
from tests.s3 import ENVIRONMENT, S3

KINDS = ["default", "file", "local", "memory", "s3"]


@pytest.fixture(scope="module")
def s3():
    server = S3()
    yield server
    server.stop()


@pytest.fixture
def use(tmp_path, monkeypatch):
    """Store under a URL, from a data folder of this name."""

    def choose(url, home="home"):
        monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / home))
        monkeypatch.setenv("LEEWAY_STORAGE_URL", url)
        forget()

    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    yield choose
    monkeypatch.undo()
    forget()


@pytest.fixture
def on_s3(use, s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.address)
    prefix = uuid.uuid4().hex
    use(f"s3://shared/{prefix}")
    return prefix


@pytest.fixture(params=KINDS)
def kind(request, use, tmp_path):
    """Every way to store; `local` is fsspec's own for a disk, on which a put is not atomic."""
    if request.param == "s3":
        request.getfixturevalue("on_s3")
    else:
        own = uuid.uuid4().hex
        use(
            {
                "default": "",
                "file": (tmp_path / "shared").as_uri(),
                "local": f"local://{tmp_path / 'shared'}",
                "memory": f"memory://{own}",
            }[request.param]
        )
    return request.param


def keep_folder(path, **files):
    with storage.keeping(path, "keeping") as beside:
        beside.mkdir()
        for name, text in files.items():
            (beside / name).write_text(text)


def another_machine(use, monkeypatch):
    import os

    use(os.environ["LEEWAY_STORAGE_URL"], home=f"other-{uuid.uuid4().hex}")


def test_a_file_and_a_folder_are_kept_and_read_on_another_machine(kind, use, monkeypatch):
    file, folder = storage.place("snapshots", "toy", "a.parquet"), storage.place("bundles", "toy", "abc")
    assert not storage.exists(file)
    assert not storage.exists(folder)
    with storage.keeping(file, "keeping") as beside:
        beside.write_bytes(b"content")
    content = sha256(storage.fetched(file))
    keep_folder(folder, one="1", two="2")
    if kind not in ("default", "memory"):
        another_machine(use, monkeypatch)
    file, folder = storage.place("snapshots", "toy", "a.parquet"), storage.place("bundles", "toy", "abc")
    assert storage.exists(file)
    assert storage.exists(folder)
    assert storage.fetched(file, content).read_bytes() == b"content"
    assert (storage.fetched(folder) / "two").read_text() == "2"
    assert [entry.path for entry in storage.entries("bundles")] == [
        folder / name for name in ("manifest.json", "one", "two")
    ]
    assert storage.probe() in storage.address(file)


def test_what_is_replaced_is_read_anew_and_a_failure_leaves_what_was_there(kind):
    path = storage.place("reports", "toy", "2026-03-01.html")
    for text in (b"old", b"new"):
        with storage.replacing(path, "writing") as beside:
            beside.write_bytes(text)
        assert storage.read(path) == text

    def fail():
        with storage.replacing(path, "writing") as beside:
            beside.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert storage.read(path) == b"new"
    assert [entry.path.name for entry in storage.entries("reports")] == [path.name]


def test_what_is_removed_is_gone(kind):
    folder, file = storage.place("bundles", "toy", "abc"), storage.place("reports", "toy", "a.html")
    keep_folder(folder, one="1")
    with storage.replacing(file, "writing") as beside:
        beside.write_bytes(b"page")
    storage.remove(folder)
    storage.remove(file)
    storage.remove(file)
    assert not storage.exists(folder)
    assert not storage.exists(file)
    assert storage.entries("bundles") == storage.entries("reports") == []


def test_an_upload_killed_half_way_is_not_taken_for_a_folder_and_goes_after_a_day(on_s3, s3, monkeypatch):
    folder = storage.place("bundles", "toy", "abc")
    put, done = Objects.put, []

    def dies(self, file, key):
        if done:
            raise KeyboardInterrupt
        done.append(key)
        put(self, file, key)

    monkeypatch.setattr(Objects, "put", dies)
    with pytest.raises(KeyboardInterrupt):
        keep_folder(folder, one="1", two="2")
    assert s3.names(f"{on_s3}/bundles") == ["toy/abc/one"]
    assert not storage.exists(folder)
    assert not folder.exists()
    assert list(housekeeping._leftovers(time.time(), dry_run=False)) == []
    gone = list(housekeeping._leftovers(time.time() + 2 * 86_400, dry_run=False))
    assert [item.what for item in gone] == [f"s3://shared/{on_s3}/bundles/toy/abc"]
    assert s3.names(on_s3) == []
    monkeypatch.setattr(Objects, "put", put)
    keep_folder(folder, one="1", two="2")
    assert storage.exists(folder)


def test_a_damaged_object_is_refused_and_leaves_no_copy(on_s3, s3, use, monkeypatch):
    folder = storage.place("bundles", "toy", "abc")
    keep_folder(folder, one="1")
    s3.files().pipe_file(f"shared/{on_s3}/bundles/toy/abc/one", b"2")
    another_machine(use, monkeypatch)
    folder = storage.place("bundles", "toy", "abc")
    with pytest.raises(StoreError, match="does not have the hash that it was stored under"):
        storage.fetched(folder)
    assert not folder.exists()
    assert json.loads(storage.read(folder / "manifest.json")) == {"one": sha256_of(b"1")}


NO_NAMES = ["../../evil.py", "..", ".", "", "/etc/evil", "a/b", "a\\b", "a\0b", "manifest.json"]


@pytest.mark.parametrize(
    "manifest",
    [
        *({name: "HASH"} for name in NO_NAMES),
        {"one": "../one"},
        {"one": 1},
        {"one": None},
        ["one"],
        "one",
        b"{",
        b"[" * 100_000,
        b"\xff",
        {f"file-{number}": "HASH" for number in range(20_000)},
    ],
    ids=lambda value: repr(value)[:25],
)
def test_a_manifest_that_was_altered_writes_nothing_at_all(on_s3, s3, use, monkeypatch, tmp_path, manifest):
    """Whoever could write to the bucket wrote any file on every machine: a name led out of the data folder."""
    folder = storage.place("bundles", "toy", "abc")
    keep_folder(folder, one="1")
    content = manifest
    if not isinstance(manifest, bytes):
        content = json.dumps(manifest).replace("HASH", sha256_of(b"evil")).encode()
    for name in (f"bundles/toy/abc/{name}" for name in NO_NAMES if name):
        s3.files().pipe_file(f"shared/{on_s3}/{name}", b"evil")
    s3.files().pipe_file(f"shared/{on_s3}/bundles/toy/abc/manifest.json", content)
    another_machine(use, monkeypatch)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(StoreError, match=r"no JSON object of plain file names|larger than 1000000 bytes"):
        storage.fetched(storage.place("bundles", "toy", "abc"))
    assert {path for path in tmp_path.rglob("*") if path.is_file()} <= set(before)


def test_a_folder_is_asked_about_before_anything_of_it_is_fetched(on_s3, use, monkeypatch):
    keep_folder(storage.place("bundles", "toy", "abc"), one="1")
    another_machine(use, monkeypatch)

    def refuse(hashes):
        assert hashes == {"one": sha256_of(b"1")}
        raise StoreError("fetching", problem="no", hint="")

    folder = storage.place("bundles", "toy", "abc")
    with pytest.raises(StoreError, match="fetching: no"):
        storage.fetched(folder, admit=refuse)
    assert not folder.parent.exists()


def test_an_object_whose_name_leads_elsewhere_is_none_of_ours(kind, use, monkeypatch, tmp_path):
    """Housekeeping would have removed what lies there on this machine."""
    for _ in range(2):
        keep_folder(storage.place("arrived", "toy", "abc"), one="1")
    key = "arrived/toy/../../../../precious"
    found = [*Objects.find(storage._objects(), "arrived"), Found(key, 1, 0.0)] if storage._objects() else []
    monkeypatch.setattr(Objects, "find", lambda self, prefix: found)
    assert [entry.path.name for entry in storage.entries("arrived")] == ["manifest.json", "one"]


@pytest.mark.parametrize("name", ["..", "../toy", "/etc", "", "a\0b", "a/b"])
def test_a_name_that_leads_elsewhere_has_no_place(use, name):
    use("")
    with pytest.raises(StoreError, match="a part of the name leads elsewhere"):
        storage.place("bundles", "toy", name)


def sha256_of(content):
    import hashlib

    return hashlib.sha256(content).hexdigest()


def test_a_copy_that_nobody_used_for_a_week_goes_and_is_fetched_again(on_s3):
    folder = storage.place("bundles", "toy", "abc")
    keep_folder(folder, one="1")
    assert list(housekeeping._copies(time.time(), dry_run=False)) == []
    [gone] = housekeeping._copies(time.time() + 8 * 86_400, dry_run=False)
    assert (gone.kind, gone.what) == ("copy", str(folder))
    assert not folder.exists()
    assert (storage.fetched(folder) / "one").read_text() == "1"


def test_old_reports_are_removed_from_the_storage(on_s3, s3):
    path = storage.place("reports", "toy", "2026-03-01.html")
    with storage.replacing(path, "writing") as beside:
        beside.write_bytes(b"page")
    assert list(housekeeping._reports(time.time(), dry_run=False)) == []
    [gone] = housekeeping._reports(time.time() + 91 * 86_400, dry_run=False)
    assert gone.what == f"s3://shared/{on_s3}/reports/toy/2026-03-01.html"
    assert s3.names(on_s3) == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("/srv/leeway", "is not a URL"),
        ("file://host/srv", "is not a URL"),
        ("nothing://x/y", "no URL that fsspec knows"),
        ("s3://", "names no bucket"),
        ("sftp://me:secret@host/x", "has a password in it"),
        ("gs://bucket/x", "is not installed"),
        ("s3://no-such-bucket-here/x", "does not exist"),
    ],
)
def test_a_storage_that_cannot_be_used_is_one_clear_line(on_s3, use, url, said):
    use(url)
    with pytest.raises(StoreError, match=said) as error:
        storage.probe()
    assert "secret" not in str(error.value)


def test_a_storage_that_is_down_is_not_taken_for_an_empty_one(on_s3, s3):
    s3.stop()
    try:
        with pytest.raises(StoreError, match="does not answer"):
            storage.exists(storage.place("snapshots", "toy", "a.parquet"))
        with pytest.raises(StoreError, match="does not answer"):
            keep_folder(storage.place("bundles", "toy", "abc"), one="1")
    finally:
        s3.start()
    assert not storage.exists(storage.place("bundles", "toy", "abc"))


def test_without_credentials_it_says_so(on_s3, use, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StoreError, match="credentials"):
        storage.probe()
