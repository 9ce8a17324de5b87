"""Bundles: what is versioned, promoted and served as one thing. skops files, never pickle.

A bundle is a folder: `model.skops` (pipeline and calibrators), `bundle.json` (classes, thresholds, signature, origin, metrics),
`reference.json` (the monitor's reference), `sample.parquet` (reference rows for reports, without sensitive columns) and
`known.parquet` (reference rows in bins, to estimate performance by).
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leeway.core.errors import BundleError
from leeway.core.files import sha256
from leeway.core.metrics import Bools, Floats
from leeway.core.outputs import Count, LabelKind, Outputs
from leeway.core.settings import settings
from leeway.definition import Kind
from leeway.definition.candidates import CANDIDATES
from leeway.detection.estimated import LabelledRows
from leeway.detection.reference import Reference
from leeway.model import skops_file
from leeway.model.window import TrainingWindow

FILES = ("model.skops", "bundle.json", "reference.json", "sample.parquet")
KNOWN = "known.parquet"  # bundles that were made before there were estimates have none

#: What a bundle may hold beyond what skops itself trusts. The list is the host's: nothing in a bundle can extend it.
TRUSTED_TYPES = frozenset(
    {
        "numpy.dtype",
        "sklearn.compose._column_transformer._RemainderColsList",
        "sklearn.multiclass._ConstantPredictor",
        "sklearn.model_selection._split.KFold",  # of the means that stand for categories with many values
    }
).union(*(candidate.trusted for candidate in CANDIDATES))


@dataclass(frozen=True)
class Card:
    """What a bundle says of itself.

    Attributes:
        key: what it was made from: the hash of snapshot, definition and versions of the libraries.
        features: the signature: every feature with its kind, in order.
        kind: of the label that it learnt.
        classes: what its probabilities are of, in the order of the columns; of a binary label, the positive class alone.
        thresholds: for each class, as `leeway.model.decision` uses them.
        costs: of deciding for one class (inner) where another (outer) holds; None where thresholds decide.
        calibration: the method for each class.
        trained_until, holdout_from, holdout_until: bounds of the event times it learnt from and was held out.
        metrics: on the holdout.
        search: every trial's metric; `trial` is the one that was kept.
        learnt_since, holdout_seconds: of the window that it learnt from, where that was not the definition's own.
        members: the trials that vote, with their weights; one has all of it where there is no ensemble.
        iterations: of the members that boost.
        search_shares: of the rows, that each trial learnt from on the last rung that it reached.
        search_failures: why nothing came of some trials.
        cut_short: what the search did not try because time was up; such a search need not go the same way again.
        purged: rows that were not learnt from because their labels were not mature when the holdout began.
        notes: what was odd about the rows that it learnt from, in words.
        odds_ratios: of a linear member, by class and term; see `leeway.training.coefficients`.
        calibrated: of each class on the holdout, as `leeway.core.calibration_curve` describes it.
        threshold_intervals: bounds of each threshold in 95 of 100 cases; None where it does not follow from rows alone.
        tradeoffs: for each class, what other thresholds would do, on out-of-fold scores; not of exclusive classes.
        review: the probabilities between which a person decides; None where nobody does.
        holdout_share: of the events that were held out by lot, where events have no time.
    """

    classifier: str
    key: str
    snapshot: str
    as_of: str
    features: dict[str, Kind]
    kind: LabelKind
    classes: list[str]
    thresholds: list[float]
    trial: str
    calibration: list[str]
    seed: int
    trained_until: str
    holdout_from: str
    holdout_until: str
    rows: int
    positives: Count
    metrics: dict[str, Any]
    search: dict[str, float]
    calibration_losses: dict[str, float]
    libraries: dict[str, str]
    learnt_since: str | None = None
    holdout_seconds: float | None = None
    members: dict[str, float] = field(default_factory=dict)
    iterations: dict[str, int] = field(default_factory=dict)
    search_shares: dict[str, float] = field(default_factory=dict)
    search_failures: dict[str, str] = field(default_factory=dict)
    cut_short: str | None = None
    purged: int = 0
    notes: list[str] = field(default_factory=list)
    odds_ratios: dict[str, dict[str, float]] = field(default_factory=dict)
    calibrated: dict[str, dict[str, Any]] = field(default_factory=dict)
    threshold_intervals: list[tuple[float, float] | None] = field(default_factory=list)
    tradeoffs: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    review: tuple[float, float] | None = None
    holdout_share: float | None = None
    costs: list[list[float]] | None = None

    @property
    def window(self) -> TrainingWindow | None:
        """What of its snapshot it learnt from and was held out; None for the definition's own."""
        if self.holdout_seconds is None:
            return None
        since = None if self.learnt_since is None else datetime.fromisoformat(self.learnt_since)
        return TrainingWindow(since, timedelta(seconds=self.holdout_seconds))


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle."""

    folder: Path
    card: Card
    pipeline: Any
    calibrators: list[Any]

    @property
    def outputs(self) -> Outputs:
        """What its probabilities are of."""
        return Outputs(self.card.kind, tuple(self.card.classes))

    def decide(self, p: Floats) -> Bools:
        """The classes that events are called, shape (n, K), from probabilities of that shape."""
        from leeway.model import decision

        costs = None if self.card.costs is None else np.array(self.card.costs)
        return decision.decide(self.outputs, np.array(self.card.thresholds), p, costs)

    def to_review(self, p: Floats) -> Bools | None:
        """Which events a person decides, shape (n,), from probabilities of shape (n, 1); None where nobody does."""
        if self.card.review is None:
            return None
        low, high = self.card.review
        return np.asarray((p[:, 0] >= low) & (p[:, 0] <= high))

    def score(self, rows: pd.DataFrame) -> Floats:
        """The calibrated probability of every class for each row, shape (n, K).

        Args:
            rows: at least the features of the signature; shape (n, any).

        Raises:
            BundleError: a feature of the signature is not among the columns.
        """
        from leeway.model import calibration, class_probabilities
        from leeway.model.inputs import model_input

        if missing := [name for name in self.card.features if name not in rows.columns]:
            raise BundleError(
                f"scoring with the bundle {self.folder.name} of {self.card.classifier}",
                problem="the definition must still have every feature of its signature",
                found=f"no {', '.join(missing)}",
                hint="declare it again until a successor is champion, or promote one that was trained without it",
            )
        if rows.empty:
            return np.empty((0, len(self.card.classes)))
        raw = class_probabilities.predict(self.pipeline, self.outputs, model_input(rows, self.card.features))
        return calibration.apply(self.calibrators, raw, exclusive=self.outputs.exclusive)

    @cached_property
    def reference(self) -> Reference:
        """What the monitor compares with."""
        return Reference.model_validate_json((self.folder / "reference.json").read_bytes())

    @cached_property
    def sample(self) -> pd.DataFrame:
        """Reference rows for reports."""
        return pd.read_parquet(self.folder / "sample.parquet")

    @cached_property
    def known(self) -> LabelledRows | None:
        """Reference rows to estimate performance by."""
        path = self.folder / KNOWN
        return LabelledRows.from_frame(pd.read_parquet(path), self.outputs) if path.exists() else None


def save(
    folder: Path,
    card: Card,
    pipeline: Any,
    calibrators: list[Any],
    reference: Reference,
    sample: pd.DataFrame,
    known: LabelledRows | None = None,
) -> None:
    """Write a bundle's files into a folder, which is made."""
    folder.mkdir(parents=True)
    model = {"pipeline": pipeline, "calibrators": calibrators}
    skops_file.dump(model, folder / "model.skops")
    (folder / "bundle.json").write_text(json.dumps(asdict(card), indent=1))
    (folder / "reference.json").write_text(reference.model_dump_json())
    sample.to_parquet(folder / "sample.parquet", index=False)
    if known is not None:
        known.frame(Outputs(card.kind, tuple(card.classes))).to_parquet(folder / KNOWN, index=False)


def load(folder: Path, checksum_expected: str | None = None) -> Bundle:
    """Load a bundle through the host's allow-list.

    Args:
        checksum_expected: what the promotion record says; None for a bundle that this process has just made.

    Raises:
        BundleError: a file is missing, altered, or holds a type that is not on the list.
    """
    import skops.io

    action = f"loading the bundle {folder}"
    _must_be_whole(folder, checksum_expected, action)
    allowed = TRUSTED_TYPES | set(settings().trusted_types)
    path = folder / "model.skops"
    unknown = skops.io.get_untrusted_types(file=path)
    if refused := sorted(set(unknown) - allowed):
        raise BundleError(
            action,
            problem="it may hold only types on the host's list",
            found=", ".join(refused),
            hint="if you know and trust them, name them in LEEWAY_TRUSTED_TYPES",
        )
    model = skops.io.load(path, trusted=unknown)
    return Bundle(folder, _card(folder, action), model["pipeline"], model["calibrators"])


def described(folder: Path, checksum_expected: str) -> tuple[Card, Reference]:
    """What a bundle says of itself, and what the monitor compares with, without its model, which takes a while to load.

    Raises:
        BundleError: a file is missing or altered.
    """
    action = f"reading the bundle {folder}"
    _must_be_whole(folder, checksum_expected, action)
    return _card(folder, action), Reference.model_validate_json((folder / "reference.json").read_bytes())


def _must_be_whole(folder: Path, checksum_expected: str | None, action: str) -> None:
    found = checksum(folder)
    if checksum_expected is not None and found != checksum_expected:
        raise BundleError(
            action,
            problem="its checksum must be the one in the promotion record",
            found=f"{found[:12]} instead of {checksum_expected[:12]}",
            hint="it was altered: restore the folder from a backup, or roll back to another version",
        )


def _card(folder: Path, action: str) -> Card:
    written = json.loads((folder / "bundle.json").read_text())
    try:
        return Card(**written)
    except TypeError as error:
        raise BundleError(
            action,
            problem="it must be of this version of Leeway",
            found=f"one of Leeway {written.get('libraries', {}).get('leeway', 'unknown')}: {error}",
            hint="train again, or use the version that made it",
        ) from error


def checksum(folder: Path) -> str:
    """One hash over all files of a bundle.

    Raises:
        BundleError: a file is missing.
    """
    digest = hashlib.sha256()
    for name in (*FILES, *([KNOWN] if (folder / KNOWN).exists() else [])):
        path = folder / name
        if not path.exists():
            raise BundleError(
                f"loading the bundle {folder}",
                problem=f"it must have the files {', '.join(FILES)}",
                found=f"no {name}",
                hint="restore the folder from a backup, or train again",
            )
        digest.update(f"{name} {sha256(path)}\n".encode())
    return digest.hexdigest()
