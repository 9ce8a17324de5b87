"""Fit a challenger."""

import logging
from datetime import datetime, timedelta

from prefect import task
from prefect.logging import get_run_logger

import leeway.training.fit
from leeway import catalog
from leeway.training.window import Window
from tasks.policy import policy


@task(task_run_name="fit", **policy(limit=timedelta(hours=6)))
def fit(classifier: str, snapshot: str, as_of: datetime, window: Window | None = None) -> str:
    """Learn a bundle from a snapshot, or from a window of it; returns the bundle's key."""
    logger = get_run_logger()
    return leeway.training.fit.fit(
        catalog.load(classifier),
        snapshot,
        as_of,
        progress=lambda text: logger.log(logging.INFO, "trying %s", text),
        window=window,
    )
