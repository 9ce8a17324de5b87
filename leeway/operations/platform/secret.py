"""What one must know to use this data folder's Prefect server: a random secret in a file that its owner alone can read."""

import secrets
from pathlib import Path

from leeway.core.errors import StoreError
from leeway.core.files import replacing
from leeway.core.settings import settings

USER = "leeway"  # Prefect wants a name and a password; its pages ask for both in one field


def new() -> str:
    """Make a secret, as Prefect wants it."""
    return f"{USER}:{secrets.token_urlsafe(32)}"


def path() -> Path:
    """Where the secret of this data folder is kept."""
    return settings().home.absolute() / "platform" / "prefect-secret"


def make() -> str:
    """Give the secret of this data folder, made where there is none; called by the one platform on it.

    Raises:
        StoreError: the disk refuses.
    """
    found = known()
    if found is None:
        found = new()
        with replacing(path(), "writing the secret of Prefect's server") as beside:
            beside.touch(mode=0o600, exist_ok=False)  # before there is anything to read
            beside.write_text(found)
    return found


def known() -> str | None:
    """The secret of this data folder, if there is one.

    Raises:
        StoreError: it cannot be read, or others can.
    """
    try:
        mode = path().stat().st_mode & 0o077
        found = path().read_text().strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(error.strerror or error) from error
    if mode:
        raise _refused(f"mode {path().stat().st_mode & 0o777:o}")
    return found or None


def server_environment(secret: str, *origins: str) -> dict[str, str]:
    """The settings of a Prefect server that asks for the secret, and that only these pages may ask anything."""
    return {
        "PREFECT_SERVER_API_AUTH_STRING": secret,
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": ",".join(origins),
    }


def _refused(found: object) -> StoreError:
    return StoreError(
        f"reading {path()}",
        problem="others than its owner can read it",
        found=found,
        hint="remove it and start `leeway up` again, which makes another",
    )
