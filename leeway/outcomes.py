"""What became of decisions: counted once for each partition, when its labels are mature, and kept for whoever looks.

Two lines for each partition: of the version that scored it, and of the champion before, on the same events. Counts add up, so
that weeks and months are sums, and whoever shows them computes nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import lru_cache, reduce
from operator import add
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from leeway import registry, scoring
from leeway.bundle import Bundle
from leeway.definition import Classifier, Costs
from leeway.errors import BundleError, NotFound
from leeway.explaining import reasons
from leeway.metrics import Bools, Floats, log_losses
from leeway.monitoring.night import mature_with
from leeway.outputs import Outputs
from leeway.partitions import Partition
from leeway.store.database import database
from leeway.store.tables import labels_known, tables_of
from leeway.store.tables import outcome as table
from leeway.store.tables import partition as ledger
from leeway.training.fit import is_sensitive

Role = Literal["champion", "before"]
#: Of probabilities; finer where rare classes have theirs.
EDGES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
WORST = 5  # rows that are kept of each partition
MOST_VALUES = 31  # of a category that rows are told apart by
MOST = 120  # partitions that are made up for at once
Z = 1.959964  # of a normal distribution's 95 %


@dataclass(frozen=True)
class Counts:
    """Of one class, or of some rows of it.

    Attributes:
        rows: with a label; `positives` of them are of the class, `called` were called so, `hits` both.
        expected: the sum of the probabilities.
        bins: for each range of `EDGES`: rows, sum of the probabilities, positives.
    """

    rows: int = 0
    positives: int = 0
    called: int = 0
    hits: int = 0
    expected: float = 0.0
    bins: tuple[tuple[float, float, float], ...] = ()

    @classmethod
    def of(cls, y: Bools, p: Floats, called: Bools, *, binned: bool = False) -> Self:
        """Count rows; shapes (n,)."""
        place = np.searchsorted(np.asarray(EDGES), p, side="right")
        sums = [np.bincount(place, weights=weight, minlength=len(EDGES) + 1) for weight in (np.ones(len(p)), p, y)]
        bins = tuple(tuple(row) for row in np.column_stack(sums).tolist()) if binned else ()
        return cls(len(y), int(y.sum()), int(called.sum()), int((called & y).sum()), float(p.sum()), bins)

    def __add__(self, other: "Counts") -> "Counts":
        """Both together."""
        pairs = zip(self.bins, other.bins, strict=True) if self.bins and other.bins else ()
        bins = tuple((a[0] + b[0], a[1] + b[1], a[2] + b[2]) for a, b in pairs) or self.bins or other.bins
        return Counts(
            self.rows + other.rows,
            self.positives + other.positives,
            self.called + other.called,
            self.hits + other.hits,
            self.expected + other.expected,
            bins,
        )

    @property
    def precision(self) -> float | None:
        """The share of those called so that are."""
        return self.hits / self.called if self.called else None

    @property
    def recall(self) -> float | None:
        """The share of those that are so that were called so."""
        return self.hits / self.positives if self.positives else None

    @property
    def calibration_error(self) -> float | None:
        """The mean over rows of |share - mean probability| of their bin."""
        return sum(abs(holds - p) for _, p, holds in self.bins) / self.rows if self.rows and self.bins else None


@dataclass(frozen=True)
class Misjudged:
    """A row that its label contradicts most.

    Attributes:
        score: the probability that its label's class was given.
        reasons: the columns that drew the score away from the label most, with their value and how far, in log odds;
            what a sensitive column says is not in it.
    """

    event: str
    partition: str
    label: str
    decision: str
    score: float
    loss: float
    reasons: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """What became of decisions: those of a partition, or of several together.

    Attributes:
        decided: events that were decided on, with a label or without.
        log_loss: the sum over rows with a label.
        classes: by class; of a binary label the positive one alone.
        slices: by column and value, of all classes together.
    """

    partition: str
    version: int
    decided: int
    labelled: int
    log_loss: float
    classes: dict[str, Counts]
    slices: dict[str, dict[str, Counts]] = field(default_factory=dict)
    worst: list[Misjudged] = field(default_factory=list)

    def __add__(self, other: "Outcome") -> "Outcome":
        """Both together; under the later one's name."""
        later = max(self, other, key=lambda item: item.partition)
        columns = self.slices.keys() | other.slices.keys()
        return Outcome(
            later.partition,
            later.version,
            self.decided + other.decided,
            self.labelled + other.labelled,
            self.log_loss + other.log_loss,
            _together(self.classes, other.classes),
            {name: _together(self.slices.get(name, {}), other.slices.get(name, {})) for name in sorted(columns)},
            sorted([*self.worst, *other.worst], key=lambda row: -row.loss),
        )

    @property
    def all(self) -> Counts:
        """All classes together."""
        return reduce(add, self.classes.values(), Counts())

    def cost(self, costs: Costs) -> float:
        """What these decisions cost."""
        counts = self.all
        return costs.of(positives=counts.positives, called=counts.called, hits=counts.hits)


def nothing_called(outcome: Outcome, costs: Costs) -> float:
    """What the same events cost where nothing is called: without a model."""
    return costs.of(positives=outcome.all.positives, called=0, hits=0)


def total(outcomes: Iterable[Outcome]) -> Outcome | None:
    """All together; None of none."""
    found = list(outcomes)
    return reduce(add, found) if found else None


def interval(hits: int, of: int) -> tuple[float, float] | None:
    """Wilson's interval of a share, at 95 %; None of nothing."""
    if not of:
        return None
    share, spread = hits / of, Z * Z / of
    middle = (share + spread / 2) / (1 + spread)
    half = Z * float(np.sqrt(share * (1 - share) / of + spread / (4 * of))) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def settle(classifier: Classifier, night: Partition, most: int = MOST) -> list[str]:
    """Count what became of the decisions on every partition whose labels are mature with a night, and were not counted yet.

    Labels are taken as known when the night's partition ended. A partition that another version has scored since is counted
    anew.

    Returns:
        The partitions, oldest first.
    """
    due = _unsettled(classifier, mature_with(classifier, night))[-most:]
    for key, version in due:
        partition = Partition.parse(key, classifier.partition)
        try:
            _settle(classifier, partition, version, night.end)
        except NotFound:  # what it was scored on is no longer kept
            continue
    return [key for key, _ in due]


def of(
    name: str, *, first: str = "", last: str = "~", role: Role = "champion", detailed: bool = False
) -> list[Outcome]:
    """The outcomes of a classifier's partitions, oldest first.

    Args:
        detailed: with slices and the worst rows.
    """
    columns = ["partition", "version", "decided", "labelled", "log_loss", "classes"]
    columns += ["slices", "worst"] if detailed else []
    mine = (table.c.classifier == name) & (table.c.role == role) & table.c.partition.between(first, last)
    query = sa.select(*(table.c[column] for column in columns)).where(mine).order_by(table.c.partition)
    with database().transaction() as connection:
        return [_read(dict(row._mapping)) for row in connection.execute(query)]


def newest(name: str) -> str | None:
    """The last partition that was counted."""
    query = sa.select(sa.func.max(table.c.partition)).where(table.c.classifier == name)
    with database().transaction() as connection:
        found: str | None = connection.scalar(query)
    return found


def _read(row: dict[str, Any]) -> Outcome:
    row["classes"] = {name: _counts(value) for name, value in row["classes"].items()}
    if "slices" in row:
        row["slices"] = {
            column: {value: _counts(counts) for value, counts in values.items()}
            for column, values in row["slices"].items()
        }
        row["worst"] = [Misjudged(**item) for item in row["worst"]]
    return Outcome(**row)


def _counts(value: dict[str, Any]) -> Counts:
    return Counts(**{**value, "bins": tuple(tuple(item) for item in value["bins"])})


def _together(one: Mapping[str, Counts], two: Mapping[str, Counts]) -> dict[str, Counts]:
    return {name: one.get(name, Counts()) + two.get(name, Counts()) for name in [*one, *(two.keys() - one.keys())]}


def _unsettled(classifier: Classifier, last: Partition) -> list[tuple[str, int]]:
    """The scored partitions up to one that were not counted as the version decided that has scored them last."""
    version = ledger.c.input["version"].as_integer()
    counted = sa.exists().where(
        table.c.classifier == ledger.c.classifier,
        table.c.partition == ledger.c.partition,
        table.c.role == "champion",
        table.c.version == version,
    )
    scored = (ledger.c.classifier == classifier.name) & (ledger.c.stage == "score") & (ledger.c.status == "done")
    query = sa.select(ledger.c.partition, version).where(scored, ledger.c.partition <= last.key, ~counted)
    with database().transaction() as connection:
        return [(key, int(number)) for key, number in connection.execute(query.order_by(ledger.c.partition))]


def _settle(classifier: Classifier, partition: Partition, version: int, as_of: datetime) -> None:
    name, store, outputs = classifier.name, database(), classifier.label.outputs
    rows = scoring.read(name, partition, version)
    prediction = tables_of(classifier).prediction
    decided = sa.select(prediction.c.event_id).where(
        prediction.c.partition == partition.key, prediction.c.version == version
    )
    labels = store.read(labels_known(tables_of(classifier), as_of, decided)).to_pandas()
    labelled = rows.merge(labels, on="event_id")
    y = outputs.matrix(labelled[outputs.column])
    found: dict[Role, Outcome] = {}
    bundle = bundle_of(name, version)
    own = bundle.outputs
    p = own.align(scoring.probabilities(labelled, own), outputs)
    calls = outputs.matrix(labelled["decision"])
    found["champion"] = _count(classifier, partition, version, len(rows), labelled, y, p, calls, bundle)
    before = _before(name, version)
    if before is not None and len(labelled):
        try:
            former = bundle_of(name, before)
            scores = former.score(labelled)
        except (BundleError, NotFound):  # its features are no longer declared, or it is lost
            pass
        else:
            p, calls = former.outputs.align(scores, outputs), _calls(former, scores, outputs)
            found["before"] = _count(classifier, partition, before, len(rows), labelled, y, p, calls)
    with store.transaction() as connection:
        mine = (table.c.classifier == name) & (table.c.partition == partition.key)
        connection.execute(sa.delete(table).where(mine))
        for role, outcome in found.items():
            values = {"classifier": name, "role": role, "as_of": as_of, **asdict(outcome)}
            connection.execute(insert(table).values(values).on_conflict_do_nothing())


def _count(
    classifier: Classifier,
    partition: Partition,
    version: int,
    decided: int,
    rows: pd.DataFrame,
    y: Bools,
    p: Floats,
    calls: Bools,
    bundle: Bundle | None = None,
) -> Outcome:
    """Count; with the bundle, slices and the worst rows too."""
    outputs = classifier.label.outputs
    losses = log_losses(y, p, exclusive=outputs.exclusive) if len(rows) else np.zeros(0)
    return Outcome(
        partition.key,
        version,
        decided,
        len(rows),
        float(losses.sum()),
        {name: Counts.of(y[:, k], p[:, k], calls[:, k], binned=True) for k, name in enumerate(outputs.names)},
        _slices(classifier, bundle, rows, y, p, calls) if bundle else {},
        _worst(classifier, bundle, partition, rows, y, p, calls, losses) if bundle else [],
    )


def _slices(
    classifier: Classifier, bundle: Bundle, rows: pd.DataFrame, y: Bools, p: Floats, calls: Bools
) -> dict[str, dict[str, Counts]]:
    """By the values of every category that may be shown."""
    found: dict[str, dict[str, Counts]] = {}
    for name, kind in bundle.card.features.items():
        if kind != "categorical" or name not in rows or is_sensitive(classifier, name):
            continue
        known = bundle.reference.binnings[name].values or ()
        value = rows[name].astype("object").where(rows[name].isin(known), "other").where(rows[name].notna(), "missing")
        found[name] = {
            str(one): reduce(add, (Counts.of(y[own, k], p[own, k], calls[own, k]) for k in range(y.shape[1])))
            for one in sorted(set(value))[:MOST_VALUES]
            for own in [(value == one).to_numpy()]
        }
    return found


def _worst(
    classifier: Classifier,
    bundle: Bundle,
    partition: Partition,
    rows: pd.DataFrame,
    y: Bools,
    p: Floats,
    calls: Bools,
    losses: Floats,
) -> list[Misjudged]:
    """The rows that were decided wrongly and lost most."""
    outputs = classifier.label.outputs
    wrong = np.flatnonzero((y != calls).any(axis=1))
    places = wrong[np.argsort(-losses[wrong], kind="stable")][:WORST]
    if not len(places):
        return []
    # Where none of the classes holds, as of a negative, the highest one is what was wrong.
    k = np.where(y[places].any(axis=1), y[places].argmax(axis=1), p[places].argmax(axis=1))
    truth = np.where(y[places].any(axis=1), p[places, k], 1 - p[places, k])
    why = reasons(classifier, bundle, rows.iloc[places], [outputs.names[one] for one in k], y[places, k])
    return [
        Misjudged(
            str(rows["event_id"].iloc[place]),
            partition.key,
            _named(outputs, y[place], classifier),
            _named(outputs, calls[place], classifier),
            float(truth[at]),
            float(losses[place]),
            why[at],
        )
        for at, place in enumerate(places)
    ]


def _named(outputs: Outputs, holds: Bools, classifier: Classifier) -> str:
    if not outputs.several:
        return str(classifier.label.positive if holds[0] else classifier.label.negative)
    return ", ".join(name for name, so in zip(outputs.names, holds, strict=True) if so) or "none"


def _calls(bundle: Bundle, p: Floats, to: Outputs) -> Bools:
    return np.asarray(bundle.outputs.align(bundle.decide(p).astype("float64"), to) > 0)


def _before(name: str, version: int) -> int | None:
    """The champion before a version."""
    champions = [item.version for item in reversed(registry.history(name)) if item.outcome != "refused"]
    if version not in champions:
        return None
    earlier = champions[: champions.index(version)]
    return earlier[-1] if earlier else None


@lru_cache(maxsize=4)
def _loaded(name: str, version: int, checksum: str) -> Bundle:
    return registry.load(name, registry.promoted(name, version))


def bundle_of(name: str, version: int) -> Bundle:
    """The bundle of a version that has been champion, kept in memory: to load one takes a while."""
    return _loaded(name, version, registry.promoted(name, version).checksum)
