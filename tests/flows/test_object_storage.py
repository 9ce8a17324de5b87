"""A small life with everything shared in S3: each night on a machine of its own, and a storage that fails in one."""

import pytest

from dashboards.report_server import app
from flows.nightly import nightly
from leeway.core.errors import StoreError
from leeway.store.database import database
from leeway.store.tables import monitoring
from tests.conftest import forget
from tests.dashboards.test_report_server import Pages
from tests.flows.conftest import crown
from tests.s3 import ENVIRONMENT, S3

assert app


@pytest.fixture
def s3(project, monkeypatch):
    server = S3()
    for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": server.address}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LEEWAY_STORAGE_URL", "s3://shared/team")
    forget()
    yield server
    server.stop()


def test_nights_on_other_machines_share_what_is_in_s3_and_make_up_for_one_without_it(
    s3, prefect, night, project, monkeypatch, tmp_path
):
    toy = crown(project)
    monkeypatch.setenv("LEEWAY_HOME", str(tmp_path / "other"))  # no copy of what the first has trained
    forget()
    done = nightly(toy, night(0))
    assert done.scored.rows == 59
    assert done.monitored.report == f"s3://shared/team/reports/{toy}/{night(0)}.html"
    kinds = {name.split("/")[0] for name in s3.names("team")}
    assert {"bundles", "deliveries", "mlflow", "reports", "scored", "snapshots"} <= kinds
    assert not (tmp_path / "other" / "reports").exists()

    s3.stop()
    with pytest.raises(StoreError, match="does not answer"):
        nightly(toy, night(1))
    s3.start()
    assert nightly(toy, night(1)).scored.rows == 59

    with database().transaction() as connection:
        told = connection.scalars(monitoring.select().with_only_columns(monitoring.c.partition)).all()
    assert sorted(told) == [night(0), night(1)]
    assert toy in Pages().get(f"/reports/{toy}/{night(1)}").text
