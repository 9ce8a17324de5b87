"""What is to be predicted, and when it becomes known."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, StrictStr, model_validator

from leeway.core.outputs import LabelKind, Outputs, class_text
from leeway.definition.source import Source
from leeway.definition.value import Value

MAX_CLASSES = 100  # beyond that, thresholds and calibration per class have too few rows each to mean anything


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Class = Annotated[StrictBool | StrictInt | StrictStr, BeforeValidator(_whole)]


class Label(Value):
    """The outcome of an event.

    Binary with `column`, `positive` and `negative`; multiclass with `column` and `classes`; multilabel, where any number of
    classes hold for an event, with `columns`, or with `column`, `classes` and `separator`.

    Attributes:
        column: the source's column that holds it; empty where it is not known yet.
        columns: the source's columns that say of one class each whether it holds, by yes and no or 1 and 0; they name the
            classes. All are empty where the label is not known yet.
        positive, negative: the two classes of a binary label; any other value is quarantined.
        classes: the classes of a multiclass or multilabel label, at most 100; any other value is quarantined.
        separator: what stands between the classes of one event, spaces aside. A separator alone says that none holds.
        time: the source's column that says when the label became known.
        delay: where `time` is not given or empty, the label is known this long after the event.
        maturity: how old an event must be to be learnt from or judged by; by default `delay`, or nothing. Too short a
            maturity where one class becomes known earlier than the other biases what is learnt.
        source: where labels come from, if not with the events; a label whose `time` is not given or empty is known from
            when it was first read.
        key: the column of `source` that holds the event's id.
    """

    column: str | None = None
    columns: tuple[str, ...] = ()
    positive: Class = True
    negative: Class = False
    classes: tuple[Class, ...] = ()
    separator: str | None = Field(default=None, min_length=1)
    time: str | None = None
    delay: timedelta | None = Field(default=None, ge=timedelta(0))
    maturity: timedelta = Field(default=timedelta(0), ge=timedelta(0))
    source: Source | None = None
    key: str | None = None

    @property
    def kind(self) -> LabelKind:
        """How many of its classes hold for an event: one of two, one of several, or any number."""
        if self.columns or self.separator is not None:
            return "multilabel"
        return "multiclass" if self.classes else "binary"

    @property
    def outputs(self) -> Outputs:
        """What a classifier of this label gives probabilities of."""
        named = self.columns or self.classes or (self.positive,)
        return Outputs(self.kind, tuple(class_text(name) for name in named))

    @property
    def source_columns(self) -> tuple[str, ...]:
        """The source's columns that hold it, its time aside."""
        return self.columns if self.column is None else (self.column,)

    @model_validator(mode="before")
    @classmethod
    def _maturity_follows_delay(cls, given: Any) -> Any:
        if isinstance(given, dict) and "maturity" not in given and isinstance(given.get("delay"), timedelta):
            return {**given, "maturity": given["delay"]}
        return given

    @model_validator(mode="after")
    def _knowable(self) -> Self:
        if (self.source is None) != (self.key is None):
            raise ValueError("a label from its own source needs both source and key, the column with the event's id")
        if self.source is not None and self.delay is not None:
            raise ValueError(
                "a label from its own source takes no delay; name its time, and how long to wait in maturity"
            )
        if self.source is not None and (wrong := " | ".join(self.source.wrong_for_labels())):
            raise ValueError(wrong)
        if self.source is None and self.time is None and self.delay is None:
            raise ValueError("label needs time (a column) or delay (a duration), or nobody knows when it became known")
        if findings := [*self._wrong_shape(), *self._wrong_classes()]:
            raise ValueError(" | ".join(findings))
        return self

    def _wrong_shape(self) -> Iterator[str]:
        if (self.column is None) == (not self.columns):
            yield "label needs either column, or columns for one class each; give one of them"
        if self.columns and (self.classes or self.separator):
            yield "columns name the classes themselves; drop classes and separator"
        if self.separator is not None and not self.classes:
            yield "separator needs classes; name them"
        if (self.classes or self.columns) and (two := sorted({"positive", "negative"} & self.model_fields_set)):
            yield f"{' and '.join(two)} are of a binary label; drop them, or drop classes and columns"

    def _wrong_classes(self) -> Iterator[str]:
        if self.kind == "binary":
            if class_text(self.positive) == class_text(self.negative):
                yield f"positive and negative must differ; both are {self.positive!r}"
            return
        names = self.outputs.names
        if not 2 <= len(names) <= MAX_CLASSES:
            yield f"there must be 2 to {MAX_CLASSES} classes, not {len(names)}; for a single one use positive and negative"
        if twice := sorted({name for name in names if names.count(name) > 1}):
            yield f"classes must differ, as they are written at the source; {twice} is there twice"
        if any(not name or "\0" in name for name in names):
            yield "a class must have a name, without zero bytes; an empty value is a label that is not known yet"
        if self.separator is not None and (split := [name for name in names if self.separator in name]):
            yield f"the separator {self.separator!r} must not be part of a class; it is of {split}"
