"""The search with its trials spread over workers.

Each worker reads the snapshot itself and leaves its scores in a file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import numpy as np

from leeway.core import parallel
from leeway.core.files import replacing, workspace
from leeway.core.metrics import Bools
from leeway.core.settings import settings
from leeway.definition import Classifier, catalog
from leeway.model.window import TrainingWindow
from leeway.training import search
from leeway.training.folds import Fold
from leeway.training.learners import Sees
from leeway.training.search import EncodedFold, FailedTrial, Progress, SearchResult, TrialResult
from leeway.training.search_plan import Rung
from leeway.training.training_data import Material, material
from leeway.training.trials import Trial, trials


@dataclass(frozen=True)
class TrialReference:
    """A trial that any worker can run.

    Attributes:
        definition: the fingerprint of the definition that it belongs to.
        number: its place among all trials of the definition.
        share: the share of the rows to learn from.
        folder: the folder of its scores, within the data folder.
        window: the part of the snapshot to learn from.
    """

    name: str
    definition: str
    snapshot: str
    as_of: datetime
    number: int
    share: float
    folder: str
    window: TrainingWindow | None

    @property
    def path(self) -> Path:
        """The path of its scores."""
        return settings().folder(self.folder) / f"{self.number}.npy"


def spread_search(classifier: Classifier, learnt: Material, progress: Progress) -> SearchResult:
    """Search with the trials spread over free workers."""
    name, place = classifier.name, settings().folder("searches", classifier.name) / learnt.snapshot[:16]
    numbers = {str(trial): number for number, trial in enumerate(trials(classifier.candidates))}
    with workspace(place, f"searching for {name} in parts") as folder:
        within = str(folder.relative_to(settings().home.absolute()))
        definition = catalog.fingerprint(name)

        def run(left: Sequence[Trial], rung: Rung) -> list[TrialResult | FailedTrial]:
            references = [
                TrialReference(
                    *(name, definition, learnt.snapshot, learnt.as_of, numbers[str(trial)]),
                    *(rung.share, within, learnt.window),
                )
                for trial in left
            ]
            progress(f"{len(left)} trials on {rung.share:.0%} of the rows, spread over workers", rung.share / 2)
            found = parallel.each(attempt, references)
            return [_done(*given) for given in zip(found, left, references, strict=True)]

        return search.halve(classifier, learnt.y, learnt.folds, run)


def attempt(reference: TrialReference) -> tuple[float, int | None] | str:
    """Run one trial and write its out-of-fold scores.

    Returns:
        Its metric and its best iterations, or why it failed.

    Raises:
        DefinitionError: the classifier is declared differently here.
    """
    name = reference.name
    classifier = catalog.load_as(name, reference.definition)
    trial = list(trials(classifier.candidates))[reference.number]
    made_of = (reference.definition, reference.snapshot, reference.as_of, reference.window)
    y, folds, encoded = _encoded(name, *made_of, trial.sees)
    tried = search.attempt(classifier, trial, y, folds, encoded, reference.share)
    if isinstance(tried, FailedTrial):
        return tried.why
    with replacing(reference.path, f"writing the scores of a trial of {name}") as beside, beside.open("wb") as file:
        np.save(file, tried.scores, allow_pickle=False)
    return tried.metric, tried.trial.iterations


@lru_cache(maxsize=1)  # a worker often gets several trials that see columns alike
def _encoded(
    name: str, _definition: str, snapshot: str, as_of: datetime, window: TrainingWindow | None, sees: Sees
) -> tuple[Bools, Sequence[Fold], list[EncodedFold]]:
    classifier = catalog.load(name)
    learnt = material(classifier, snapshot, as_of, window)
    return learnt.y, learnt.folds, search.encode_folds(classifier, sees, learnt.x, learnt.y, learnt.folds)


def _done(found: tuple[float, int | None] | str, trial: Trial, reference: TrialReference) -> TrialResult | FailedTrial:
    if isinstance(found, str):
        return FailedTrial(trial, found)
    scores = np.asarray(np.load(reference.path, allow_pickle=False), dtype="float64")
    return TrialResult(found[0], replace(trial, iterations=found[1]), scores)
