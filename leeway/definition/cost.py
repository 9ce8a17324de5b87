"""Costs of right and wrong decisions."""

from pydantic import Field

from leeway.definition.value import Value


class Costs(Value):
    """The cost matrix of a binary decision.

    Costs are in money or any unit that adds up; a gain is a negative cost. They measure the classifier's worth to its owner.
    The objective sets the threshold.

    Attributes:
        false_positive: of flagging a negative event.
        false_negative: of missing a positive event.
        true_positive: of flagging a positive event, such as the work that follows.
        unit: the unit of the numbers, as it is shown.
    """

    false_positive: float = Field(ge=0)
    false_negative: float = Field(gt=0)
    true_positive: float = 0.0
    unit: str = Field(default="units", min_length=1, max_length=20)

    def of(self, *, positives: int, predicted_positive: int, true_positives: int) -> float:
        """Sum up the costs of some decisions."""
        return (
            (predicted_positive - true_positives) * self.false_positive
            + (positives - true_positives) * self.false_negative
            + true_positives * self.true_positive
        )
