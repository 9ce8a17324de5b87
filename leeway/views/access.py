"""The password for buttons that change something."""

import hmac

from leeway.core.settings import settings


def asks() -> bool:
    """Return whether a password is set."""
    return bool(settings().dashboards_password.get_secret_value())


def opens(given: str) -> bool:
    """Return whether a password is right.

    The time that this takes says nothing about the password.
    """
    wanted = settings().dashboards_password.get_secret_value()
    return hmac.compare_digest(given.encode(), wanted.encode())
