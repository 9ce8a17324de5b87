import pytest

from leeway.core.errors import StoreError
from leeway.core.settings import settings


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LEEWAY_ALERT_URLS", "slack://secret", "JSON list"),
        ("LEEWAY_ALERT_URLS", "[1]", "valid string"),
        ("LEEWAY_ALERT_QUIET", "25:00-1", "(found: 25:00-1)"),
        ("LEEWAY_MAX_RUNS", "two", "(found: two)"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line_that_names_it_and_no_secret(project, monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    settings.cache_clear()
    with pytest.raises(StoreError) as refused:
        settings()
    assert str(refused.value).startswith(f"reading {name}: ")
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)
    monkeypatch.delenv(name)
    settings.cache_clear()
