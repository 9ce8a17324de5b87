import logging
import os
import subprocess
import sys

import pytest

from leeway.core import logs
from leeway.core.errors import StoreError
from leeway.core.settings import settings

LINE = "from leeway.core.logs import logger; logger('flows.nightly').debug('it failed: %s', 3)"
READ = "from leeway.core.settings import settings; settings()"


def stderr(code, level=None):
    environment = {name: value for name, value in os.environ.items() if name != "LEEWAY_LOG"}
    environment |= {} if level is None else {"LEEWAY_LOG": level}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stderr


def test_nothing_is_logged_by_default_not_even_a_warning():
    assert stderr(f"{READ}\n{LINE.replace('debug', 'error')}") == ""


def test_the_variable_turns_the_log_on_in_every_process_that_reads_the_settings():
    *_, line = stderr(f"{READ}\n{LINE}", "DEBUG").splitlines()
    assert line.endswith(" DEBUG leeway.flows.nightly: it failed: 3")
    assert stderr(f"{READ}\n{LINE}", "warning") == ""


def test_turned_on_twice_a_line_is_written_once(capsys):
    root = logging.getLogger(logs.ROOT)
    before = root.handlers, root.level, root.propagate
    try:
        logs.enable("info")
        logs.enable("debug")
        logs.logger("leeway.core.test").debug("once")
        assert capsys.readouterr().err.count("leeway.core.test: once") == 1
    finally:
        root.handlers, root.level, root.propagate = before


def test_a_level_that_does_not_exist_is_refused(monkeypatch):
    monkeypatch.setenv("LEEWAY_LOG", "loud")
    settings.cache_clear()
    with pytest.raises(StoreError, match="LEEWAY_LOG") as error:
        settings()
    assert error.value.found == "loud"
    monkeypatch.delenv("LEEWAY_LOG")
    settings.cache_clear()
