"""What every kind of alert says of itself, and what it is found in."""

from abc import ABC
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import ClassVar, Literal

from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.lifecycle import retraining
from leeway.lifecycle.retraining import Request
from leeway.views import on_call
from leeway.views.on_call import Day

Severity = Literal["page", "ticket"]  # one cannot wait, the other can


@dataclass(frozen=True)
class LastDays:
    """The last days of one classifier, as they are stored.

    Attributes:
        since: how far back is looked.
        classifier: None where its definition cannot be loaded.
    """

    name: str
    now: datetime
    since: timedelta
    classifier: Classifier | None = None

    @cached_property
    def days(self) -> list[Day]:
        """Its calendar, the newest partition first."""
        return on_call.calendar(self.classifier, self.now) if self.classifier is not None else []

    @cached_property
    def requests(self) -> list[Request]:
        """Its requests to retrain; none without a definition."""
        return retraining.all_of(self.name) if self.classifier is not None else []

    def recent(self, classifier: Classifier) -> str:
        """The key of the first partition that is looked at."""
        return Partition.containing(self.now - self.since, classifier.partition).key


@dataclass(frozen=True)
class AlertKind(ABC):
    """A kind of happening that people are told of.

    Attributes:
        name: as it is stored and told.
        severity: whether it can wait.
        runbook: the page of `docs/runbooks` that says what to do, and `to_do` in one sentence.
        lasts: whether it goes on for as long as it is found, though nothing about it changes.
        spreads: whether it is part of an incident, where many classifiers have such on one day.
    """

    name: ClassVar[str]
    severity: ClassVar[Severity]
    runbook: ClassVar[str]
    to_do: ClassVar[str]
    lasts: ClassVar[bool] = False
    spreads: ClassVar[bool] = False

    def found(self, past: LastDays) -> "Iterator[Happening]":
        """What happened of this kind to one classifier."""
        return iter(())

    def among(self, found: "Sequence[Happening]", now: datetime) -> "list[Happening]":
        """What was found of all classifiers, with what of this kind is not about one of them."""
        return list(found)


@dataclass(frozen=True)
class Happening:
    """One thing that happened.

    Attributes:
        key: the same however often it is seen; so it is told once.
        what, how_bad: in words.
        where: an address to look at, where one is served.
        rows: on how many it was found; None where it is not about rows.
        runbook: where it is another than the kind's.
        part_of: the key of the incident that it belongs to.
    """

    key: str
    kind: AlertKind
    classifier: str | None
    what: str
    since: datetime
    how_bad: str
    where: str | None = None
    rows: int | None = None
    runbook: str = ""
    part_of: str | None = None

    @property
    def page(self) -> str:
        """Its runbook."""
        return self.runbook or self.kind.runbook
