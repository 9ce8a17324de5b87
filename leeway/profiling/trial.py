"""A new definition and its suite tried on the table that they were made from, before they are written."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import pandas as pd
from pydantic import ValidationError

from leeway.core.errors import DefinitionError
from leeway.definition import Classifier, catalog
from leeway.definition.partitions import Partition, keys_of
from leeway.ingest import audit, contract
from leeway.ingest.reading.frames import joined
from leeway.ingest.sources.prepared import prepared
from leeway.ingest.sources.staging import times_of
from leeway.profiling import writing
from leeway.profiling.expect import Expectation
from leeway.profiling.profile import Profile
from leeway.profiling.reading import MAX_ROWS

MOST = 0.01  # of the values of a feature may be unreadable by night, or it is set aside
SECONDS = 10.0  # for the casts of a large table; what is left is cast by the first nights
SUITE_SECONDS = 3.0  # for the suite; one delivery is looked at in any case
DELIVERIES = 3  # that the suite is asked of


@dataclass(frozen=True)
class Unreadable:
    """Values that a night could not read.

    Attributes:
        column: of the source.
        rule: what they break.
        share: of the rows that were tried.
    """

    column: str
    rule: str
    count: int
    example: str
    share: float


@dataclass
class TriedTable:
    """What the rows of a table break.

    Attributes:
        rows: that were cast.
        whole: whether these are all.
        unreadable: the most frequent first.
        deliveries: by partition, the rows that the suite can be asked of.
    """

    classifier: Classifier
    rows: int = 0
    whole: bool = True
    unreadable: list[Unreadable] = field(default_factory=list)
    deliveries: dict[Partition, pd.DataFrame] = field(default_factory=dict)


def read(found: Profile, now: datetime, *, seconds: float = SECONDS) -> TriedTable:
    """Read a table as the nights would.

    Args:
        seconds: after which a table that is larger than the sample is left.

    Raises:
        DefinitionError: what the definition says does not fit together.
    """
    classifier = _classifier(writing.definition(found), found.options.name)
    tried = TriedTable(classifier)
    wanted = _partitions(found, classifier)
    own_names = {new: name for name, new in found.renamed.items()}
    counts: dict[str, int] = {}
    examples: dict[str, str] = {}
    parts: dict[str, list[pd.DataFrame]] = {}
    until = time.monotonic() + seconds
    for part in _parts(found):
        rows = prepared(classifier.source, part, found.options.data)
        for rule, positions in contract.unreadable(classifier, rows, now=now).items():
            column = rule.partition(":")[0]
            counts[rule] = counts.get(rule, 0) + len(positions)
            examples.setdefault(rule, str(rows[column].iloc[positions[0]]) if column in rows else "")
        for key, own in _by_partition(classifier, rows, wanted):
            parts.setdefault(key, []).append(own)
        tried.rows += len(rows)
        if time.monotonic() > until and tried.rows < found.sample.total:
            tried.whole = False
            break
    for rule, count in sorted(counts.items(), key=lambda item: -item[1]):
        column = rule.partition(":")[0]
        name = own_names.get(column, column)
        tried.unreadable.append(Unreadable(name, rule, count, examples[rule], count / tried.rows))
    if tried.whole:
        tried.deliveries = {wanted[key]: joined(own) for key, own in parts.items()}
    return tried


def rejecting(found: Profile, tried: TriedTable, now: datetime) -> list[tuple[Expectation, Partition]]:
    """Ask the suite of some deliveries; returns the expectations that would reject one, each with its partition."""
    if not tried.deliveries:
        return []
    names: dict[str, object] = {}
    exec(compile(writing.suite(found), "a new suite", "exec"), names)  # noqa: S102 -- our own text
    declared = cast("list[object]", names["expectations"])
    rules = audit.failing(tried.classifier, declared, tried.deliveries, now=now, seconds=SUITE_SECONDS)
    named = ((item, writing.rule(found, item)) for item in (found.kept_expectations if rules else ()))
    return [(item, rules[rule]) for item, rule in named if rule in rules]


def _parts(found: Profile) -> Iterator[pd.DataFrame]:
    if found.sample.whole:
        yield found.sample.rows
    else:
        yield from found.sample.table.chunks()


def _partitions(found: Profile, classifier: Classifier) -> dict[str, Partition]:
    """Choose partitions by their rows in the sample: the smallest, the largest, and the last."""
    if found.time is None:
        last = Partition.last_complete(datetime.now(UTC), classifier.partition)
        return {last.key: last} if found.sample.whole else {}
    sizes = keys_of(found.time, classifier.partition).value_counts().sort_index()
    sizes = sizes[sizes > 0]
    if sizes.empty:
        return {}
    largest = MAX_ROWS * len(found.sample.rows) / found.sample.total  # of what is sampled of a partition
    keys = [sizes.idxmin(), sizes.idxmax(), sizes.index[-1]]
    chosen = [key for key in dict.fromkeys(keys) if sizes[key] <= largest][:DELIVERIES]
    return {key: Partition.parse(key, classifier.partition) for key in chosen}


def _by_partition(
    classifier: Classifier, rows: pd.DataFrame, wanted: dict[str, Partition]
) -> Iterator[tuple[str, pd.DataFrame]]:
    if not wanted:
        return
    if classifier.event_time is None:  # dated by its arrival
        key, partition = next(iter(wanted.items()))
        yield key, rows.assign(**{classifier.time_column: pd.Timestamp(partition.start).as_unit("us")})
        return
    keys = keys_of(times_of(classifier, rows), classifier.partition)
    for key in wanted:
        if (own := keys == key).any():
            yield key, rows[own.fillna(False).to_numpy(dtype=bool)]


def _classifier(text: str, name: str) -> Classifier:
    names: dict[str, object] = {}
    try:
        exec(compile(text, "a new definition", "exec"), names)  # noqa: S102 -- our own text
    except ValidationError as error:  # also where what it says does not fit together
        raise DefinitionError(
            "trying a new definition",
            problem="this table makes no classifier",
            found="; ".join(catalog.findings(error)),
            hint="read the columns that matter by a query, or from a file that has only these",
        ) from error
    found = names.get("classifier")
    if not isinstance(found, Classifier):
        raise DefinitionError("trying a new definition", problem="it has no classifier", hint="report this")
    return found.model_copy(update={"name": name})
