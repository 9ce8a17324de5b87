"""Retrain requests: the audited state machine between a breach and a promotion.

    requested ──> running ──> promoted | kept_champion | failed
    suppressed                 (cooldown, a request that is open already, a policy that never retrains)
    held ──> requested | rejected              (a person must decide)

The row is the truth: whoever finds an open one may carry it out, and its key makes it one however many ask for it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from leeway.definition import Classifier
from leeway.errors import NotFound
from leeway.store.database import database
from leeway.store.tables import retrain_request as table

OPEN = ("requested", "running", "held")
STARTABLE = ("requested", "running")  # running: its process may have died


@dataclass(frozen=True)
class Request:
    """One retrain request.

    Attributes:
        as_of: the time as of which to train.
        version: the version that came of it.
        history: every state with its time and reason.
    """

    key: str
    classifier: str
    state: str
    reason: str
    as_of: datetime
    version: int | None
    history: list[dict[str, str]]


def file(
    connection: Connection,
    classifier: Classifier,
    key: str,
    as_of: datetime,
    reason: str,
    *,
    forced: bool = False,
    incident: str | None = None,
) -> str:
    """Write a request, in the transaction of the verdict that asks for it; one that is there already stays as it is.

    Args:
        forced: a person asks for it: neither cooldown nor policy applies.
        incident: why a person must decide on it.

    Returns:
        The state that it has now.
    """
    name = classifier.name
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"request {name}"))))
    state, why = ("requested", reason) if forced else _first_state(connection, classifier, key, as_of, reason)
    if state == "requested" and incident is not None:
        state, why = "held", f"an incident, which a retrain seldom cures: {incident}"
    values = {
        "key": key,
        "classifier": name,
        "state": state,
        "reason": reason,
        "as_of": as_of,
        "history": [_step(state, why)],
    }
    connection.execute(insert(table).values(values).on_conflict_do_nothing())
    return str(connection.scalar(sa.select(table.c.state).where(table.c.key == key)))


def claim(key: str) -> Request:
    """Take a request to carry it out. The caller holds the classifier's training lock.

    Raises:
        NotFound: there is none, or it is not to be carried out.
    """
    with database().transaction() as connection:
        request = _get(connection, key, lock=True)
        if request.state not in STARTABLE:
            raise NotFound(
                f"carrying out {key}",
                rule=f"its state must be one of {', '.join(STARTABLE)}",
                found=request.state,
                way_out="approve it if it is held; nothing else can be done with it",
            )
        again = " again after its process died" if request.state == "running" else ""
        return _move(connection, key, "running", f"taken up{again}")


def move(key: str, state: str, why: str, *, version: int | None = None) -> Request:
    """Write a transition with its reason."""
    with database().transaction() as connection:
        return _move(connection, key, state, why, version=version)


def _move(connection: Connection, key: str, state: str, why: str, *, version: int | None = None) -> Request:
    values: dict[str, Any] = {
        "state": state,
        "updated_at": sa.func.clock_timestamp(),
        "history": table.c.history.concat(sa.cast([_step(state, why)], table.c.history.type)),
    }
    if version is not None:
        values["version"] = version
    connection.execute(sa.update(table).where(table.c.key == key).values(values))
    return _get(connection, key)


def settle(key: str, approved: bool, actor: str) -> Request:
    """A person's answer to a held request.

    Raises:
        NotFound: it is not held.
    """
    with database().transaction() as connection:
        request = _get(connection, key, lock=True)
        if request.state != "held":
            raise NotFound(
                f"{'approving' if approved else 'rejecting'} {key}",
                rule="only a held request waits for a person",
                found=request.state,
                way_out=f"see `leeway status {request.classifier}`",
            )
        state, answer = ("requested", "approved") if approved else ("rejected", "rejected")
        return _move(connection, key, state, f"{answer} by {actor}")


def get(key: str) -> Request:
    """One request.

    Raises:
        NotFound: there is none of this key.
    """
    with database().transaction() as connection:
        return _get(connection, key)


def _get(connection: Connection, key: str, *, lock: bool = False) -> Request:
    """One request; with `lock`, nobody else can move it before the transaction ends."""
    query = _select().where(table.c.key == key)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(
            "finding a retrain request", rule="its key must exist", found=key, way_out="see `leeway status NAME`"
        )
    return Request(**row._mapping)


def all_of(name: str) -> list[Request]:
    """All requests of a classifier, newest first."""
    with database().transaction() as connection:
        query = _select().where(table.c.classifier == name).order_by(table.c.created_at.desc())
        return [Request(**row._mapping) for row in connection.execute(query)]


def startable(name: str) -> str | None:
    """The key of the oldest request that waits to be carried out, or whose process died."""
    with database().transaction() as connection:
        query = sa.select(table.c.key).where(table.c.classifier == name, table.c.state.in_(STARTABLE))
        key: str | None = connection.scalar(query.order_by(table.c.created_at).limit(1))
    return key


def waiting(since: datetime) -> list[Request]:
    """The requests of all classifiers that nothing has happened to since then and that someone should carry out, oldest first.

    One that runs is among them only where no process trains its classifier: its own has died.
    """
    query = _select().where(table.c.state.in_(STARTABLE), table.c.updated_at <= since).order_by(table.c.created_at)
    with database().transaction() as connection:
        found = [Request(**row._mapping) for row in connection.execute(query)]
    return [request for request in found if not database().is_locked(training_lock(request.classifier))]


def training_lock(name: str) -> str:
    """The name of the lock that whoever trains a classifier holds."""
    return f"train {name}"


def _first_state(
    connection: Connection, classifier: Classifier, key: str, as_of: datetime, reason: str
) -> tuple[str, str]:
    others = _select().where(table.c.classifier == classifier.name, table.c.key != key)
    if (open_one := connection.execute(others.where(table.c.state.in_(OPEN)).limit(1)).first()) is not None:
        return "suppressed", f"{open_one.key} is {open_one.state} already"
    if classifier.drift.retrain == "never":
        return "suppressed", "the definition never retrains on drift"
    counted = table.c.state.not_in(("suppressed", "rejected"))
    last = connection.execute(
        others.where(counted, table.c.as_of <= as_of).order_by(table.c.as_of.desc()).limit(1)
    ).first()
    if last is not None and as_of < last.as_of + classifier.drift.cooldown:
        return "suppressed", f"cooldown until {last.as_of + classifier.drift.cooldown:%Y-%m-%d} after {last.key}"
    if classifier.drift.retrain == "hold":
        return "held", "the definition asks a person first"
    return "requested", reason


def _select() -> sa.Select[Any]:
    names = ("key", "classifier", "state", "reason", "as_of", "version", "history")
    return sa.select(*(table.c[name] for name in names))


def _step(state: str, why: str) -> dict[str, str]:
    return {"state": state, "why": why, "at": datetime.now(UTC).isoformat(timespec="seconds")}
