"""Show a night in Prefect's pages."""

from datetime import timedelta

from prefect import task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from leeway.definition import catalog
from leeway.definition.partitions import Partition
from leeway.monitoring import report_index
from leeway.operations.platform.state import report_link
from leeway.scoring import lineage
from leeway.views import links, run_summary
from leeway.views.run_summary import RunSummary
from tasks.retries import policy


@task(task_run_name="tell of {night.partition}", **policy(limit=timedelta(minutes=5)))
def tell(classifier: str, night: RunSummary) -> None:
    """Show the night's summary in Prefect's pages.

    It has the columns by impact and the link to the report.
    """
    key = classifier.replace("_", "-")  # artifacts know no underscore
    link = report_link(classifier, night.partition)
    page = links.page("on_call", classifier=classifier, night=night.partition)
    definition = catalog.load(classifier)
    steps = lineage.of(classifier, Partition.parse(night.partition, definition.partition))
    outcome = "no champion yet" if night.monitored is None else night.monitored.verdict
    create_markdown_artifact(
        key=f"{key}-night",
        markdown=run_summary.in_words(classifier, night, link, page, steps),
        description=f"{classifier} {night.partition}: {outcome}",
    )
    if night.monitored is None:
        return
    columns = report_index.by_impact(definition, night.partition)
    if columns:
        create_table_artifact(
            key=f"{key}-columns", table=columns, description=f"{classifier} {night.partition}: columns by impact"
        )
    if link:
        create_link_artifact(
            key=f"{key}-report",
            link=link,
            link_text=f"{classifier} {night.partition}",
            description=f"{classifier} {night.partition}: the HTML report",
        )
