from typer.testing import CliRunner

from leeway.cli.app import app
from leeway.core.errors import NotFound


def run(*arguments):
    return CliRunner().invoke(app, arguments)


def test_a_classifier_whose_definition_is_being_mended_can_be_muted(world):
    world.project.write(f"models/{world.name}.py", "classifier = (")
    muted = run("mute", world.name, "--for", "2h", "--reason", "mending it")
    assert (muted.exit_code, "toy are muted until" in muted.output) == (0, True)
    assert "1 ended" in run("unmute", world.name).output


def test_a_classifier_that_is_not_there_cannot(world):
    error = run("mute", "tyo", "--for", "2h", "--reason", "r").exception
    assert isinstance(error, NotFound)
    assert error.found == "tyo"
