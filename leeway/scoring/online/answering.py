"""The answer to a request: the decision about one event that is not stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd

from leeway.core.errors import RequestRefused
from leeway.core.metrics import Floats
from leeway.dataset import features
from leeway.definition import Classifier
from leeway.ingest.request import ValueFault, cast_values
from leeway.lifecycle import registry
from leeway.model import explanation
from leeway.model.bundle import Bundle
from leeway.model.explanation import Reason
from leeway.model.inputs import model_input, plain_rows
from leeway.store.database import database

AHEAD = timedelta(minutes=5)  # that the clocks of those who ask may be fast


@dataclass(frozen=True)
class OnlineAnswer:
    """A decision with what it rests on.

    Attributes:
        decision: a truth value, a class, or a list of classes, as predictions store it.
        probabilities: by class.
        thresholds: by class, from which on the decision is for it.
        review: whether a person decides; None where nobody does.
        version: of the champion.
        as_of: until when the history is counted; None without history.
        missing: the columns that have no value.
        reasons: why, of the class that was decided for, else of the likeliest; the strongest first.
    """

    event_id: str
    event_time: datetime
    decision: bool | str | list[str]
    probabilities: dict[str, float]
    thresholds: dict[str, float]
    review: bool | None
    version: int
    as_of: datetime | None
    missing: list[str]
    reasons: list[Reason]


def answer(
    classifier: Classifier, values: Mapping[str, object], *, event_id: str | None = None, explain: int = 0
) -> OnlineAnswer:
    """Decide about one event with the champion; nothing is stored.

    Args:
        values: by the names of the definition's columns and of `event_time`. An event without a time happens now.
        event_id: a stored event of this id is not counted in the history, because the request replaces it.
        explain: the number of reasons.

    Raises:
        NotFound: there is no champion.
        RequestRefused: a value cannot be read.
    """
    champion = registry.present_champion(classifier.name, f"asking {classifier.name}")
    request = _request(classifier, values, event_id)
    bundle = registry.load(classifier.name, champion)
    with database().transaction() as connection:  # with bound values: they are anybody's
        rows = pd.DataFrame(connection.execute(features.for_request(classifier, request)).mappings().all())
    p = probabilities(bundle, rows)
    decided, review = bundle.decide(p), bundle.to_review(p)
    names = bundle.outputs.names
    return OnlineAnswer(
        request.event_id,
        request.event_time,
        bundle.outputs.stored(decided).to_pylist()[0],
        dict(zip(names, p[0].tolist(), strict=True)),
        dict(zip(names, bundle.card.thresholds, strict=True)),
        None if review is None else bool(review[0]),
        champion.version,
        request.event_time if classifier.history else None,
        [name for name in classifier.columns if request.values[name] is None],
        _reasons(classifier, bundle, rows, p, explain),
    )


def _reasons(classifier: Classifier, bundle: Bundle, rows: pd.DataFrame, p: Floats, count: int) -> list[Reason]:
    if not count:
        return []
    decided = bundle.decide(p)[0]
    likeliest = int(np.where(decided, p[0], -1.0).argmax() if decided.any() else p[0].argmax())
    name = bundle.outputs.names[likeliest]
    (found,) = explanation.explain(classifier, bundle, rows, [name], held_against=explanation.QUICK)
    return found.reasons[:count]


def probabilities(bundle: Bundle, rows: pd.DataFrame) -> Floats:
    """Score rows one by one with the compiled bundle, else with the bundle itself; shape (n, K)."""
    if bundle.compiled is None:
        return bundle.score(rows)
    plain = plain_rows(model_input(rows, bundle.card.features), bundle.card.features)
    try:
        return np.array([bundle.compiled.score(row) for row in plain])
    except OverflowError:  # a number that a forest cannot round
        return bundle.score(rows)


def _request(classifier: Classifier, values: Mapping[str, object], event_id: str | None) -> features.AskedEvent:
    cast, faults = cast_values(classifier, values)
    now = datetime.now(UTC)
    name = classifier.event_time
    given: Any = cast.pop(name, None) if name is not None else None
    if given is not None and given > now + AHEAD:
        faults.append(ValueFault(str(name), "must not lie in the future", values.get(str(name))))
    if faults:
        raise RequestRefused(
            f"asking {classifier.name}",
            problem="; ".join(f"{fault.column}: {fault.problem}" for fault in faults),
            found=", ".join(repr(fault.found) for fault in faults if fault.found is not None) or None,
            hint=f"the columns and their kinds stand in models/{classifier.name}.py",
        )
    return features.AskedEvent(event_id or f"asked-{uuid4()}", given or now, cast)
