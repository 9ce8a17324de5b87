"""Remove what only tells of the past."""

from flows.own import own_flow
from flows.policy import is_watched
from leeway.operations.housekeeping import Removal
from tasks.clean import clean, show_removals


@own_flow("housekeep", "housekeep")
def housekeep(dry_run: bool = True) -> list[Removal]:
    """Remove reports, leftovers and logs that the settings keep no longer.

    Prefect's own runs, events and logs are removed by its server, after the same time.

    Args:
        dry_run: only say what would be removed.
    """
    removals = clean(dry_run)
    if is_watched():
        show_removals(removals, dry_run)
    return removals
