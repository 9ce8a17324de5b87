from leeway.lifecycle import registry
from leeway.monitoring import night
from leeway.scoring import lineage
from leeway.scoring.batch_scoring import score


def test_each_step_is_named_by_what_it_worked_from(quick):
    assert lineage.of("toy", quick.day(60)) == []
    ingested = lineage.of("toy", quick.day(18))
    assert [step.what for step in ingested] == ["delivery", "events"]
    score(quick.classifier, quick.day(18))
    found = night.run(quick.classifier, quick.day(18))
    steps = lineage.of("toy", quick.day(18))
    assert [step.what for step in steps] == ["delivery", "events", "version", "predictions", "report"]
    champion = registry.champion("toy")
    assert steps[2].which.startswith(f"1, bundle {champion.bundle[:8]}, learnt as of 2026-03-")
    assert str(steps[-1]) == f"report {found.verdict}"
