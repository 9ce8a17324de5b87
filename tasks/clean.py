"""Remove old reports, logs and leftovers."""

from datetime import timedelta

from prefect import task
from prefect.artifacts import create_table_artifact

from leeway.operations import housekeeping
from leeway.operations.housekeeping import Removal
from tasks.retries import policy

SHOWN = 500


@task(task_run_name="clean", **policy(limit=timedelta(hours=1)))
def clean(dry_run: bool) -> list[Removal]:
    """Remove old files, or only list them."""
    return housekeeping.housekeep(dry_run=dry_run)


def show_removals(removals: list[Removal], dry_run: bool) -> None:
    """Show the removals in Prefect's pages."""
    total = sum(item.bytes for item in removals) / 2**20
    done = "would be removed" if dry_run else "removed"
    rows = [{"kind": item.kind, "what": item.what, "KiB": f"{item.bytes / 1024:.0f}"} for item in removals[:SHOWN]]
    if rows:
        create_table_artifact(
            key="housekeep", table=rows, description=f"{len(removals)} {done}, {total:.1f} MiB in all"
        )
