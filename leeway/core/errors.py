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
    └── NotFound           a classifier, partition, version or report that does not exist

Each says what was being done, the rule, the value found and the way out, in one line.
"""


class LeewayError(Exception):
    """What was being done, the rule, the value found, the way out; kept as attributes and shown as one line.

    Args:
        doing: what was being done, as a phrase: "reading payments.csv".
        rule: the rule that was broken.
        found: the value that broke it.
        way_out: what the reader can do now.
    """

    def __init__(self, doing: str, *, rule: str, found: object = None, way_out: str) -> None:
        self.doing = doing
        self.rule = rule
        self.found = found
        self.way_out = way_out
        super().__init__(doing, rule, found, way_out)

    def __str__(self) -> str:
        found = "" if self.found is None else f" (found: {self.found})"
        return " ".join(f"{self.doing}: {self.rule}{found}; {self.way_out}".split())

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.doing, self.rule, self.found, self.way_out)


def _rebuild(kind: type[LeewayError], doing: str, rule: str, found: object, way_out: str) -> LeewayError:
    return kind(doing, rule=rule, found=found, way_out=way_out)


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


class NotFound(LeewayError):
    """A classifier, partition, version or report that does not exist."""
