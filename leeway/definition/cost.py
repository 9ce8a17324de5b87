"""What right and wrong decisions are worth."""

from pydantic import Field

from leeway.definition.value import Value


class Costs(Value):
    """The cost matrix of a binary decision, in money or any unit that adds up; a gain is a negative cost.

    It says what the classifier is worth to its owner. Where the threshold lies is the objective's matter.

    Attributes:
        false_positive: of calling what is not so.
        false_negative: of missing what is so.
        true_positive: of calling what is so, such as the work that follows.
        unit: what the numbers are in, as it is shown.
    """

    false_positive: float = Field(ge=0)
    false_negative: float = Field(gt=0)
    true_positive: float = 0.0
    unit: str = Field(default="units", min_length=1, max_length=20)

    def of(self, *, positives: int, predicted_positive: int, true_positives: int) -> float:
        """What some decisions cost together."""
        return (
            (predicted_positive - true_positives) * self.false_positive
            + (positives - true_positives) * self.false_negative
            + true_positives * self.true_positive
        )
