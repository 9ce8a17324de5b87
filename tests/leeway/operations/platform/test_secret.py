import stat

import pytest

from leeway.core.errors import StoreError
from leeway.core.settings import settings
from leeway.operations.platform import secret


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def test_it_is_made_once_and_its_owner_alone_reads_it():
    assert secret.known() is None
    made = secret.make()
    assert secret.make() == secret.known() == made
    assert stat.S_IMODE(secret.path().stat().st_mode) == 0o600
    assert made.startswith("leeway:")
    assert len(made) > 40
    assert [path.name for path in secret.path().parent.iterdir()] == [secret.path().name], "nothing is left beside it"


def test_no_two_are_alike():
    assert secret.new() != secret.new()


def test_one_that_others_could_read_is_not_used():
    secret.make()
    secret.path().chmod(0o644)
    with pytest.raises(StoreError, match="found: mode 644"):
        secret.make()


def test_one_that_is_empty_is_made_anew():
    secret.make()
    secret.path().write_text("")
    assert secret.make()
