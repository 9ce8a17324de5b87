"""What the platform offers to run, against a Prefect server."""

import pytest
from prefect.client.orchestration import get_client

from flows import deployments
from leeway import catalog


@pytest.fixture
def client(prefect):
    with get_client(sync_client=True) as made:
        yield made


def apply(client):
    catalog.load.cache_clear()
    deployments.apply(client)
    return client.read_deployment_by_name("nightly/nightly")


def test_applying_twice_changes_nothing(toy, client):
    first = apply(client)
    assert (apply(client).updated, first.schedules[0].slug, first.schedules[0].active) == (first.updated, toy, True)


def test_a_schedule_that_a_person_paused_stays_paused_though_its_definition_was_broken_for_a_while(
    toy, project, client
):
    file = project.root / "models" / f"{toy}.py"
    text = file.read_text()
    night = apply(client)
    client.update_deployment_schedule(night.id, night.schedules[0].id, active=False)
    file.write_text("this is no definition")
    assert [item.active for item in apply(client).schedules] == [False]
    apply(client)
    file.write_text(text)
    assert [(item.slug, item.active) for item in apply(client).schedules] == [(toy, False)]


def test_a_schedule_whose_definition_was_broken_for_a_while_comes_back(toy, project, client):
    file = project.root / "models" / f"{toy}.py"
    text = file.read_text()
    apply(client)
    file.write_text("this is no definition")
    assert [item.active for item in apply(client).schedules] == [False]
    file.write_text(text)
    assert [(item.slug, item.active) for item in apply(client).schedules] == [(toy, True)]
