"""Leeway's default against what a user would pick instead: probabilities of tomorrow's rows, on public tables.

Each contender learns from the same rows, on the same cores, within the same seconds, in a process of its own; FLAML and
AutoGluon in environments of their own, which are made where there are none. What was measured is appended to a file, and is not
measured again: a run that was stopped goes on where it was. Needs ../shared/data, or LEEWAY_DATA.

    compare.py [--tables telco_churn,adult] [--splits 5] [--seconds 90] [--contenders leeway,flaml] [--results FILE]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from tables import DATA, TABLES, Table, split

from leeway.core.metrics import averaged, calibration_error, log_losses

HERE, ROOT = Path(__file__).parent, Path(__file__).parents[2]
CORES = 2
ENVIRONMENTS = {
    "flaml": ("flaml[automl]==2.7.*", "pyarrow"),
    "autogluon": ("autogluon.tabular[lightgbm,xgboost]==1.6.*", "pyarrow"),
}
CONTENDERS = {
    "leeway": ("with_leeway.py",),
    "hgb": ("with_plain.py", "hgb"),
    "logistic": ("with_plain.py", "logistic"),
    "flaml": ("with_flaml.py",),
    "autogluon": ("with_autogluon.py",),
}
METRICS = ("roc_auc", "log_loss", "ece", "seconds", "microseconds", "megabytes")
SURE_ROWS = 5_000  # of a test, for the target of the calibration error
MOST_ERROR = 0.015


def main() -> None:
    """Measure what is missing, and print it all."""
    asked = _asked()
    if not DATA.exists():
        print(f"skipped: {DATA} is not there")
        return
    for number in range(asked.splits):
        for name in asked.tables:
            missing = [who for who in asked.contenders if _key(name, number, who, asked) not in _done(asked.results)]
            if missing:
                _measure(name, number, missing, asked)
    missed = _print(pd.DataFrame([row for key, row in _done(asked.results).items() if key[3] == asked.seconds]))
    sys.exit(1 if missed else 0)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=lambda text: text.split(","), default=list(TABLES))
    parser.add_argument("--contenders", type=lambda text: text.split(","), default=list(CONTENDERS))
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--results", type=Path, default=ROOT / ".learning.jsonl")
    return parser.parse_args()


def _key(table: str, number: int, who: str, asked: argparse.Namespace) -> tuple[str, int, str, float]:
    return table, number, who, asked.seconds


def _done(path: Path) -> dict[tuple[str, int, str, float], dict]:
    lines = path.read_text().splitlines() if path.exists() else []
    rows = [json.loads(line) for line in lines]
    return {(row["table"], row["split"], row["contender"], row["budget"]): row for row in rows}


def _measure(name: str, number: int, contenders: list[str], asked: argparse.Namespace) -> None:
    table = TABLES[name]()
    train, test = split(table, number)
    for who in contenders:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            _write(table, train, test, folder)
            script, *further = CONTENDERS[who]
            command = [str(_python(who)), str(HERE / script), place, str(asked.seconds), *further]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=place)
            if done.returncode:
                print(f"{name} {number} {who}: {done.stderr[-1500:]}", file=sys.stderr, flush=True)
                continue
            row = {"table": name, "split": number, "contender": who, "budget": asked.seconds, "rows": len(test)}
            row |= _judged(table.target.iloc[test].astype(str), folder)
            row["said"] = done.stdout.splitlines()[-1:] if who == "leeway" else []
        with asked.results.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{name} {number} {who}: " + ", ".join(f"{metric} {row[metric]:.4f}" for metric in METRICS), flush=True)


def _write(table: Table, train: np.ndarray, test: np.ndarray, folder: Path) -> None:
    table.rows.iloc[train].assign(target=table.target.iloc[train].astype(str)).to_parquet(folder / "train.parquet")
    table.rows.iloc[test].to_parquet(folder / "test.parquet")
    times = None if table.times is None else [f"{at}" for at in table.times.iloc[train]]
    (folder / "table.json").write_text(json.dumps({"times": times, "delay": table.delay}))


def _judged(truth: "pd.Series[str]", folder: Path) -> dict:
    """The metrics of a contender's probabilities, each class against the rest; of two classes, of the second."""
    from sklearn.metrics import roc_auc_score

    told = json.loads((folder / "told.json").read_text())
    classes, p = told.pop("classes"), np.load(folder / "p.npy")
    y = truth.to_numpy()[:, None] == np.array(classes)
    several = len(classes) > 2
    one, of_one = (y, p) if several else (y[:, 1:], p[:, 1:])
    return {
        **told,
        "roc_auc": averaged(roc_auc_score, one, of_one),
        "log_loss": float(log_losses(one, of_one, exclusive=several).mean()),
        "ece": averaged(calibration_error, one, of_one),
    }


def _python(who: str) -> Path:
    """The contender's Python; its environment is made where there is none, from the package index."""
    needed = ENVIRONMENTS.get(who)
    if needed is None:
        return Path(sys.executable)
    place = ROOT / f".{who}"
    python, ready = place / "bin" / "python", place / ".ready"
    if not ready.exists() or ready.read_text() != "\n".join(needed):
        print(f"making {place.name} for {', '.join(needed)}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *needed], check=True)
        ready.write_text("\n".join(needed))
    return python


def _print(found: pd.DataFrame) -> bool:
    """The means of each table, and over all that everybody has done the mean ranks; whether a target is missed."""
    if found.empty:
        return False
    for name, own in found.groupby("table", sort=False):
        print(f"\n{name}: {own['split'].nunique()} splits, {own['rows'].iloc[0]:,} rows predicted")
        print(own.groupby("contender")[list(METRICS)].mean().sort_values("log_loss").round(4).to_string())
    everybody = found.groupby(["table", "split"]).filter(lambda own: len(own) == found["contender"].nunique())
    losses = everybody.pivot_table(index=["table", "split"], columns="contender", values="log_loss")
    ranks = losses.rank(axis=1).mean().sort_values()
    print(f"\nmean rank by log loss, of {len(losses)} splits\n{ranks.round(2).to_string()}")
    return _targets(found, ranks)


def _targets(found: pd.DataFrame, ranks: "pd.Series[float]") -> bool:
    ours = found[found["contender"] == "leeway"].groupby("table")[["microseconds", "ece", "rows", "seconds"]].mean()
    theirs = found[found["contender"] == "autogluon"].groupby("table")["microseconds"].mean()
    slow = [name for name in ours.index if name in theirs and ours["microseconds"][name] > theirs[name] / 3]
    off = [name for name in ours.index if ours["rows"][name] >= SURE_ROWS and ours["ece"][name] >= MOST_ERROR]
    missed = []
    if len(ranks) and ranks.index[0] != "leeway":
        missed.append(f"the best mean rank is {ranks.index[0]}'s")
    if slow:
        missed.append(f"more than a third of AutoGluon's scoring time: {', '.join(slow)}")
    if off:
        missed.append(f"calibration error of {MOST_ERROR} or more: {', '.join(off)}")
    print(f"\ntargets: {'; '.join(missed) or 'reached'}")
    return bool(missed)


if __name__ == "__main__":
    main()
