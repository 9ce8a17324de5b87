"""The retrain that a verdict requests."""

from flows.retrain import retrain
from leeway.core.errors import AlreadyRunning, LeewayError
from leeway.core.logs import logger
from leeway.lifecycle import retraining
from leeway.lifecycle.retraining import Request
from leeway.monitoring.night import Monitored
from tasks.ask_for_retrain import ask_for_retrain, is_offered
from tasks.emit_breach_event import announce

log = logger(__name__)


def handle_verdict(classifier: str, partition: str, monitored: Monitored | None) -> tuple[Request | None, str | None]:
    """Carry out the open retrain request.

    It may be an earlier verdict's: a request whose process died is found here too.

    Returns:
        The request, and why it failed. On the platform the retrain is a run of its own, and may not have begun.
    """
    offered = is_offered()
    if offered and monitored is not None and monitored.request is not None:
        announce(classifier, partition, monitored.request, str(monitored.request_state), monitored.why)
    key = retraining.startable(classifier)
    if key is None:
        return None, None
    try:
        if offered:
            ask_for_retrain(classifier, key)
            return retraining.get(key), None
        return retrain(classifier, key), None
    except AlreadyRunning as error:
        log.debug("another process does the retrain %s: %s", key, error)
        return None, None
    except LeewayError as error:
        log.warning("the retrain %s failed: %s", key, error)
        return None, str(error)
