"""A person's hold on a classifier: while it lasts, no champion comes of a breach by itself."""

from leeway.core.errors import NotFound
from leeway.definition import Classifier
from leeway.lifecycle import hold_log, retraining
from leeway.lifecycle.retraining import Request
from leeway.store.database import database

STOPPED = ("requested", "waiting", "running")


def hold(name: str, reason: str, actor: str) -> list[Request]:
    """Hold a classifier back: from now on what a breach asks for waits for a person, and so does what is open.

    Returns:
        The requests that are held by it. One that was running finds that out before it would promote.
    """
    with database().transaction() as connection:
        retraining.lock_requests(connection, name)
        hold_log.write(connection, name, True, reason, actor)
        why = str(hold_log.current(connection, name))
        return retraining.move_all(connection, name, STOPPED, "held", why)


def release(classifier: Classifier, reason: str, actor: str) -> list[Request]:
    """Let a held classifier go on.

    Returns:
        The requests that go on; where the definition asks a person about each, none does.

    Raises:
        NotFound: nobody holds it.
    """
    name = classifier.name
    with database().transaction() as connection:
        retraining.lock_requests(connection, name)
        if hold_log.current(connection, name) is None:
            raise NotFound(
                f"releasing {name}",
                problem="somebody must hold it",
                found="no hold",
                hint=f"approve a single request that is held; `leeway status {name}` shows them",
            )
        hold_log.write(connection, name, False, reason, actor)
        if classifier.drift.retrain == "hold":
            return []
        held = [item for item in retraining.of(connection, name) if item.state == "held"]
        return [retraining.let_go(connection, item, f"released by {actor}: {reason}") for item in held]
