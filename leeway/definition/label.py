"""The label to predict, and when it becomes known."""

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

    It is binary with `column`, `positive` and `negative`; multiclass with `column` and `classes`; multilabel, with any number
    of classes for an event, with `columns`, or with `column`, `classes` and `separator`.

    Attributes:
        column: the source's column with the label; empty where it is not known yet.
        columns: the source's columns for one class each, with yes and no or 1 and 0; they name the classes. All are empty where
            the label is not known yet.
        positive, negative: the two classes of a binary label; any other value is quarantined.
        classes: the classes of a multiclass or multilabel label, at most 100; any other value is quarantined.
        separator: the text between the classes of one event, spaces aside. A separator without a class means no class.
        time: the source's column with the time when the label became known.
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
        """The kind: one class of two, one of several, or any number."""
        if self.columns or self.separator is not None:
            return "multilabel"
        return "multiclass" if self.classes else "binary"

    @property
    def outputs(self) -> Outputs:
        """The outputs of a classifier of this label."""
        named = self.columns or self.classes or (self.positive,)
        return Outputs(self.kind, tuple(class_text(name) for name in named))

    @property
    def source_columns(self) -> tuple[str, ...]:
        """The source's columns with the label, without its time."""
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
            raise ValueError("a label from its own source lacks source or key; give both, with the event's id as key")
        if self.source is not None and self.delay is not None:
            raise ValueError(
                "a label from its own source has a delay; drop it, name its time, and how long to wait in maturity"
            )
        if self.source is not None and (wrong := " | ".join(self.source.wrong_for_labels())):
            raise ValueError(wrong)
        if self.source is None and self.time is None and self.delay is None:
            raise ValueError(
                "label has no time (a column) and no delay (a duration), so nobody knows when it became known; give one"
            )
        if findings := [*self._wrong_shape(), *self._wrong_classes()]:
            raise ValueError(" | ".join(findings))
        return self

    def _wrong_shape(self) -> Iterator[str]:
        if (self.column is None) == (not self.columns):
            yield (
                "label has no column" if self.column is None else "label has both column and columns; drop one of them"
            )
        if self.columns and (self.classes or self.separator):
            yield "columns name the classes themselves; drop classes and separator"
        if self.separator is not None and not self.classes:
            yield "separator is given without classes; name them"
        if (self.classes or self.columns) and (two := sorted({"positive", "negative"} & self.model_fields_set)):
            yield f"{' and '.join(two)} are of a binary label; drop them, or drop classes and columns"

    def _wrong_classes(self) -> Iterator[str]:
        if self.kind == "binary":
            if class_text(self.positive) == class_text(self.negative):
                yield f"positive and negative are the same, {self.positive!r}; name two classes"
            return
        names = self.outputs.names
        if not 2 <= len(names) <= MAX_CLASSES:
            yield f"there are {len(names)} classes; give 2 to {MAX_CLASSES}, or positive and negative for a single one"
        if twice := sorted({name for name in names if names.count(name) > 1}):
            yield f"classes are named twice, as they are written at the source: {twice}; drop one of each"
        if any(not name or "\0" in name for name in names):
            yield "a class has no name, or a zero byte in it; an empty value is a label that is not known yet"
        if self.separator is not None and (split := [name for name in names if self.separator in name]):
            yield f"the separator {self.separator!r} is part of the classes {split}; use another one"
