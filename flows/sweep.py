"""Find what was lost: requests that nobody started, runs whose process died."""

from prefect import flow


@flow(name="sweep", flow_run_name="sweep")
def sweep(request: str | None = None) -> dict[str, str]:
    """Start retrain requests that were lost, and take up the runs of processes that died.

    Args:
        request: start this one at once; all that have waited for a while, where it is not given.
    """
    return {}
