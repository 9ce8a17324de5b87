"""Logging: failures that a person can look into, off by default.

Every module takes its logger by `logger(__name__)`, so that all are below `leeway`. `LEEWAY_LOG` or `leeway --verbose` writes
their lines to standard error.
"""

import logging

ROOT = "leeway"
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

# Without it, Python prints warnings of loggers that nobody has set up.
logging.getLogger(ROOT).addHandler(logging.NullHandler())


def logger(module: str) -> logging.Logger:
    """Return a module's logger, below `leeway`."""
    return logging.getLogger(module if module.split(".")[0] == ROOT else f"{ROOT}.{module}")


def enable(level: str) -> None:
    """Write lines of this level and above to standard error.

    Args:
        level: such as `debug` or `warning`.
    """
    root = logging.getLogger(ROOT)
    written = logging.StreamHandler()
    written.setFormatter(logging.Formatter(FORMAT))
    root.handlers = [written]  # replaced, not added: a second call must not write every line twice
    root.propagate = False  # else a handler of the root logger, such as Prefect's, writes it once more
    root.setLevel(level.upper())
