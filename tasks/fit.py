"""Fit a challenger."""

import logging
from datetime import datetime, timedelta

from prefect import task
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_API_URL

import leeway.training.fit
from leeway.definition import catalog
from leeway.model.window import TrainingWindow
from tasks.progress import begin_progress, update_progress
from tasks.retries import policy


@task(task_run_name="fit", **policy(limit=timedelta(hours=6)))
def fit(classifier: str, snapshot: str, as_of: datetime, window: TrainingWindow | None = None) -> str:
    """Train a bundle on a snapshot; return its key.

    `window` limits the training to a part of the snapshot.
    """
    logger, definition = get_run_logger(), catalog.load(classifier)
    watched = bool(PREFECT_API_URL.value())
    bar = begin_progress(classifier, f"{classifier}: training as of {as_of:%Y-%m-%d}", "training") if watched else None

    def tell(text: str, share: float) -> None:
        logger.log(logging.INFO, "trying %s", text)
        update_progress(bar, int(share * 100), 100)

    bundle = leeway.training.fit.fit(definition, snapshot, as_of, progress=tell, window=window)
    update_progress(bar, 100, 100)
    return bundle
