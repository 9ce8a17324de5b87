import pytest

from leeway.core.settings import settings
from leeway.definition import catalog


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("LEEWAY_PROJECT", str(tmp_path))
    for cached in (settings, catalog.load):
        cached.cache_clear()
    yield tmp_path
    for cached in (settings, catalog.load):
        cached.cache_clear()
