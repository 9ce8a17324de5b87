"""The evaluation of a challenger: evidence, gates, model card."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa

import leeway.model.bundle
from leeway.core.logs import logger
from leeway.core.metrics import Bools
from leeway.dataset import revisions, snapshots
from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.evaluation import model_card
from leeway.evaluation.gates import GATES, Evidence, Gate, examine
from leeway.evaluation.model_card import Content
from leeway.evaluation.probes import probing
from leeway.lifecycle import registry
from leeway.lifecycle.verdict import GateVerdict
from leeway.model.bundle import Bundle
from leeway.store.database import database
from leeway.store.tables import tables_of
from leeway.training import fit, folds, training_data

log = logger(__name__)

Progress = Callable[[str], None]

#: The quick gates: enough to choose between challengers, not to promote one.
QUICK: tuple[Gate, ...] = tuple(gate for gate in GATES if not gate.tries)


def judge(
    classifier: Classifier, key: str, gates: Sequence[Gate] = GATES, progress: Progress = lambda text: None
) -> list[GateVerdict]:
    """Run the gates on a challenger's own holdout.

    Args:
        progress: called with each gate's name before it runs.
    """
    challenger, current = registry.made(classifier.name, key), registry.champion(classifier.name)
    incumbent = registry.load(classifier.name, current) if current and current.bundle != key else None
    with evidence_of(classifier, challenger, incumbent, tried=any(gate.tries for gate in gates)) as evidence:
        return examine(gates, evidence, progress)


def examined(
    classifier: Classifier, key: str, version: int, progress: Progress = lambda text: None
) -> tuple[list[GateVerdict], Content | None]:
    """Run all gates and build the model card.

    The card is None if it cannot be built; `progress` gets the reason.
    """
    challenger, current = registry.made(classifier.name, key), registry.champion(classifier.name)
    other = current if current and current.bundle != key else None
    with evidence_of(classifier, challenger, registry.load(classifier.name, other) if other else None) as evidence:
        verdicts = examine(GATES, evidence, progress)
        progress("model card")
        try:
            content = model_card.gather(
                evidence,
                challenger,
                verdicts,
                version=version,
                checksum=leeway.model.bundle.checksum(challenger.folder),
                compared_with=other.version if other else None,
            )
        except Exception as error:  # the verdicts stand without a card
            log.warning("no model card of version %s", version, exc_info=True)
            progress(f"no model card: {type(error).__name__}: {error}")
            content = None
    return verdicts, content


@contextmanager
def evidence_of(
    classifier: Classifier, challenger: Bundle, incumbent: Bundle | None, *, tried: bool = True
) -> Iterator[Evidence]:
    """Collect the evidence for the gates.

    Args:
        tried: whether to provide the probe too, while the block lasts.
    """
    card = challenger.card
    rows = snapshots.read(classifier.name, card.snapshot)
    split = training_data.cut(classifier, rows, datetime.fromisoformat(card.as_of), card.window)
    y, scores = fit.holdout_scores(challenger, split)
    evidence = Evidence(
        classifier=classifier,
        outputs=challenger.outputs,
        y=y,
        challenger=scores,
        champion=incumbent.outputs.align(incumbent.score(split.holdout), challenger.outputs) if incumbent else None,
        partitions=_partitions(classifier, split.holdout),
        fair=_fair(classifier, split.holdout, incumbent) if incumbent else np.ones(len(y), dtype=bool),
        metrics=card.metrics,
        decided=challenger.decide(scores),
        columns=_columns(classifier, split.holdout, datetime.fromisoformat(card.as_of)),
    )
    if not tried:
        yield evidence
        return
    evidence = replace(evidence, filled_later=revisions.filled_later(classifier))
    with probing(classifier, challenger, split, y, evidence.nights) as probe:
        yield replace(evidence, probe=probe)


def _partitions(classifier: Classifier, holdout: pd.DataFrame) -> npt.NDArray[np.str_]:
    """Return each row's partition, or a random block.

    Events without a time may all have arrived in one partition; they get a random block instead.
    """
    if classifier.by_arrival:
        return folds.blocks(holdout, classifier.training.seed)
    keys = holdout["event_time"].map(lambda time: Partition.containing(time.to_pydatetime(), classifier.partition).key)
    return keys.to_numpy(str)


def _fair(classifier: Classifier, holdout: pd.DataFrame, incumbent: Bundle) -> Bools:
    """Mark the rows that the champion has not seen."""
    learnt_from = training_data.learnt_from(classifier, incumbent)
    if learnt_from is not None:
        return ~holdout["event_id"].isin(learnt_from).to_numpy()
    return (holdout["event_time"] > datetime.fromisoformat(incumbent.card.trained_until)).to_numpy()


def _columns(classifier: Classifier, holdout: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Read the columns that slices and groups need.

    These are the features, and the declared columns as they were known at `as_of`.
    """
    features = [name for name in classifier.features if name in holdout]
    asked = {*(item.column for item in classifier.slices), *classifier.gates.groups}
    others = sorted(asked - set(features))
    if not others or holdout.empty:
        return holdout[features].reset_index(drop=True)
    event = tables_of(classifier).event
    within = event.c.event_time.between(holdout["event_time"].min(), holdout["event_time"].max())
    query = (
        sa.select(event.c.event_id, *(event.c[name] for name in others))
        .distinct(event.c.event_id)
        .where(within, event.c.known_at <= as_of)
        .order_by(event.c.event_id, event.c.known_at.desc())
    )
    known = database().read(query).to_pandas()
    return holdout[["event_id", *features]].merge(known, on="event_id", how="left")[[*features, *others]]
