"""Remove old reports, logs and leftovers."""

from flows.declared_flow import own_flow
from flows.run_context import is_watched
from leeway.operations.housekeeping import Removal
from tasks.clean import clean, show_removals


@own_flow("housekeep", "housekeep")
def housekeep(dry_run: bool = True) -> list[Removal]:
    """Remove old reports, leftovers and logs.

    The settings say how long they are kept. Prefect's server removes its own runs, events and logs after the same time.

    Args:
        dry_run: only list what would be removed.
    """
    removals = clean(dry_run)
    if is_watched():
        show_removals(removals, dry_run)
    return removals
