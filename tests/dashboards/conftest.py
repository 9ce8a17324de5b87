"""A classifier that has lived, for the pages to show: two champions, counted nights, a rejected one, a request that is held."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from leeway.core.errors import DeliveryRejected
from leeway.definition import catalog
from leeway.ingest import publication
from leeway.lifecycle import retraining
from leeway.monitoring import night, record_outcomes
from leeway.scoring import batch_scoring
from leeway.store.database import database
from leeway.store.tables import monitoring, retrain_request
from tests.conftest import making
from tests.leeway.conftest import World

REQUEST = "toy:held"
EVIL = '<img src=x onerror=alert(1)>"&'


@dataclass
class Lived(World):
    """The classifier, and short ways to its pages."""

    asked: dict[str, Any] = field(default_factory=dict)

    def open(self, page, **address):
        """Run a page as a visitor with this address would see it."""
        shown = AppTest.from_function(_run, kwargs={"name": page}, default_timeout=60)
        for name, value in ({"classifier": self.name} | address).items():
            shown.query_params[name] = value
        return shown.run()

    def hold(self):
        """File a request that waits for a person."""
        with database().transaction() as connection:
            connection.execute(sa.delete(retrain_request))
            as_of = self.day(25).start
            retraining.file(connection, self.classifier, REQUEST, as_of, f"a breach {EVIL}", forced=True)
        retraining.move(REQUEST, "held", "the definition asks a person first")


def _run(name):
    import importlib

    importlib.import_module(f"dashboards.{name}").page()


@pytest.fixture(scope="package")
def lived(server, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, making(server, tmp_path_factory.mktemp("lived"), patch) as project:
        world = Lived(project, catalog.load(project.declare())).one_trial()
        world.redeclare("drift=", "costs=Costs(false_positive=1, false_negative=8, unit='€'),\n    drift=")
        world.fill(count=25).crown()
        for number in range(20, 23):
            _night(world, number)
        world.crown(as_of=23)
        for number in range(23, 25):
            _night(world, number)
        error = DeliveryRejected("auditing", problem=f"a rule {EVIL}", found="something", hint="mend it")
        publication.reject(world.classifier, world.day(25), "0" * 64, "suite", error)
        record_outcomes.record_outcomes(world.classifier, world.day(26))
        patch.setenv("LEEWAY_PAGES_AT", (world.day(26).start + timedelta(hours=6)).isoformat())
        from leeway.core.settings import settings

        settings.cache_clear()
        world.hold()
        yield world


def _night(world, number):
    batch_scoring.score(world.classifier, world.day(number))
    night.run(world.classifier, world.day(number))


def tell(name, partition, why="all is well"):
    """A verdict that was never come to."""
    values = {"version": 1, "verdict": "quiet", "why": why, "rows": 5, "evidence": {}}
    with database().transaction() as connection:
        connection.execute(monitoring.insert().values(classifier=name, partition=partition, **values))


def words(shown):
    """All that a page says."""
    kinds = ("markdown", "caption", "info", "success", "warning", "error", "title", "subheader")
    said = [str(item.value) for kind in kinds for item in getattr(shown, kind)]
    said += [str(item.proto.body) for item in shown.get("html")]
    said += [f"{item.label}: {item.value}" for item in shown.metric]
    return "\n".join(said)


def visible(shown):
    """The same without what is escaped for Markdown."""
    return words(shown).replace("\\", "")
