"""The errors that Leeway raises on purpose.

    LeewayError
    ├── DefinitionError    models/NAME.py or expectations/NAME.py is not valid
    ├── SourceError        the source cannot be read, or its content is not valid
    ├── DeliveryRejected   a delivery broke a table-level expectation; nothing was published
    ├── TrainingError      the data is not enough to learn from
    ├── BundleError        a bundle is missing, altered or not trusted
    ├── StoreError         the database or the disk failed
    ├── Incomplete         some of many partitions failed; the others are done
    ├── ClusterError       workers died, or the cluster cannot be reached
    ├── AlreadyRunning     another process is doing the same work now
    ├── Foreign            the orchestrator was told to run code that is not ours
    └── NotFound           a classifier, partition, version or report does not exist

Each says in one line what was being done, what is wrong, the value found, and what to do.
"""


class LeewayError(Exception):
    """An error with action, problem, found value and hint.

    It is shown as one line.

    Args:
        action: what was being done, as a phrase: "reading payments.csv".
        problem: what is wrong, as a statement of the fault: "the file is empty".
        found: the value that is wrong, where it helps.
        hint: what the reader can do now.
    """

    def __init__(self, action: str, *, problem: str, found: object = None, hint: str) -> None:
        self.action = action
        self.problem = problem
        self.found = found
        self.hint = hint
        super().__init__(action, problem, found, hint)

    def __str__(self) -> str:
        found = "" if self.found is None else f" (found: {self.found})"
        return " ".join(f"{self.action}: {self.problem}{found}; {self.hint}".split())

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.action, self.problem, self.found, self.hint)


def _rebuild(kind: type[LeewayError], action: str, problem: str, found: object, hint: str) -> LeewayError:
    return kind(action, problem=problem, found=found, hint=hint)


class DefinitionError(LeewayError):
    """A definition or a suite that is not valid."""


class SourceError(LeewayError):
    """A source that cannot be read or is not valid."""


class DeliveryRejected(LeewayError):
    """A delivery that broke a table-level expectation.

    Nothing of it was published.
    """


class RequestRefused(LeewayError):
    """A question about an event whose values cannot be read."""


class TrainingError(LeewayError):
    """Data that is not enough to learn from."""


class BundleError(LeewayError):
    """A bundle that is missing, altered or not trusted."""


class StoreError(LeewayError):
    """A failure of the database or the disk."""


class Incomplete(LeewayError):
    """A run in which some partitions failed."""


class ClusterError(LeewayError):
    """Workers that died, or a cluster out of reach."""


class AlreadyRunning(LeewayError):
    """The same work under way in another process."""


class Foreign(LeewayError):
    """A request to the orchestrator to run foreign code."""


class NotFound(LeewayError):
    """A classifier, partition, version or report that does not exist."""
