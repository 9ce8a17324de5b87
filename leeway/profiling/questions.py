"""Questions that only a person can answer: was a column known when its event happened?"""

from collections.abc import Sequence
from dataclasses import dataclass

ANSWER = "if so, declare known_at_event=True; if not, feature=False, or delete the line"

NOT_KNOWN = "not known when the event happens, as answered"


@dataclass(frozen=True)
class Question:
    """A question about one or several columns.

    Attributes:
        why: why it is asked, as the end of a sentence about them.
        aside: whether they are set aside until somebody says that they are known.
    """

    columns: tuple[str, ...]
    why: str
    aside: bool = False

    @property
    def asks(self) -> str:
        """The question itself."""
        return f"could you have known {_listed(self.columns)} when the event happened?"

    def __str__(self) -> str:
        return f"{self.asks} {'It' if len(self.columns) == 1 else 'They'} {self.why}"


def _listed(names: Sequence[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
