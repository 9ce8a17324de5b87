"""What the platform offers to run, against a Prefect server."""

import pytest
from prefect.client.orchestration import get_client

from flows import deployments
from leeway.definition import catalog


@pytest.fixture
def client(prefect):
    with get_client(sync_client=True) as made:
        yield made
        for (
            deployment
        ) in made.read_deployments():  # with a deployed retrain, other tests' nights would wait for a runner
            made.delete_deployment(deployment.id)


def apply(client):
    catalog.load.cache_clear()
    deployments.apply(client)
    return client.read_deployment_by_name("nightly/nightly")


def schedule(night, slug):
    return next(item for item in night.schedules if item.slug == slug)


def offered(client, name):
    """The deployment, with the schedule of a classifier as nobody has paused it: the server knows what earlier tests did."""
    night = apply(client)
    client.update_deployment_schedule(night.id, schedule(night, name).id, active=True)
    return client.read_deployment_by_name("nightly/nightly")


def test_applying_twice_changes_nothing(toy, client):
    offered(client, toy)
    first, again = apply(client), apply(client)
    assert (again.updated, schedule(again, toy).active) == (first.updated, True)


def test_a_schedule_that_a_person_paused_stays_paused_though_its_definition_was_broken_for_a_while(
    toy, project, client
):
    file = project.root / "models" / f"{toy}.py"
    text = file.read_text()
    night = offered(client, toy)
    client.update_deployment_schedule(night.id, schedule(night, toy).id, active=False)
    file.write_text("this is no definition")
    assert not any(item.active for item in apply(client).schedules)
    apply(client)
    file.write_text(text)
    assert not schedule(apply(client), toy).active


def test_a_schedule_whose_definition_was_broken_for_a_while_comes_back(toy, project, client):
    file = project.root / "models" / f"{toy}.py"
    text = file.read_text()
    offered(client, toy)
    file.write_text("this is no definition")
    assert not any(item.active for item in apply(client).schedules)
    file.write_text(text)
    assert schedule(apply(client), toy).active
