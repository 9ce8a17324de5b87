"""Every classifier as one row."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from leeway.definition import Classifier
from leeway.definition.grains import start_of_key
from leeway.lifecycle import open_questions, registry, retraining
from leeway.lifecycle.registry import Promotion
from leeway.monitoring import outcomes
from leeway.monitoring.outcomes import Outcome
from leeway.monitoring.report import EVERY_VERDICT
from leeway.operations.platform.due import next_night
from leeway.profiling.questions import ANSWER
from leeway.views import on_call, roster, verdicts
from leeway.views.roster import RosterEntry
from leeway.views.verdicts import YEAR, NightVerdict

LATELY = timedelta(weeks=4)
TO_BE_LOOKED_AT = ("alert", "data fault", "watching")
Mark = Literal["act", "look", "well", "new"]


@dataclass(frozen=True)
class Row:
    """A classifier at a glance.

    Attributes:
        mark: `act` only where a person must do something.
        waits: for what, in words.
        outcome: of the last weeks whose labels are mature; None where there are none.
        alarms, budget: in the last year, and how many false ones a year may bring; None without a definition.
    """

    name: str
    mark: Mark
    champion: Promotion | None
    night: NightVerdict | None
    outcome: Outcome | None
    alarms: int | None
    budget: float | None
    next_run: datetime | None
    waits: tuple[str, ...]


def rows(now: datetime) -> list[Row]:
    """All classifiers; those first that someone must do something about."""
    last, alarms = verdicts.last_of_each(), verdicts.alarms_since(now - YEAR)
    found = [_row(known, last.get(known.name), alarms.get(known.name, []), now) for known in roster.everyone()]
    order: dict[Mark, int] = {"act": 0, "look": 1, "new": 2, "well": 3}
    return sorted(found, key=lambda row: (order[row.mark], row.name))


def row(known: RosterEntry, now: datetime) -> Row:
    """One classifier."""
    alarms = verdicts.alarms_since(now - YEAR).get(known.name, [])
    return _row(known, verdicts.last_of_each().get(known.name), alarms, now)


def _row(known: RosterEntry, night: NightVerdict | None, alarms: list[str], now: datetime) -> Row:
    definition = known.definition
    past = registry.history(known.name)
    champion = next((item for item in past if item.outcome != "refused"), None)
    waits = _waits(known, past, night, now)
    mark: Mark = "act" if waits else "new" if champion is None else "well"
    if mark == "well" and night is not None and night.verdict in ("suspect", "breach"):
        mark = "look"
    return Row(
        known.name,
        mark,
        champion,
        night,
        lately(known.name),
        verdicts.alarms_used(alarms, definition.drift, definition.partition) if definition else None,
        definition.drift.alarms_per_year if definition else None,
        next_night(definition.schedule, now) if definition else None,
        tuple(waits),
    )


def lately(name: str) -> Outcome | None:
    """What became of the decisions in the last weeks whose labels are mature."""
    newest = outcomes.newest(name)
    if newest is None:
        return None
    return outcomes.total(outcomes.of(name, first=f"{start_of_key(newest) - LATELY:%Y-%m-%d}~"))


def _waits(known: RosterEntry, past: list[Promotion], night: NightVerdict | None, now: datetime) -> list[str]:
    """What a person must do: first the questions that only a person can answer."""
    definition = known.definition
    if definition is None:
        return [known.why] if "no longer" not in known.why else []
    found = [
        f"answer in models/{known.name}.py: {item}; {ANSWER}" for item in open_questions.of_newest(definition, past)
    ]
    held = [request for request in retraining.all_of(known.name) if request.state == "held"]
    found += [f"approve or reject the retrain {request.key}" for request in held]
    if night is not None and night.verdict in TO_BE_LOOKED_AT:
        found.append(
            f"{night.verdict} on {night.partition}: {EVERY_VERDICT[night.verdict][1].split(':')[0].rstrip('.')}"
        )
    return found + _undone(definition, now)


def _undone(definition: Classifier, now: datetime) -> list[str]:
    days = on_call.calendar(definition, now, on_call.LOOKED_AT)
    rejected = [day.partition for day in days if day.cells["ingest"].state == "failed"]
    late = on_call.late(definition, days)
    found = []
    # One that was rejected long ago is over with: the nights after it were held.
    newest = max((day.partition for day in days if day.cells["ingest"].state == "done"), default="")
    if recent := [key for key in rejected if key > newest]:
        found.append(f"the delivery of {recent[0]} was rejected: see the source")
    if late:
        nights = "night is" if len(late) == 1 else "nights are"
        found.append(f"{len(late)} {nights} late, the first is {late[0]}")
    return found
