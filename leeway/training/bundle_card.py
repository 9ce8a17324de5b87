"""The card of a bundle."""

from dataclasses import asdict

from leeway.core.calibration_curve import calibrated
from leeway.core.metrics import Floats, summary
from leeway.definition import Classifier
from leeway.model.bundle import Card
from leeway.training import coefficients, data_warnings, ensembling, threshold_intervals
from leeway.training.learning import Learnt
from leeway.training.training_data import Material


def card(
    classifier: Classifier, key: str, given: Material, learnt: Learnt, held_out: Floats, libraries: dict[str, str]
) -> Card:
    """Build the card of a trained model.

    Args:
        held_out: the model's probabilities on the holdout, shape (n, K).
        libraries: their versions by name.
    """
    outputs, split, window, outcome = learnt.outputs, given.split, given.window, learnt.outcome
    y, seen = outputs.matrix(split.holdout[outputs.column]), given.y[outcome.rows]
    objective, seed = classifier.objective, classifier.training.seed
    return Card(
        classifier=classifier.name,
        key=key,
        snapshot=given.snapshot,
        as_of=given.as_of.isoformat(),
        features=classifier.features,
        kind=outputs.kind,
        classes=list(outputs.names),
        thresholds=learnt.thresholds.tolist(),
        trial=ensembling.described(outcome.members),
        calibration=list(learnt.methods),
        seed=classifier.training.seed,
        trained_until=split.development["event_time"].iloc[-1].isoformat(),
        holdout_from=split.holdout["event_time"].iloc[0].isoformat(),
        holdout_until=split.holdout["event_time"].iloc[-1].isoformat(),
        rows=len(given.y),
        positives=outputs.count(given.y),
        metrics=summary(outputs, y, held_out, learnt.decide(held_out)),
        search=outcome.results,
        calibration_losses=learnt.losses,
        libraries=libraries,
        learnt_since=window.since.isoformat() if window and window.since else None,
        holdout_seconds=window.holdout.total_seconds() if window else None,
        members={str(trial): weight for trial, weight in outcome.members},
        iterations={str(trial): trial.iterations for trial, _ in outcome.members if trial.iterations is not None},
        search_shares=outcome.shares,
        search_failures=outcome.failures,
        cut_short=outcome.cut_short,
        purged=len(split.purged),
        notes=data_warnings.notes(
            classifier.features,
            outputs,
            split.development,
            given.x,
            given.y,
            given.folds,
            outcome.scores,
            classifier.training.folds - len(given.folds),
        ),
        odds_ratios=coefficients.odds_ratios(learnt.pipeline, outputs, _sensitive(classifier)),
        calibrated={name: asdict(calibrated(y[:, k], held_out[:, k])) for k, name in enumerate(outputs.names)},
        threshold_intervals=threshold_intervals.intervals(
            objective, outputs, seen, learnt.probabilities, learnt.days, seed
        ),
        tradeoffs={
            name: threshold_intervals.curve(objective, seen[:, k], learnt.probabilities[:, k])
            for k, name in enumerate(outputs.names)
            if not outputs.exclusive
        },
        review=learnt.review,
        costs=None if learnt.costs is None else learnt.costs.tolist(),
        holdout_share=float(classifier.holdout) if classifier.by_arrival else None,  # type: ignore[arg-type]
    )


def _sensitive(classifier: Classifier) -> frozenset[str]:
    return frozenset(name for name in classifier.features if classifier.is_sensitive(name))
