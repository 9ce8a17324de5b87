"""The time limit and retries of every task."""

from datetime import timedelta
from typing import Any, TypedDict

import httpx
from prefect import Task
from prefect.cache_policies import NO_CACHE, CachePolicy
from prefect.client.schemas.objects import State, TaskRun

from leeway.core.errors import ClusterError, LeewayError, StoreError


class Policy(TypedDict):
    """Arguments of `prefect.task`."""

    retries: int
    retry_delay_seconds: list[float]
    retry_condition_fn: Any
    timeout_seconds: float
    cache_policy: CachePolicy
    persist_result: bool


def can_pass_by_itself(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Return whether another try may succeed.

    A database, a server or a cluster may answer soon. Bad data stays bad.
    """
    try:
        state.result()
    except (ClusterError, StoreError, httpx.TransportError):
        return True
    except LeewayError:
        return False
    except Exception:
        return False
    return False


def policy(*, limit: timedelta) -> Policy:
    """Return a task's policy for a time limit.

    There is no cache: the ledger knows what is done.
    """
    return Policy(
        retries=3,
        retry_delay_seconds=[1, 5, 15],  # the platform restarts its database within ten seconds
        retry_condition_fn=can_pass_by_itself,
        timeout_seconds=limit.total_seconds(),
        cache_policy=NO_CACHE,
        persist_result=False,
    )
