"""Every error that Leeway raises on purpose.

    LeewayError
    ├── DefinitionError    models/NAME.py or expectations/NAME.py says something impossible
    ├── SourceError        the source could not be read, or holds what it must not
    ├── DeliveryRejected   a delivery broke a table-level expectation; nothing was published
    ├── TrainingError      there is nothing sensible to learn from
    ├── BundleError        a bundle is missing, altered or not to be trusted
    ├── StoreError         the database or the disk refused
    ├── ClusterError       the workers that parts are spread over died, or cannot be reached
    ├── AlreadyRunning     another process is doing the same work now
    ├── Foreign            the orchestrator was told to run what is not ours
    └── NotFound           a classifier, partition, version or report that does not exist

Each says in one line what was being done, what is wrong, the value found, and what to do.
"""


class LeewayError(Exception):
    """An error with its action, problem, value found and hint; shown as one line.

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
    """A definition or a suite says something impossible."""


class SourceError(LeewayError):
    """The source could not be read, or holds what it must not."""


class DeliveryRejected(LeewayError):
    """A delivery broke a table-level expectation; nothing of it was published."""


class TrainingError(LeewayError):
    """There is nothing sensible to learn from."""


class BundleError(LeewayError):
    """A bundle is missing, altered or not to be trusted."""


class StoreError(LeewayError):
    """The database or the disk refused."""


class Incomplete(LeewayError):
    """Some of many partitions could not be done; the others were."""


class ClusterError(LeewayError):
    """The workers that parts are spread over died, or cannot be reached."""


class AlreadyRunning(LeewayError):
    """Another process is doing the same work now."""


class Foreign(LeewayError):
    """The orchestrator was told to run what is not ours."""


class NotFound(LeewayError):
    """A classifier, partition, version or report that does not exist."""
