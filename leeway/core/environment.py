"""Environment variables of the libraries that Leeway uses."""

import os
import warnings
from pathlib import Path

TELEMETRY_OFF = {
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_UI_V2_ENABLED": "false",  # its newer pages ask a maker of statistics, whatever the setting above says
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
}

# Threads of OpenMP (in scikit-learn's boosting) spin while they wait for each other. With another busy process on the
# machine that made one fit 80 times slower; this short, it costs a quarter of a fit on an idle machine.
PATIENT = {"GOMP_SPINCOUNT": "1000"}

QUIET = {
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}


def prepare_libraries() -> None:
    """Turn off telemetry, log noise and busy waiting.

    Telemetry is off whatever the environment says. The other variables are only set where they are not.
    """
    os.environ.update(TELEMETRY_OFF)
    for name, value in (QUIET | PATIENT).items():
        os.environ.setdefault(name, value)


def prepare_prefect(
    home: Path, *, api: str | None = None, secret: str | None = None, log_level: str = "CRITICAL"
) -> None:
    """Point Prefect at Leeway's own data folder.

    This must run before Prefect is first imported. A server named by `PREFECT_API_URL` is used as it is, else the one at
    `api`. Without either, Prefect starts a private one for the process.

    Args:
        secret: the secret of the server at `api`; no other server gets it.
    """
    if api is not None and os.environ.setdefault("PREFECT_API_URL", api) == api and secret is not None:
        os.environ["PREFECT_API_AUTH_STRING"] = secret
    os.environ.setdefault("PREFECT_HOME", str(home / "prefect"))
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", log_level)
    os.environ.setdefault("PREFECT_LOGGING_ROOT_LEVEL", log_level)
    os.environ.setdefault("PREFECT_LOGGING_TO_API_ENABLED", "false")
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
