"""A health check of Prefect's background services.

`python -m leeway.operations.platform.heartbeat TASK` ends with 0 if they work, and with 1 if not.

They have no address to ask. A worker that carries out one of their tasks writes so every two seconds into the Redis of
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
)  # the name that the services use now, and that of the setting, which they may use later


def beats(url: str, task: str) -> bool:
    """Return whether a task's worker gave a recent heartbeat."""
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
