"""The columns of an event."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self, get_args

from pydantic import Field, model_validator

from leeway.definition.value import Value

Kind = Literal["numeric", "categorical", "boolean", "text", "timestamp", "identifier"]


class Column(Value):
    """One column of an event.

    Attributes:
        kind: numeric and boolean columns become numbers, categorical ones codes, texts weights of words and characters,
            timestamps parts of the calendar and days between them; identifiers only join and group.
        sensitive: never shown in a report, a log or an artifact, and no feature unless `feature` is set.
        feature: whether the classifier sees it; by default all but identifiers and sensitive columns.
        slice: whether metrics are also measured for each of its values.
        known_at_event: a person's answer to whether a value is known when its event happens, and no more is asked. What is
            not known then is no feature.
        unit: a sign before or after a number, such as "€"; a number without it is read as well.
        thousands, decimal: the separators of a number's digit groups, and of its fraction.
        suffixes: signs after a number, with what it is multiplied by, such as {"K": 1_000} or {"%": 0.01}.
    """

    kind: Kind
    sensitive: bool = False
    feature: bool | None = None
    slice: bool = False
    unit: str | None = Field(default=None, pattern=r"^[^\d\s.,+-](.*\S)?$")
    thousands: Literal[",", ".", " ", "'", "’", "_"] | None = None
    decimal: Literal[".", ","] = "."
    suffixes: Mapping[str, float] = {}
    # No part of what a delivery is audited by: an answer must not have all deliveries audited again.
    known_at_event: bool | None = Field(default=None, repr=False)

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        # The audit's fingerprint is of the repr: it does not change with an argument that nobody gives.
        return [(name, value) for name, value in super().__repr_args__() if name != "suffixes" or value]

    @property
    def is_feature(self) -> bool:
        """Whether the classifier sees this column."""
        if self.feature is None:
            return self.kind != "identifier" and not self.sensitive and self.known_at_event is not False
        return self.feature

    @model_validator(mode="before")
    @classmethod
    def _is_called(cls, given: Any) -> Any:
        if isinstance(given, str) and given in get_args(Kind):
            raise ValueError(f"{given!r} is the name of a kind; write {given}()")
        return given

    @model_validator(mode="after")
    def _feature_is_known(self) -> Self:
        if self.feature and self.known_at_event is False:
            raise ValueError(
                "a feature is declared as not known when the event happens; drop feature=True, or known_at_event=False"
            )
        return self

    @model_validator(mode="after")
    def _identifier_is_no_feature(self) -> Self:
        if self.kind == "identifier" and self.feature:
            raise ValueError("an identifier is declared as a feature; declare it categorical, or drop feature=True")
        if self.kind == "identifier" and self.slice:
            raise ValueError("an identifier is declared as a slice; declare it categorical, or drop slice=True")
        return self

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.kind != "numeric" and (self.unit or self.thousands or self.suffixes or self.decimal != "."):
            raise ValueError(
                f"a {self.kind} column has unit, thousands, decimal or suffixes, which are for numbers; drop them"
            )
        if wrong := [sign for sign in self.suffixes if not sign.strip() or any(part.isdecimal() for part in sign)]:
            raise ValueError(f"a suffix is blank or has a digit: {wrong}; name a sign such as 'K'")
        if self.thousands == self.decimal:
            raise ValueError(f"thousands and decimal are the same, {self.decimal!r}; name two signs")
        return self


def numeric(
    *,
    sensitive: bool = False,
    feature: bool | None = None,
    slice: bool = False,
    unit: str | None = None,
    thousands: Literal[",", ".", " ", "'", "’", "_"] | None = None,
    decimal: Literal[".", ","] = ".",
    suffixes: Mapping[str, float] | None = None,
    known_at_event: bool | None = None,
) -> Column:
    """Declare a column of numbers.

    `unit`, `thousands`, `decimal` and `suffixes` describe how they are written, such as "1.234,50 €" or "2.1K".
    """
    return Column(
        kind="numeric",
        sensitive=sensitive,
        feature=feature,
        slice=slice,
        unit=unit,
        thousands=thousands,
        decimal=decimal,
        suffixes=suffixes or {},
        known_at_event=known_at_event,
    )


def categorical(
    *, sensitive: bool = False, feature: bool | None = None, slice: bool = False, known_at_event: bool | None = None
) -> Column:
    """Declare a column with a limited set of values."""
    return Column(kind="categorical", sensitive=sensitive, feature=feature, slice=slice, known_at_event=known_at_event)


def boolean(
    *, sensitive: bool = False, feature: bool | None = None, slice: bool = False, known_at_event: bool | None = None
) -> Column:
    """Declare a column of yes and no."""
    return Column(kind="boolean", sensitive=sensitive, feature=feature, slice=slice, known_at_event=known_at_event)


def text(
    *, sensitive: bool = False, feature: bool | None = None, slice: bool = False, known_at_event: bool | None = None
) -> Column:
    """Declare a column of free text.

    Features are made of its words and characters.
    """
    return Column(kind="text", sensitive=sensitive, feature=feature, slice=slice, known_at_event=known_at_event)


def timestamp(
    *, sensitive: bool = False, feature: bool | None = None, slice: bool = False, known_at_event: bool | None = None
) -> Column:
    """Declare a column of dates or times.

    Features are parts of the calendar, and the days between any two such columns.
    """
    return Column(kind="timestamp", sensitive=sensitive, feature=feature, slice=slice, known_at_event=known_at_event)


def identifier(*, sensitive: bool = False) -> Column:
    """Declare a column that names an entity.

    History is grouped by it. It is no feature.
    """
    return Column(kind="identifier", sensitive=sensitive)
