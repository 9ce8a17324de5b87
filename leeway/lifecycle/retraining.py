"""Retrain requests: an audited state machine.

It leads from a breach to a promotion:

    requested ──> running ──> promoted | kept_champion | failed
    waiting ──> requested                      (the change is too recent: too little is known of it to learn and to test)
    suppressed      (cooldown, a request that is open already, too many promotions, a policy that never retrains, a reference
                     that is too short to act by)
    held ──> requested | waiting | rejected    (a person must decide: by definition, for a hold, or for an incident)

The row is the truth: any process that finds an open request may carry it out, and its key makes it unique. Every transition
keeps its reason and, where there is any, its evidence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from leeway.core.errors import NotFound
from leeway.definition import Classifier
from leeway.lifecycle import hold_log
from leeway.lifecycle.hold_log import Hold
from leeway.model.window import ripe
from leeway.store.database import database
from leeway.store.tables import retrain_request as table

OPEN = ("requested", "waiting", "running", "held")
STARTABLE = ("requested", "running")  # running: its process may have died
QUARTER = timedelta(days=91)


@dataclass(frozen=True)
class Request:
    """One retrain request.

    Attributes:
        as_of: the time as of which to train.
        version: the version that came of it.
        history: every state with its time, its reason, and its evidence where there is any.
    """

    key: str
    classifier: str
    state: str
    reason: str
    as_of: datetime
    version: int | None
    history: list[dict[str, Any]]

    @property
    def since(self) -> datetime | None:
        """The start of the change that it answers.

        None where the monitor could not tell.
        """
        since = self.history[0].get("evidence", {}).get("since")
        return None if since is None else datetime.fromisoformat(since)


@dataclass(frozen=True)
class Answer:
    """The answer to a breach.

    Attributes:
        state: the first state of its request.
        as_of: the time as of which to train; it may lie in the future.
    """

    state: str
    why: str
    as_of: datetime


def answer(
    classifier: Classifier,
    as_of: datetime,
    reason: str,
    *,
    since: datetime | None = None,
    past: Sequence[Request] = (),
    hold: Hold | None = None,
    incident: str | None = None,
    too_short: str | None = None,
) -> Answer:
    """Decide on the answer to a breach.

    Args:
        as_of: the end of the partition that the breach was found in.
        since: when the change began, where that is known.
        past: the classifier's other requests, in any order.
        hold: a person's, if there is one.
        incident: why a person must decide on it.
        too_short: why the reference is too short to act on.
    """
    policy = classifier.drift
    if (open_one := next((item for item in past if item.state in OPEN), None)) is not None:
        return Answer("suppressed", f"{open_one.key} is already {open_one.state}", as_of)
    if policy.retrain == "never":
        return Answer("suppressed", "the definition never retrains on drift", as_of)
    if too_short is not None:
        return Answer("suppressed", too_short, as_of)
    counted = [item for item in past if item.state not in ("suppressed", "rejected") and item.as_of <= as_of]
    last = max(counted, key=lambda item: item.as_of, default=None)
    if last is not None and as_of < last.as_of + policy.cooldown:
        return Answer("suppressed", f"cooldown until {last.as_of + policy.cooldown:%Y-%m-%d} after {last.key}", as_of)
    promoted = sum(item.state == "promoted" and item.as_of > as_of - QUARTER for item in counted)
    if promoted >= policy.promotions_per_quarter:
        why = f"{promoted} promotions within {QUARTER.days} days, as many as the definition allows"
        return Answer("suppressed", why, as_of)
    due = as_of if since is None or classifier.by_arrival else max(as_of, ripe(classifier, since))
    if hold is not None:
        return Answer("held", str(hold), due)
    if policy.retrain == "hold":
        return Answer("held", "the definition asks a person first", due)
    if incident is not None:
        return Answer("held", f"an incident, and a retrain seldom cures one: {incident}", due)
    if since is not None and due > as_of:
        why = f"too little is known yet of the change on {since:%Y-%m-%d}; enough will be known by {due:%Y-%m-%d}"
        return Answer("waiting", why, due)
    return Answer("requested", reason, as_of)


def file(
    connection: Connection,
    classifier: Classifier,
    key: str,
    as_of: datetime,
    reason: str,
    *,
    forced: bool = False,
    since: datetime | None = None,
    evidence: Mapping[str, Any] | None = None,
    incident: str | None = None,
    too_short: str | None = None,
) -> str:
    """Write a request in the transaction of its verdict.

    An existing request of this key stays as it is.

    Args:
        forced: whether a person asks for it; then nothing suppresses it.
        since: when the change began, where that is known.
        evidence: the evidence of the verdict.
        incident: why a person must decide on it.
        too_short: why the reference is too short to act on.

    Returns:
        The request's present state.
    """
    name = classifier.name
    lock_requests(connection, name)
    found = Answer("requested", reason, as_of)
    if not forced:
        past = [item for item in of(connection, name) if item.key != key]
        hold = hold_log.current(connection, name)
        found = answer(
            classifier, as_of, reason, since=since, past=past, hold=hold, incident=incident, too_short=too_short
        )
    kept = {**(evidence or {}), **({} if since is None else {"since": since.isoformat()})}
    values = {
        "key": key,
        "classifier": name,
        "state": found.state,
        "reason": reason,
        "as_of": found.as_of,
        "history": [_step(found.state, found.why, kept)],
    }
    connection.execute(insert(table).values(values).on_conflict_do_nothing())
    return str(connection.scalar(sa.select(table.c.state).where(table.c.key == key)))


def ripen(connection: Connection, name: str, now: datetime) -> list[str]:
    """Let requests go on once enough is known.

    It runs in the transaction of a night.

    Returns:
        The requests' keys.
    """
    lock_requests(connection, name)
    due = [item.key for item in of(connection, name) if item.state == "waiting" and item.as_of <= now]
    return [_move(connection, key, "requested", f"enough is known as of {now:%Y-%m-%d %H:%M}").key for key in due]


def claim(key: str) -> Request:
    """Claim a request to carry it out.

    The caller holds the classifier's training lock.

    Raises:
        NotFound: there is none, or it cannot be carried out.
    """
    with database().transaction() as connection:
        request = _get(connection, key, lock=True)
        if request.state not in STARTABLE:
            raise NotFound(
                f"carrying out {key}",
                problem="a request in this state cannot be carried out",
                found=request.state,
                hint="approve it with `leeway approve` if it is held",
            )
        again = " again after its process died" if request.state == "running" else ""
        return _move(connection, key, "running", f"started{again}")


def is_running(key: str) -> bool:
    """Return whether a claimed request may still promote.

    It may not once a person holds the classifier.
    """
    return get(key).state == "running"


def move(
    key: str, state: str, why: str, *, version: int | None = None, evidence: Mapping[str, Any] | None = None
) -> Request:
    """Record a transition with its reason."""
    with database().transaction() as connection:
        return _move(connection, key, state, why, version=version, evidence=evidence)


def move_all(connection: Connection, name: str, states: Sequence[str], state: str, why: str) -> list[Request]:
    """Move all of a classifier's requests in some states."""
    return [_move(connection, item.key, state, why) for item in of(connection, name) if item.state in states]


def let_go(connection: Connection, request: Request, why: str) -> Request:
    """Let a held request go on.

    A request that answers a dated change waits until enough is known of it.
    """
    return _move(connection, request.key, "requested" if request.since is None else "waiting", why)


def _move(
    connection: Connection,
    key: str,
    state: str,
    why: str,
    *,
    version: int | None = None,
    evidence: Mapping[str, Any] | None = None,
) -> Request:
    values: dict[str, Any] = {
        "state": state,
        "updated_at": sa.func.clock_timestamp(),
        "history": table.c.history.concat(sa.cast([_step(state, why, evidence)], table.c.history.type)),
    }
    if version is not None:
        values["version"] = version
    connection.execute(sa.update(table).where(table.c.key == key).values(values))
    return _get(connection, key)


#: What comes next, once a person has answered.
NEXT = {
    "requested": "the next night trains the challenger",
    "waiting": "it waits until enough labels since the change are known",
    "rejected": "the champion stays",
}


def settle(key: str, approved: bool, actor: str) -> Request:
    """Record a person's answer to a held request.

    Raises:
        NotFound: it is not held.
    """
    with database().transaction() as connection:
        request = _get(connection, key, lock=True)
        if request.state != "held":
            raise NotFound(
                f"{'approving' if approved else 'rejecting'} {key}",
                problem="the request is not held",
                found=request.state,
                hint=f"see `leeway status {request.classifier}`",
            )
        if approved:
            return let_go(connection, request, f"approved by {actor}")
        return _move(connection, key, "rejected", f"rejected by {actor}")


def get(key: str) -> Request:
    """Return one request.

    Raises:
        NotFound: there is none of this key.
    """
    with database().transaction() as connection:
        return _get(connection, key)


def _get(connection: Connection, key: str, *, lock: bool = False) -> Request:
    """Return one request.

    With `lock`, nobody else can move it before the transaction ends.
    """
    query = _select().where(table.c.key == key)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound(
            "finding a retrain request", problem="no request has this key", found=key, hint="see `leeway status NAME`"
        )
    return Request(**row._mapping)


def all_of(name: str) -> list[Request]:
    """List a classifier's requests, newest first."""
    with database().transaction() as connection:
        return of(connection, name)


def of(connection: Connection, name: str) -> list[Request]:
    """List a classifier's requests within a transaction."""
    query = _select().where(table.c.classifier == name).order_by(table.c.created_at.desc())
    return [Request(**row._mapping) for row in connection.execute(query)]


def startable(name: str) -> str | None:
    """Return the key of the oldest startable request.

    It waits to be carried out, or its process died.
    """
    with database().transaction() as connection:
        query = sa.select(table.c.key).where(table.c.classifier == name, table.c.state.in_(STARTABLE))
        key: str | None = connection.scalar(query.order_by(table.c.created_at).limit(1))
    return key


def waiting(since: datetime) -> list[Request]:
    """List idle requests to carry out, oldest first.

    They are those of all classifiers that have not changed after `since`. A running one is among them only where no process
    trains its classifier: its own process has died.
    """
    query = _select().where(table.c.state.in_(STARTABLE), table.c.updated_at <= since).order_by(table.c.created_at)
    with database().transaction() as connection:
        found = [Request(**row._mapping) for row in connection.execute(query)]
    return [request for request in found if not database().is_locked(training_lock_name(request.classifier))]


def training_lock_name(name: str) -> str:
    """Return the name of a classifier's training lock."""
    return f"train {name}"


def lock_requests(connection: Connection, name: str) -> None:
    """Lock a classifier's requests until the transaction ends."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"request {name}"))))


def _select() -> sa.Select[Any]:
    names = ("key", "classifier", "state", "reason", "as_of", "version", "history")
    return sa.select(*(table.c[name] for name in names))


def _step(state: str, why: str, evidence: Mapping[str, Any] | None = None) -> dict[str, Any]:
    step = {"state": state, "why": why, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    return {**step, "evidence": dict(evidence)} if evidence else step
