"""Rolling features of an entity's past events."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import model_validator

from leeway.definition.value import Duration, Value

Aggregate = Literal["count", "sum", "mean", "min", "max", "std", "positives", "positive_rate"]
LABEL_AGGREGATES = ("positives", "positive_rate")


class History(Value):
    """A rolling feature over the entity's earlier events.

    It aggregates events strictly before each event.

    Attributes:
        by: the column that names the entity.
        window: how far back the aggregate goes.
        aggregate: `positives` and `positive_rate` count the labels that became known within the window; the others
            aggregate the events that happened within it. Both are of binary labels only.
        over: the numeric column to aggregate; not for `count`, `positives`, `positive_rate`.
    """

    by: str
    window: Duration
    aggregate: Aggregate = "count"
    over: str | None = None

    @property
    def name(self) -> str:
        """The feature's name, such as `card_id_mean_amount_30d`."""
        parts = [self.by, self.aggregate, self.over, _short(self.window)]
        return "_".join(part for part in parts if part)

    @model_validator(mode="after")
    def _over_where_needed(self) -> Self:
        needs_column = self.aggregate not in ("count", *LABEL_AGGREGATES)
        if needs_column and self.over is None:
            raise ValueError(f"aggregate {self.aggregate!r} has no over=COLUMN; name a numeric column")
        if not needs_column and self.over is not None:
            raise ValueError(f"aggregate {self.aggregate!r} has over={self.over!r}, which it does not use; drop it")
        return self


def _short(window: timedelta) -> str:
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if window.total_seconds() % seconds == 0:
            return f"{int(window.total_seconds() // seconds)}{unit}"
    return f"{int(window.total_seconds())}s"
