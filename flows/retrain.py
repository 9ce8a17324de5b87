"""Carry out a retrain request."""

from prefect import flow

from flows.policy import alone_in_training, is_deployed, tag
from flows.train import train_steps
from leeway import retraining
from leeway.errors import LeewayError
from leeway.retraining import Request


@flow(name="retrain", flow_run_name="{classifier} retrain {request}")
def retrain(classifier: str, request: str) -> Request:
    """Carry out a retrain request: train as of its time, let the gates decide, write down what came of it.

    Args:
        classifier: its name: the stem of its file in models/.
        request: the request's key.
    """
    tag(classifier, "retrain")
    with alone_in_training(classifier):
        if is_deployed() and (found := retraining.get(request)).state not in retraining.STARTABLE:
            return found  # asked for twice, and done while this run waited
        claimed = retraining.claim(request)
        try:
            decision = train_steps(classifier, claimed.as_of, f"{request}: {claimed.reason}", "retrain")
        except LeewayError as error:
            retraining.move(request, "failed", str(error))
            raise
        state = "promoted" if decision.promoted else "kept_champion"
        why = "; ".join(f"{verdict.gate}: {verdict.outcome}, {verdict.why}" for verdict in decision.verdicts)
        return retraining.move(request, state, why, version=decision.version)
