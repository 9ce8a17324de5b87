"""Tell people, once of each happening: what waits is told together, unless it is night, muted, or too small to matter.

A message goes out in the transaction that notes it, by whoever holds the lock: of two runs that find the same, one tells. A
process that dies between the two leaves a message that is told once more, never one that is not told.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection

from leeway.alerts import finding, muting
from leeway.alerts.kinds import Happening, Severity
from leeway.alerts.sending import Message, send
from leeway.core.errors import StoreError
from leeway.core.settings import Settings, settings
from leeway.store.database import database
from leeway.store.tables import alert as table
from leeway.views import runbooks

LOCK = "telling people"
GIVEN_UP = timedelta(days=1)
SEVERITIES: tuple[Severity, ...] = ("page", "ticket")


def look(now: datetime) -> list[str]:
    """Find, note and tell; returns the titles of the messages that went out."""
    note(finding.find(now), now)
    return tell(now)


def anyone() -> bool:
    """Whether there is anybody to tell."""
    return bool(settings().alert_urls or settings().page_urls)


def try_all() -> dict[str, str]:
    """Send a message to every address, and say what came of each; of an address itself only its kind is shown."""
    message = Message("ticket", "Leeway: a test", "This message tries the way. Nothing has happened.")
    given = [address.get_secret_value() for address in {*settings().alert_urls, *settings().page_urls}]
    kinds = {f"{address.split(':', 1)[0]}://… ({number})": address for number, address in enumerate(sorted(given), 1)}
    return {kind: send(address, message) or "told" for kind, address in kinds.items()}


def note(found: Iterable[Happening], now: datetime) -> None:
    """Write down what was found, once each, and at once whether anybody is to be told of it.

    What nobody was told of and goes on is looked at anew: a silence ends, an episode grows.
    """
    mutes = muting.at(now)
    with database().transaction() as connection:
        for item in found:
            why = _suppressed(item, mutes)
            fixed = {
                "key": item.key,
                "kind": item.kind.name,
                "severity": item.kind.severity,
                "classifier": item.classifier,
            }
            state = "suppressed" if why else "waiting"
            values = {"told": _told(item), "state": state, "why": why, "found_at": now, "changed_at": now}
            connection.execute(insert(table).values(fixed | values).on_conflict_do_nothing())
            said = (table.c.told["what"].astext, table.c.told["how_bad"].astext)
            went_on = sa.or_(said[0] != item.what, said[1] != item.how_bad, sa.literal(item.kind.lasts and not why))
            untold = sa.and_(table.c.key == item.key, table.c.state == "suppressed", went_on)
            connection.execute(sa.update(table).where(untold).values(values))


def tell(now: datetime) -> list[str]:
    """Tell of what waits: one message for what cannot wait, one for what can, outside of quiet hours."""
    titles = []
    for severity in SEVERITIES:
        if severity == "ticket" and is_quiet(now):
            continue
        with database().transaction() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"{LOCK} {severity}"))))
            if (title := _tell(connection, severity, now)) is not None:
                titles.append(title)
    return titles


def waiting() -> int:
    """How many happenings are still to be told: in quiet hours, or by a way that is down."""
    query = sa.select(sa.func.count()).where(table.c.state == "waiting")
    with database().transaction() as connection:
        return int(connection.execute(query).scalar_one())


def is_quiet(now: datetime) -> bool:
    """Whether only what cannot wait is told now.

    Raises:
        StoreError: the settings name no time zone.
    """
    given = settings().alert_quiet
    if not given:
        return False
    try:
        zone = ZoneInfo(settings().alert_timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise StoreError(
            "reading LEEWAY_ALERT_TIMEZONE",
            problem="it is not a time zone",
            found=settings().alert_timezone,
            hint="correct it",
        ) from error
    begin, end = (time.fromisoformat(part) for part in given.split("-"))
    local = now.astimezone(zone).time()
    return begin <= local < end if begin <= end else local >= begin or local < end


def _tell(connection: Connection, severity: Severity, now: datetime) -> str | None:
    waiting = (
        sa.select(table).where(table.c.state == "waiting", table.c.severity == severity).order_by(table.c.found_at)
    )
    rows = connection.execute(waiting).all()
    if not rows:
        return None
    addresses = _addresses(settings(), severity)
    keys = [row.key for row in rows]
    if not addresses:
        _move(connection, keys, "suppressed", "there is nobody to tell: LEEWAY_ALERT_URLS is empty", now)
        return None
    message = compose(severity, [row.told for row in rows])
    done: dict[str, list[str]] = {row.key: row.told.get("sent", []) for row in rows}
    errors = []
    for address in addresses:
        mark = hashlib.sha256(address.encode()).hexdigest()[:12]
        left = [row for row in rows if mark not in done[row.key]]
        if not left:
            continue
        error = send(address, message if len(left) == len(rows) else compose(severity, [row.told for row in left]))
        if error is None:
            for row in left:
                done[row.key] = [*done[row.key], mark]
        else:
            errors.append(error)
    for row in rows:
        kept = {**row.told, "sent": done[row.key]}
        connection.execute(sa.update(table).where(table.c.key == row.key).values(told=kept, tries=row.tries + 1))
    if not errors:
        _move(connection, keys, "sent", "", now)
        return message.title
    old = [row.key for row in rows if row.found_at < now - GIVEN_UP]
    _move(connection, old, "suppressed", f"could not be told for a day: {errors[0]}", now)
    _move(connection, [key for key in keys if key not in old], "waiting", f"could not be told yet: {errors[0]}", now)
    return None


def compose(severity: Severity, items: list[dict[str, Any]]) -> Message:
    """One message of all: what, since when, how bad, where to look, what to do."""
    first = items[0]["what"]
    more = f", and {len(items) - 1} more" if len(items) > 1 else ""
    return Message(severity, f"Leeway: {first}{more}", "\n\n".join(_text(item) for item in items), tuple(items))


def _text(item: dict[str, Any]) -> str:
    lines = [
        item["what"][:1].upper() + item["what"][1:],
        f"Since: {item['since']}",
        f"How bad: {item['how_bad']}",
        f"Where to look: {item['where']}" if item["where"] else None,
        f"What to do: {item['to_do']}",
        f"Runbook: {item['runbook']}",
    ]
    return "\n".join(line for line in lines if line)


def _told(item: Happening) -> dict[str, Any]:
    return {
        "key": item.key,
        "kind": item.kind.name,
        "classifier": item.classifier,
        "what": item.what,
        "since": f"{item.since:%Y-%m-%d %H:%M} UTC",
        "how_bad": item.how_bad,
        "where": item.where,
        "to_do": item.kind.to_do,
        "runbook": runbooks.link(item.page) or f"docs/runbooks/{item.page}.md",
    }


def _suppressed(item: Happening, mutes: list[muting.Mute]) -> str:
    """Why nobody is to be told; empty where somebody is."""
    if item.part_of is not None:
        return f"part of {item.part_of}"
    if (mute := next((one for one in mutes if one.classifier in (None, item.classifier)), None)) is not None:
        return str(mute)
    if item.rows is not None and item.rows < (least := settings().alert_min_rows):
        return f"found on {item.rows} rows, fewer than {least}"
    return ""


def _addresses(chosen: Settings, severity: Severity) -> list[str]:
    given = chosen.page_urls if severity == "page" and chosen.page_urls else chosen.alert_urls
    return [address.get_secret_value() for address in given]


def _move(connection: Connection, keys: list[str], state: str, why: str, now: datetime) -> None:
    if keys:
        values = {"state": state, "why": why, "changed_at": now}
        connection.execute(sa.update(table).where(table.c.key.in_(keys)).values(values))
