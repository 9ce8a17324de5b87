"""Bundles: the unit that is versioned and served.

Models are skops files, never pickle.

A bundle is a folder: `model.skops` (pipeline and calibrators), `bundle.json` (classes, thresholds, signature, origin, metrics),
`reference.json` (the monitor's reference), `sample.parquet` (reference rows for reports, without sensitive columns),
`known.parquet` (reference rows in bins, to estimate performance by) and `compiled.json.gz` (the model once more, as
`leeway.model.compiled` scores one row by it).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from leeway.core.errors import BundleError
from leeway.core.files import sha256
from leeway.core.logs import logger
from leeway.core.metrics import Bools, Floats
from leeway.core.outputs import Count, LabelKind, Outputs
from leeway.core.settings import settings
from leeway.definition import Kind
from leeway.definition.candidates import CANDIDATES
from leeway.detection.estimated import LabelledRows
from leeway.detection.reference import Reference
from leeway.model import compiled, skops_file
from leeway.model.compiled import Compiled
from leeway.model.window import TrainingWindow

log = logger(__name__)

FILES = ("model.skops", "bundle.json", "reference.json", "sample.parquet")
KNOWN = "known.parquet"  # bundles that were made before there were estimates have none
COMPILED = "compiled.json.gz"  # nor have this older ones, and those with a part that is none of Leeway's own
MAYBE = (KNOWN, COMPILED)

#: The types that a bundle may hold beyond those that skops trusts. The list is the host's: no bundle can extend it.
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
    """The metadata of a bundle.

    Attributes:
        key: what it was made from: the hash of snapshot, definition and versions of the libraries.
        features: the signature: every feature with its kind, in order.
        kind: the kind of its label.
        classes: the classes of its probabilities, in the order of the columns; of a binary label, only the positive class.
        thresholds: for each class, as `leeway.model.decision` uses them.
        costs: of deciding for one class (inner) where another (outer) holds; None where thresholds decide.
        calibration: the method for each class.
        trained_until, holdout_from, holdout_until: bounds of the event times of development and holdout rows.
        metrics: on the holdout.
        search: every trial's metric; `trial` is the one that was kept.
        learnt_since, holdout_seconds: the window that it learnt from, where that was not the definition's own.
        members: the trials that vote, with their weights; one has all of the weight without an ensemble.
        iterations: of the members that boost.
        search_shares: the share of the rows that each trial learnt from, on the last rung that it reached.
        search_failures: why trials failed, by name.
        cut_short: trials that were not tried because time was up; another search may differ.
        purged: rows that were not learnt from because their labels were not mature when the holdout began.
        notes: what was unusual about the rows that it learnt from, in words.
        odds_ratios: of a linear member, by class and term; see `leeway.training.coefficients`.
        calibrated: of each class on the holdout, as `leeway.core.calibration_curve` describes it.
        threshold_intervals: the 95 % interval of each threshold; None where it does not follow from rows.
        tradeoffs: for each class, what other thresholds would do, on out-of-fold scores; not of exclusive classes.
        review: the probabilities between which a person decides; None where nobody does.
        holdout_share: the share of events that were held out at random, where events have no time.
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
        """The part of the snapshot that it learnt from.

        None for the definition's own window.
        """
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
        """The outputs that its probabilities stand for."""
        return Outputs(self.card.kind, tuple(self.card.classes))

    def decide(self, p: Floats) -> Bools:
        """Return the decisions for probabilities, shape (n, K)."""
        from leeway.model import decision

        costs = None if self.card.costs is None else np.array(self.card.costs)
        return decision.decide(self.outputs, np.array(self.card.thresholds), p, costs)

    def to_review(self, p: Floats) -> Bools | None:
        """Mark the events that a person decides, shape (n,).

        Probabilities have shape (n, 1). None where nobody decides.
        """
        if self.card.review is None:
            return None
        low, high = self.card.review
        return np.asarray((p[:, 0] >= low) & (p[:, 0] <= high))

    def score(self, rows: pd.DataFrame) -> Floats:
        """Return calibrated probabilities of rows, shape (n, K).

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
                problem="the definition lacks features that the bundle was trained with",
                found=", ".join(missing),
                hint="declare them again until a new champion needs them no more, or promote a version without them",
            )
        if rows.empty:
            return np.empty((0, len(self.card.classes)))
        raw = class_probabilities.predict(self.pipeline, self.outputs, model_input(rows, self.card.features))
        return calibration.apply(self.calibrators, raw, exclusive=self.outputs.exclusive)

    @cached_property
    def compiled(self) -> Compiled | None:
        """The functions that score one row within microseconds; None where the bundle has none."""
        path = self.folder / COMPILED
        description = compiled.read(path) if path.exists() else None
        return None if description is None else compiled.build(description)

    @cached_property
    def reference(self) -> Reference:
        """The monitor's reference."""
        return _reference(self.folder, f"reading the bundle {self.folder}", self.card)

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
    """Write a bundle's files into a new folder."""
    folder.mkdir(parents=True)
    model = {"pipeline": pipeline, "calibrators": calibrators}
    skops_file.dump(model, folder / "model.skops")
    (folder / "bundle.json").write_text(json.dumps(asdict(card), indent=1))
    (folder / "reference.json").write_text(reference.model_dump_json())
    sample.to_parquet(folder / "sample.parquet", index=False)
    if known is not None:
        known.frame(Outputs(card.kind, tuple(card.classes))).to_parquet(folder / KNOWN, index=False)
    from leeway.model.compiled.describe import describe  # with scikit-learn, which takes a while

    try:
        found = describe(card.features, Outputs(card.kind, tuple(card.classes)), pipeline, calibrators)
    except BundleError as error:
        log.info("%s", error)
    else:
        compiled.write(found, folder / COMPILED)


def load(folder: Path, checksum_expected: str | None = None) -> Bundle:
    """Load a bundle through the host's allow-list.

    Args:
        checksum_expected: the one in the promotion record; None for a bundle that this process has just made.

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
            problem="it holds types that this host does not trust",
            found=", ".join(refused),
            hint="if you know and trust them, name them in LEEWAY_TRUSTED_TYPES",
        )
    model = skops.io.load(path, trusted=unknown)
    return Bundle(folder, _card(folder, action), model["pipeline"], model["calibrators"])


def described(folder: Path, checksum_expected: str) -> tuple[Card, Reference]:
    """Read a bundle's card and reference.

    The model is not loaded, because that takes a while.

    Raises:
        BundleError: a file is missing or altered.
    """
    action = f"reading the bundle {folder}"
    _must_be_whole(folder, checksum_expected, action)
    card = _card(folder, action)
    return card, _reference(folder, action, card)


def _reference(folder: Path, action: str, card: Card) -> Reference:
    try:
        return Reference.model_validate_json((folder / "reference.json").read_bytes())
    except ValidationError as error:
        raise _unreadable(action, card.libraries, f"its reference has {error.error_count()} other fields") from error


def _must_be_whole(folder: Path, checksum_expected: str | None, action: str) -> None:
    found = checksum(folder)
    if checksum_expected is not None:
        _must_match(found, checksum_expected, action)


def _must_match(found: str, checksum_expected: str, action: str) -> None:
    if found != checksum_expected:
        raise BundleError(
            action,
            problem="the bundle was altered: its checksum differs from the promotion record",
            found=f"{found[:12]} instead of {checksum_expected[:12]}",
            hint="restore the folder from a backup, or roll back to another version with `leeway rollback NAME`",
        )


def _card(folder: Path, action: str) -> Card:
    written = json.loads((folder / "bundle.json").read_text())
    try:
        return Card(**written)
    except TypeError as error:
        raise _unreadable(action, written.get("libraries", {}), error) from error


def _unreadable(action: str, libraries: Mapping[str, str], why: object) -> BundleError:
    return BundleError(
        action,
        problem="this version of Leeway cannot read it",
        found=f"a bundle of Leeway {libraries.get('leeway', 'unknown')}: {why}",
        hint="train again with `leeway train NAME` and promote what comes of it, or install the version that made it",
    )


def checksum(folder: Path) -> str:
    """Hash all files of a bundle.

    Raises:
        BundleError: a file is missing.
    """
    there = (path for path in map(folder.joinpath, (*FILES, *MAYBE)) if path.exists())
    return _checksum({path.name: sha256(path) for path in there}, f"loading the bundle {folder}")


def must_be(hashes: Mapping[str, str], checksum_expected: str, action: str) -> None:
    """Hold a bundle against the record, by the hashes of its files.

    Args:
        hashes: by the files' names, as its storage says before anything is fetched.

    Raises:
        BundleError: it is another one, or has a file that the checksum does not cover.
    """
    if more := sorted(set(hashes) - {*FILES, *MAYBE}):
        raise BundleError(
            action,
            problem="it has files that no bundle has",
            found=", ".join(more)[:200],
            hint="it was altered: restore the folder from a backup, and see who can write there",
        )
    _must_match(_checksum(hashes, action), checksum_expected, action)


def _checksum(hashes: Mapping[str, str], action: str) -> str:
    digest = hashlib.sha256()
    for name in (*FILES, *(name for name in MAYBE if name in hashes)):
        if name not in hashes:
            raise BundleError(
                action,
                problem=f"a file is missing; a bundle has {', '.join(FILES)}",
                found=f"no {name}",
                hint="restore the folder from a backup, or train again with `leeway train NAME`",
            )
        digest.update(f"{name} {hashes[name]}\n".encode())
    return digest.hexdigest()
