"""Tools that do not import beside Leeway's libraries, in an environment of their own: exchanged with by files only."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".nannyml"
#: NannyML wants a scikit-learn before 1.6, statsmodels, and older pandas habits; driftfdr would do anywhere.
NEEDED = ("nannyml==0.13.1", "scikit-learn<1.6", "statsmodels", "driftfdr==0.1.1")

QUIET = {"NML_DISABLE_USAGE_LOGGING": "1", "DO_NOT_TRACK": "true"}  # no telemetry


def run(script: str, folder: Path, **settings: object) -> None:
    """Run a script beside this one with the environment's Python.

    Args:
        folder: where it finds what it reads, and writes.
        settings: further ones, as JSON.
    """
    command = [str(_python()), str(Path(__file__).parent / script), str(folder), json.dumps(settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | QUIET)
    if done.returncode:
        sys.exit(f"{script} in {ENVIRONMENT.name}: {done.stderr[-2000:]}")


def _python() -> Path:
    """The environment's Python; made where there is none, from the package index (some minutes, 2 GB)."""
    python, ready = ENVIRONMENT / "bin" / "python", ENVIRONMENT / ".ready"
    if not ready.exists() or ready.read_text() != "\n".join(NEEDED):
        print(f"making {ENVIRONMENT.name} for {', '.join(NEEDED)}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *NEEDED], check=True)
        ready.write_text("\n".join(NEEDED))
    return python
