"""Pictures of every page over the demo's data: `python -m tests.dashboards.screenshots HOME FOLDER`; `make screenshots`."""

import sys
import tempfile
from pathlib import Path

from tests.browser import CHROMIUM, browsing
from tests.dashboards.serving import PHONE, WIDE, opened, serving, whole

#: The morning after the demo's last night.
PRESENT = "2026-04-17T06:00:00Z"
PAGES = {
    "overview": "",
    "on-call": "on_call?classifier=payments&night=2026-03-19",
    "reports": "reports?classifier=payments&night=2026-03-29",
    "versions": "versions?classifier=payments",
    "owner": "owner?classifier=payments",
    "debug": "debug?classifier=payments",
}
TALLEST = 1600


def main(home: str, folder: str) -> None:
    """Take them, wide and phone-sized."""
    if CHROMIUM is None:
        sys.exit("there is no Chromium on this machine: apt-get install chromium")
    given = {"LEEWAY_HOME": str(Path(home).absolute()), "LEEWAY_PAGES_AT": PRESENT, "LEEWAY_DATABASE_URL": ""}
    Path(folder).mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as place,
        serving(Path(place) / "log", **given) as url,
        browsing(Path(place) / "browser") as page,
    ):
        for name, path in PAGES.items():
            for (width, height), kind in ((WIDE, ""), (PHONE, "-phone")):
                page.set_viewport_size({"width": width, "height": height})
                whole(opened(page, f"{url}/{path}"), Path(folder) / f"{name}{kind}.png", TALLEST)
                print(f"{name}{kind}.png")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
