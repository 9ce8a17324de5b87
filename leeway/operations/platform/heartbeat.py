"""Whether Prefect's background services are at work.

`python -m leeway.operations.platform.heartbeat TASK` ends with 0 if they are, and with 1 if not.

They have no address to ask. Whoever carries out a task of theirs says so every two seconds in the Redis of
`PREFECT_SERVER_DOCKET_URL`.
"""

import os
import sys
import time

from leeway.core.logs import logger

log = logger(__name__)

PATIENCE_SECONDS = 30.0
DOCKETS = (
    "prefect",
    "prefect-server",
)  # the services' own name for their tasks; the setting's, should they come to use it


def beats(url: str, task: str) -> bool:
    """Whether a worker that carries out this task has given a sign of life lately."""
    import redis

    try:
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            last = [
                when
                for docket in DOCKETS
                for _, when in client.zrange(f"{docket}:task-workers:{task}", -1, -1, withscores=True)
            ]
    except (redis.RedisError, ValueError) as error:
        log.debug("no answer from Redis: %s", type(error).__name__)
        return False
    return time.time() - max(last, default=0.0) < PATIENCE_SECONDS


if __name__ == "__main__":
    sys.exit(not beats(os.environ["PREFECT_SERVER_DOCKET_URL"], sys.argv[1]))
