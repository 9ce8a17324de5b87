"""What every declared candidate says of itself."""

from typing import Annotated, ClassVar

from pydantic import Field

from leeway.definition.value import Value

Rate = Annotated[float, Field(gt=0, le=1)]


class BaseCandidate(Value):
    """One way to learn, as it is declared. What it takes to learn so stands in `leeway.training.learners`.

    Attributes:
        kind: its name in cards and messages.
        trusted: types that its bundles hold, beyond those of all bundles. None of them may run what a bundle says.
        extra: what must be installed for it, by `pip install leeway[extra]`.
        libraries: the distributions that bring it, whichever is installed; their versions are part of a bundle's key.
    """

    kind: str
    trusted: ClassVar[frozenset[str]] = frozenset()
    extra: ClassVar[str | None] = None
    libraries: ClassVar[tuple[str, ...]] = ()
