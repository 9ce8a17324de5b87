"""Remove what only tells of the past."""

from prefect import flow


@flow(name="housekeep", flow_run_name="housekeep")
def housekeep(dry_run: bool = True) -> dict[str, int]:
    """Remove reports and leftovers that are older than the settings keep them.

    Args:
        dry_run: only say what would be removed.
    """
    return {}
