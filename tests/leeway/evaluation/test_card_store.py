import re
from dataclasses import asdict, replace

import pytest
from mlflow.artifacts import load_text

from leeway.core.errors import NotFound
from leeway.definition import catalog
from leeway.evaluation import card_store, evaluate, model_card
from leeway.evaluation.gates import GATES
from leeway.lifecycle import registry
from leeway.profiling.questions import Question
from tests.conftest import making
from tests.leeway.conftest import World

pytestmark = pytest.mark.xdist_group("cards")

EVIL = "<script>alert(1)</script>|"


@pytest.fixture(scope="module")
def carded(server, tmp_path_factory):
    """Two versions, the second held against the first; its card is published."""
    with pytest.MonkeyPatch.context() as patch, making(server, tmp_path_factory.mktemp("cards"), patch) as project:
        world = World(project, catalog.load(project.declare())).one_trial()
        world.redeclare('"email": categorical(sensitive=True', '"email": categorical(sensitive=True, feature=True')
        world.fill(count=25, rows=60).crown(19)
        key, version = world.train(25)
        verdicts, content = evaluate.examined(world.classifier, key, version)
        card_store.publish(content)
        yield world, content, verdicts


def test_a_card_says_what_the_version_is_how_good_and_how_to_make_it_again(carded):
    world, content, verdicts = carded
    page = card_store.page(world.name, 2).decode()
    card = registry.made(world.name, content.reproduce["bundle"]).card
    assert f"leeway train toy --as-of {world.day(25).start.isoformat()}" in page
    assert card.snapshot in page
    for verdict in verdicts:
        assert verdict.gate in page
    titles = {table.title: table for table in content.tables}
    metrics = {row[0]: row for row in titles["Metrics on the holdout"].rows}
    assert float(metrics["roc auc"][1]) == pytest.approx(card.metrics["roc_auc"], abs=1e-4)
    low, high = map(float, metrics["roc auc"][2].split(" to "))
    assert low < card.metrics["roc_auc"] < high
    assert metrics["log loss"][3] != metrics["log loss"][1]  # the champion's, on the same rows
    assert content.facts["compared with"].startswith("version 1: log loss")
    assert {row[0] for row in titles["Importance"].rows} == set(card.features)
    assert {"Gates", "Slices with the highest log loss", "Slices compared with the champion", "Calibration"} <= set(
        titles
    )
    assert {item.title for item in content.drawings} >= {"ROC curve", "Precision and recall", "Reliability"}
    assert page.count("<svg") == len(content.drawings) >= 4
    assert len(titles["Gates"].rows) == len(GATES)


def test_a_card_says_how_decisions_are_made_and_how_far_its_probabilities_can_be_believed(carded):
    world, content, _ = carded
    card = registry.made(world.name, content.reproduce["bundle"]).card
    titles = {table.title: table for table in content.tables}
    (threshold,) = titles["Thresholds"].rows
    low, high = card.threshold_intervals[0]
    assert threshold == [card.classes[0], f"{card.thresholds[0]:.4g}", f"{low:.4g} to {high:.4g}"]
    others = titles["Other thresholds"]
    assert others.head == ["class", "threshold", "precision", "recall", "flagged"]
    assert [float(row[4]) for row in others.rows] == sorted(float(row[4]) for row in others.rows)
    ((_, error, _, brier, *parts),) = titles["Calibration on the holdout"].rows
    assert float(error) == pytest.approx(card.calibrated[card.classes[0]]["error"], abs=1e-4)
    reliability, resolution, uncertainty = map(float, parts)
    assert float(brier) == pytest.approx(reliability - resolution + uncertainty, abs=0.02)
    ratios = {row[1]: float(row[2]) for row in titles["Odds ratios"].rows}
    assert ratios
    assert all(times > 0 for times in ratios.values())


def test_a_card_of_a_band_says_where_a_person_decides(carded):
    world, content, _ = carded
    card = registry.made(world.name, content.reproduce["bundle"]).card
    table = model_card.content._thresholds(replace(card, review=(0.25, 0.5)))
    assert dict(zip(table.head, table.rows[0], strict=True))["a person decides"] == "0.25 to 0.5"


def test_a_card_needs_no_network_and_shows_no_sensitive_value(carded):
    world, _, _ = carded
    page = card_store.page(world.name, 2).decode()
    assert not re.findall(r"""(?:src|href)=|url\(|https?:""", page)
    assert "@example.org" not in page


def test_the_same_is_kept_with_the_version_in_mlflow(carded):
    world, _, _ = carded
    client = registry._client()
    run = client.get_run(client.get_model_version(world.name, "2").run_id)
    assert load_text(f"{run.info.artifact_uri}/card/{card_store.HTML}") == card_store.page(world.name, 2).decode()
    text = load_text(f"{run.info.artifact_uri}/card/{card_store.MARKDOWN}")
    assert text.startswith("# toy, version 2\n")
    assert "## Gates\n\n| gate | outcome | why |\n|---|---|---|\n| floors | " in text


def test_a_value_of_the_data_is_text_whatever_it_holds(carded):
    _, content, _ = carded
    changed = model_card.Content(
        content.name, 2, True, {"features": EVIL}, content.tables, content.drawings, content.reproduce
    )
    assert "<script>" not in model_card.as_html(changed)
    assert "&lt;script>alert(1)&lt;/script>\\|" in model_card.as_markdown(changed)


@pytest.mark.parametrize("name", ["toy", "../reports", "nobody"])
def test_a_card_that_is_not_there_is_a_clear_error(carded, name):
    with pytest.raises(NotFound, match="finding the model card of"):
        card_store.page(name, 7)


def test_what_only_a_person_can_know_stands_first_on_the_card(carded):
    world, content, verdicts = carded
    assert "Only you can know" not in {table.title for table in content.tables}
    asked = Question(("kind",), "predicts much of the label by itself")
    numbers = {"questions": [asdict(asked)]}
    told = [replace(item, numbers=numbers) if item.gate == "leakage" else item for item in verdicts]
    made = registry.made(world.name, content.reproduce["bundle"])
    with evaluate.evidence_of(world.classifier, made, None, tried=False) as evidence:
        card = model_card.gather(evidence, made, told, version=2, checksum="c", compared_with=None)
    assert card.tables[0].title == "Only you can know"
    assert card.tables[0].rows == [[asked.asks, "it predicts much of the label by itself"]]
    page = model_card.as_html(card)
    assert page.index("Only you can know") < page.index("Metrics on the holdout") < page.index("Curves")
