"""What the columns of an event are."""

from typing import Literal, Self

from pydantic import Field, model_validator

from leeway.definition.value import Value

Kind = Literal["numeric", "categorical", "boolean", "text", "timestamp", "identifier"]


class Column(Value):
    """One column of an event.

    Attributes:
        kind: numeric and boolean columns become numbers, categorical ones codes, texts weights of words and characters,
            timestamps parts of the calendar and days between them; identifiers only join and group.
        sensitive: never shown in a report, a log or an artifact, and no feature unless `feature` says so.
        feature: whether the classifier sees it; by default all but identifiers and sensitive columns.
        slice: marked for slices: metrics are also told for each of its values.
        unit: what stands before or after a number, such as "€"; a number without it is read as well.
        thousands, decimal: what separates the groups of a number's digits, and its fraction.
    """

    kind: Kind
    sensitive: bool = False
    feature: bool | None = None
    slice: bool = False
    unit: str | None = Field(default=None, pattern=r"^[^\d\s.,+-](.*\S)?$")
    thousands: Literal[",", ".", " ", "'", "’", "_"] | None = None
    decimal: Literal[".", ","] = "."

    @property
    def is_feature(self) -> bool:
        """Whether the classifier sees this column."""
        if self.feature is None:
            return self.kind != "identifier" and not self.sensitive
        return self.feature

    @model_validator(mode="after")
    def _identifier_is_no_feature(self) -> Self:
        if self.kind == "identifier" and self.feature:
            raise ValueError("an identifier cannot be a feature; declare it categorical, or drop feature=True")
        if self.kind == "identifier" and self.slice:
            raise ValueError("an identifier cannot be a slice; declare it categorical, or drop slice=True")
        return self

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if self.kind != "numeric" and (self.unit, self.thousands, self.decimal) != (None, None, "."):
            raise ValueError(f"unit, thousands and decimal are for numbers; drop them from the {self.kind} column")
        if self.thousands == self.decimal:
            raise ValueError(f"thousands and decimal must differ; both are {self.decimal!r}")
        return self


def numeric(
    *,
    sensitive: bool = False,
    feature: bool | None = None,
    slice: bool = False,
    unit: str | None = None,
    thousands: Literal[",", ".", " ", "'", "’", "_"] | None = None,
    decimal: Literal[".", ","] = ".",
) -> Column:
    """A column of numbers; `unit`, `thousands` and `decimal` say how they are written: "1.234,50 €"."""
    return Column(
        kind="numeric",
        sensitive=sensitive,
        feature=feature,
        slice=slice,
        unit=unit,
        thousands=thousands,
        decimal=decimal,
    )


def categorical(*, sensitive: bool = False, feature: bool | None = None, slice: bool = False) -> Column:
    """A column with a limited set of values."""
    return Column(kind="categorical", sensitive=sensitive, feature=feature, slice=slice)


def boolean(*, sensitive: bool = False, feature: bool | None = None, slice: bool = False) -> Column:
    """A column of yes and no."""
    return Column(kind="boolean", sensitive=sensitive, feature=feature, slice=slice)


def text(*, sensitive: bool = False, feature: bool | None = None, slice: bool = False) -> Column:
    """A column of free text: its words and characters are learnt from."""
    return Column(kind="text", sensitive=sensitive, feature=feature, slice=slice)


def timestamp(*, sensitive: bool = False, feature: bool | None = None, slice: bool = False) -> Column:
    """A column of dates or times: parts of the calendar and the days between any two of them are learnt from."""
    return Column(kind="timestamp", sensitive=sensitive, feature=feature, slice=slice)


def identifier(*, sensitive: bool = False) -> Column:
    """A column that names an entity: to group history by, not to learn from."""
    return Column(kind="identifier", sensitive=sensitive)
