"""Who may press the buttons that change something."""

import hmac

from leeway.core.settings import settings


def asks() -> bool:
    """Whether a password is set."""
    return bool(settings().dashboards_password.get_secret_value())


def opens(given: str) -> bool:
    """Whether a password is the one that is set; compared in a time that says nothing of it."""
    wanted = settings().dashboards_password.get_secret_value()
    return hmac.compare_digest(given.encode(), wanted.encode())
