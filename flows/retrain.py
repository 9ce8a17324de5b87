"""Carry out a retrain request."""

from flows.own import own_flow
from flows.policy import is_deployed, tag, training_lock
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
    """Carry out a retrain request: train as of its time, let the gates decide, write down what came of it.

    Where it is known when the change began that it answers, two challengers are tried: on all that the definition learns from,
    and on what has come since.

    Args:
        classifier: its name: the stem of its file in models/.
        request: the request's key.
    """
    tag(classifier, "retrain")
    with training_lock(classifier):
        if is_deployed() and (found := retraining.get(request)).state not in retraining.STARTABLE:
            return found  # asked for twice, and done while this run waited
        claimed = retraining.claim(request)
        try:
            choice = best_of(classifier, claimed.as_of, windows(catalog.load(classifier), claimed.since))
            version = register(classifier, choice.bundle)
            if not retraining.is_running(request):
                return retraining.get(request)  # somebody has come to hold it; what was trained is kept
            decision = decide(classifier, choice.bundle, version, f"{request}: {claimed.reason}", "retrain")
        except LeewayError as error:
            retraining.move(request, "failed", str(error))
            raise
        state = "promoted" if decision.promoted else "kept_champion"
        evidence = {"challengers": choice.tried}
        return retraining.move(request, state, in_short(decision.verdicts), version=decision.version, evidence=evidence)
