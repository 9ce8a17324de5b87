"""Runbooks: one for each alert and each error, each with what a person needs."""

import pytest

from leeway.core.errors import LeewayError
from leeway.views import runbooks

pytestmark = pytest.mark.unit  # though others of this folder start processes


def kinds(of=LeewayError):
    for kind in of.__subclasses__():
        yield kind.__name__
        yield from kinds(kind)


@pytest.mark.parametrize("kind", sorted(set(kinds())))
def test_every_error_that_asks_for_a_person_has_a_runbook(kind):
    name = runbooks.of_error(f"Flow run encountered an exception: {kind}: reading x: a rule; a way out")
    assert name in runbooks.names()
    assert name not in (runbooks.UNEXPECTED, runbooks.DIED)


def test_an_error_without_a_name_has_one_too():
    assert runbooks.of_error("Flow run encountered an exception: ValueError: x") == runbooks.UNEXPECTED
    assert runbooks.of_error("no sign of life for 0:04:00") == runbooks.DIED
    assert {runbooks.UNEXPECTED, runbooks.DIED} <= set(runbooks.names())


@pytest.mark.parametrize("name", runbooks.names())
def test_each_says_how_to_see_it_what_to_do_and_what_not_to_do(name):
    text = runbooks.text(name)
    for heading in ("## How to see it", "## What to do", "## What not to do"):
        assert text.count(f"{heading}\n\n") == 1, heading
    assert f"({name}.md)" in (runbooks.FOLDERS[0] / "README.md").read_text()
