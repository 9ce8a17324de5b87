"""The search with its trials spread over workers: each reads the snapshot itself and leaves its scores in a file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import numpy as np

from leeway import catalog, parallel
from leeway.definition import Classifier
from leeway.files import replacing, workspace
from leeway.metrics import Bools, Floats
from leeway.settings import settings
from leeway.training import search
from leeway.training.candidates import Trial, trials
from leeway.training.folds import Fold
from leeway.training.material import Material, material
from leeway.training.search import EncodedFold, Outcome, Tried
from leeway.training.window import Window


@dataclass(frozen=True)
class TrialReference:
    """A trial of a search, to be tried by whoever gets it.

    Attributes:
        definition: the fingerprint of the definition that it is of.
        number: its place among all trials.
        folder: where its scores go, within the data folder.
        window: which part of the snapshot is learnt from.
    """

    name: str
    definition: str
    snapshot: str
    as_of: datetime
    number: int
    folder: str
    window: Window | None

    @property
    def path(self) -> Path:
        """Where its scores go."""
        return settings().folder(self.folder) / f"{self.number}.npy"


def spread_search(
    classifier: Classifier, learnt: Material, tried: Sequence[Trial], progress: Callable[[str], None]
) -> Outcome:
    """As `search` does it, each trial by whichever worker is free.

    Args:
        tried: all of the classifier's trials.
    """
    name, place = classifier.name, settings().folder("searches", classifier.name) / learnt.snapshot[:16]
    with workspace(place, f"searching for {name} in parts") as folder:
        within = str(folder.relative_to(settings().home.absolute()))
        definition = catalog.fingerprint(name)
        references = [
            TrialReference(name, definition, learnt.snapshot, learnt.as_of, number, within, learnt.window)
            for number in range(len(tried))
        ]
        progress(f"{len(tried)} trials, spread over workers")
        found = parallel.each(attempt, references)
        kept = [
            Tried(metric, replace(trial, iterations=iterations), _scores(reference))
            for (metric, iterations), trial, reference in zip(found, tried, references, strict=True)
        ]
        return search.best(learnt.folds, kept)


def attempt(reference: TrialReference) -> tuple[float, int | None]:
    """Try one trial and leave its out-of-fold scores in its file; returns its metric and its best iterations.

    Raises:
        DefinitionError: the classifier is declared differently here.
    """
    name = reference.name
    classifier = catalog.load_as(name, reference.definition)
    trial = list(trials(classifier.candidates))[reference.number]
    place = classifier.candidates.index(trial.candidate)
    made_of = (reference.definition, reference.snapshot, reference.as_of, reference.window)
    y, folds, encoded = _encoded(name, *made_of, place)
    tried = search.attempt(classifier, trial, y, folds, encoded)
    with replacing(reference.path, f"writing the scores of a trial of {name}") as beside, beside.open("wb") as file:
        np.save(file, tried.scores, allow_pickle=False)
    return tried.metric, tried.trial.iterations


@lru_cache(maxsize=1)  # a worker that gets the next trial of the same candidate has this already
def _encoded(
    name: str, _definition: str, snapshot: str, as_of: datetime, window: Window | None, candidate: int
) -> tuple[Bools, Sequence[Fold], list[EncodedFold]]:
    classifier = catalog.load(name)
    learnt = material(classifier, snapshot, as_of, window)
    chosen = classifier.candidates[candidate]
    return learnt.y, learnt.folds, search.encode_folds(classifier, chosen, learnt.x, learnt.y, learnt.folds)


def _scores(reference: TrialReference) -> Floats:
    return np.asarray(np.load(reference.path, allow_pickle=False), dtype="float64")
