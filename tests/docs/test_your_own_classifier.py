"""The guide is followed to the letter, by somebody with a CSV: every command of it runs, and does what the page says."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "your-own-classifier.md"
LEEWAY = Path(sys.executable).parent


def customers(path):
    """A table as somebody might have it: an id, numbers as text, blanks, a leak, an address."""
    random = np.random.default_rng(3)
    count = 900
    months, calls = random.integers(0, 72, count), random.poisson(1.5, count)
    plan = random.choice(["monthly", "yearly"], count, p=[0.6, 0.4])
    odds = -0.5 - 0.04 * months + 0.5 * calls - 1.2 * (plan == "yearly")
    churned = random.random(count) < 1 / (1 + np.exp(-odds))
    pd.DataFrame(
        {
            "customer_id": [f"C-{number:05d}" for number in range(count)],
            "e-mail": [f"c{number}@example.com" for number in range(count)],
            "plan": plan,
            "months": months,
            "bill": [f"€ {bill:,.2f}" for bill in random.gamma(3, 400, count)],
            "calls to support": np.where(random.random(count) < 0.03, "?", calls.astype(str)),
            "left because of": np.where(churned, random.choice(["price", "service"], count), ""),
            "churned": np.where(churned, "yes", "no"),
        }
    ).to_csv(path, index=False)


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A folder with a table in it, and `leeway` on the path."""
    for name in [name for name in os.environ if name.startswith(("LEEWAY_", "PREFECT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{LEEWAY}{os.pathsep}{os.environ['PATH']}")
    customers(tmp_path / "customers.csv")
    return tmp_path


def run(desk, command):
    done = subprocess.run(command, shell=True, cwd=desk, capture_output=True, text=True, timeout=230, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.timeout(900)
def test_every_command_of_the_guide_runs_and_does_what_it_says(desk):
    blocks = re.findall(r"^```sh\n(.*?)^```", GUIDE.read_text(), flags=re.DOTALL | re.MULTILINE)
    commands = [line for block in blocks for line in block.splitlines()]
    assert [command.split()[1] for command in commands if command.startswith("leeway")] == [
        *("new", "check", "train", "nightly", "report", "ask", "score-file", "up", "down", "status")
    ]
    platform = None
    said: dict[str, str] = {}
    for command in commands:
        if command == "leeway up":
            with (desk / "up.log").open("wb") as log:
                platform = subprocess.Popen(["leeway", "up"], cwd=desk, stdout=log, stderr=subprocess.STDOUT)
            deadline = time.monotonic() + 200
            while "is up after" not in (desk / "up.log").read_text():
                assert platform.poll() is None, (desk / "up.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.2)
        else:
            said[command.split()[1]] = run(desk, command)
    assert platform is not None
    assert platform.wait(100) == 0

    model = (desk / "models" / "churn.py").read_text()
    assert 'event_id="customer_id"' in model
    assert '"bill": numeric(unit="€", thousands=",")' in model
    assert '"e-mail": identifier(sensitive=True)' in model
    assert re.search(r'# "left because of": predicts the label', model)
    assert "left because of" in said["new"]
    assert "promoted" in said["train"]
    assert "900 events" in said["nightly"]
    report = Path(re.search(r"\S+\.html", said["report"])[0])
    assert report.is_absolute()
    assert report.read_text().lstrip().startswith("<!DOCTYPE html>")
    assert "version 1" in said["status"]
    assert "by version 1" in said["ask"]
    assert "900 rows scored by version 1" in said["score-file"]
    assert re.search("without a value: .*calls to support", said["ask"])
    assert "c17@example.com" not in report.read_text()
