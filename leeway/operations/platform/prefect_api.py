"""Ask Prefect's API of the platform without Prefect, which takes seconds to import."""

import base64
import os
import uuid
from typing import Any

from leeway.operations.platform import secret
from leeway.operations.platform.local import ask


def ask_prefect(api: str, path: str, body: Any) -> Any:
    """Post JSON to Prefect's API.

    Args:
        api: its address.
        path: what to ask, such as `/flow_runs/filter`.

    Returns:
        What it answers; None where it does not.
    """
    headers = _authorization(api)
    client = str(uuid.uuid4())
    token = ask(f"{api}/csrf-token?client={client}", headers=headers)
    if isinstance(token, dict) and "token" in token:  # else it asks for none
        headers |= {"Prefect-Csrf-Token": str(token["token"]), "Prefect-Csrf-Client": client}
    return ask(f"{api}{path}", body, headers)


def _authorization(api: str) -> dict[str, str]:
    """The secret of a server that the environment names stands there too; that of the platform is in its file."""
    named = os.environ.get("PREFECT_API_URL", "").rstrip("/") == api
    found = os.environ.get("PREFECT_API_AUTH_STRING") if named else secret.known()
    return {"Authorization": f"Basic {base64.b64encode(found.encode()).decode()}"} if found else {}
