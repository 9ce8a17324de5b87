"""The dashboards as a service: `python -m dashboards.serve`, with what Streamlit reads from the environment.

Everything is imported before the first visitor comes, who would otherwise wait for it.
"""

import runpy
import sys
from pathlib import Path

from dashboards import body_of
from leeway.core.environment import prepare_libraries
from leeway.views.pages import PAGES


def main() -> None:
    """Serve, until asked to stop."""
    prepare_libraries()
    for page in PAGES:
        body_of(page)
    sys.argv = ["streamlit", "run", str(Path(__file__).with_name("app.py"))]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
