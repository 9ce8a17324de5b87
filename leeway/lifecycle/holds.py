"""A person's hold on a classifier.

While it lasts, no breach leads to a new champion by itself.
"""

from leeway.core.errors import NotFound
from leeway.definition import Classifier
from leeway.lifecycle import hold_log, retraining
from leeway.lifecycle.retraining import Request
from leeway.store.database import database

STOPPED = ("requested", "waiting", "running")


def hold(name: str, reason: str, actor: str) -> list[Request]:
    """Hold a classifier back from retraining.

    New and open requests wait for a person.

    Returns:
        The requests that are now held. One that was running notices before it would promote.
    """
    with database().transaction() as connection:
        retraining.lock_requests(connection, name)
        hold_log.write(connection, name, True, reason, actor)
        why = str(hold_log.current(connection, name))
        return retraining.move_all(connection, name, STOPPED, "held", why)


def release(classifier: Classifier, reason: str, actor: str) -> list[Request]:
    """Release a held classifier.

    Returns:
        The requests that go on; none where the definition asks a person about each.

    Raises:
        NotFound: nobody holds it.
    """
    name = classifier.name
    with database().transaction() as connection:
        retraining.lock_requests(connection, name)
        if hold_log.current(connection, name) is None:
            raise NotFound(
                f"releasing {name}",
                problem="nobody holds it",
                hint=f"approve a single held request with `leeway approve`; `leeway status {name}` shows them",
            )
        hold_log.write(connection, name, False, reason, actor)
        if classifier.drift.retrain == "hold":
            return []
        held = [item for item in retraining.of(connection, name) if item.state == "held"]
        return [retraining.let_go(connection, item, f"released by {actor}: {reason}") for item in held]
