"""Send a message to an address. The one module that knows Apprise."""

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from leeway.alerts.kinds import Severity

_KINDS = {"page": "failure", "ticket": "info"}


@dataclass(frozen=True)
class Message:
    """What is told, in words and as values."""

    severity: Severity
    title: str
    body: str
    items: tuple[dict[str, Any], ...] = ()


def send(address: str, message: Message) -> str | None:
    """Send; returns why it could not be sent, without what is secret in the address."""
    if address.startswith("file:"):
        return _append(Path(unquote(urlsplit(address).path)), message)
    import apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its words may quote an address
    scheme = address.split(":", 1)[0]
    service = apprise.Apprise()
    if not service.add(address):
        return f"the address {scheme}://… is none that Apprise knows"
    sent = service.notify(
        body=message.body,
        title=message.title,
        notify_type=apprise.NotifyType(_KINDS[message.severity]),
        body_format=apprise.NotifyFormat.TEXT,
    )
    return None if sent else f"{scheme}://… did not take it"


def _append(path: Path, message: Message) -> str | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(message)) + "\n")
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None
