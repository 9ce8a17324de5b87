"""Carry out a retrain request."""

from flows.declared_flow import own_flow
from flows.locks import training_lock
from flows.run_context import is_deployed, tag
from flows.train import best_of
from leeway.core.errors import LeewayError
from leeway.definition import catalog
from leeway.lifecycle import retraining
from leeway.lifecycle.retraining import Request
from leeway.lifecycle.verdict import in_short
from leeway.model.window import windows
from tasks.decide import decide
from tasks.register import register


@own_flow("retrain", "{classifier} retrain {request}")
def retrain(classifier: str, request: str) -> Request:
    """Carry out a retrain request and record its result.

    Training is as of the request's time, and the gates decide. Where it is known when the change began, two challengers are
    tried: one on the whole training window, and one on the events since the change.

    Args:
        classifier: its name: the stem of its file in models/.
        request: the request's key.
    """
    tag(classifier, "retrain")
    with training_lock(classifier):
        if is_deployed() and (found := retraining.get(request)).state not in retraining.STARTABLE:
            return found  # requested twice, and done while this run waited
        claimed = retraining.claim(request)
        try:
            choice = best_of(classifier, claimed.as_of, windows(catalog.load(classifier), claimed.since))
            version = register(classifier, choice.bundle)
            if not retraining.is_running(request):
                return retraining.get(request)  # a person holds it now; the trained bundle is kept
            decision = decide(classifier, choice.bundle, version, f"{request}: {claimed.reason}", "retrain")
        except LeewayError as error:
            retraining.move(request, "failed", str(error))
            raise
        state = "promoted" if decision.promoted else "kept_champion"
        evidence = {"challengers": choice.tried}
        return retraining.move(request, state, in_short(decision.verdicts), version=decision.version, evidence=evidence)
