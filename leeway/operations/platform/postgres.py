"""The embedded PostgreSQL as a service.

`python -m leeway.operations.platform.postgres` runs for as long as the server does.
"""

import signal
import sys
import threading
from types import FrameType

import sqlalchemy as sa

from leeway.core.errors import LeewayError
from leeway.core.logs import logger
from leeway.store.database import Database, database, mlflow_url

log = logger(__name__)

LOOK_SECONDS = 1.0
MISSES = 5


def reachable(store: Database) -> bool:
    """Return whether the database answers."""
    try:
        with store.engine.connect() as connection:
            return bool(connection.scalar(sa.select(1)))
    except sa.exc.DBAPIError as error:
        log.debug("no answer from %s: %s", store.address, error.orig)
        return False


def main() -> None:
    """Run until the server no longer answers.

    Starts the server if it does not run.
    """
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    try:
        store = database()
        mlflow_url()
    except LeewayError as error:
        sys.exit(str(error))
    missed = 0
    while not stop.wait(LOOK_SECONDS):
        missed = 0 if reachable(store) else missed + 1
        if missed == MISSES:
            sys.exit("the embedded PostgreSQL no longer answers")


if __name__ == "__main__":
    main()
