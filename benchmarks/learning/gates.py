"""Challengers with planted faults, and truly better ones, before the gates: which are kept out, and by which gate.

Every challenger is trained, saved and examined as a real one is; only the snapshot that it learns from is made up, or spoilt.
Usage: gates.py [REPEATS], 3 of each fault by default, 0 for none; of the fair ones as many as the targets need.
"""

import hashlib
import io
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

MODEL = """
from leeway.definition import *

classifier = Classifier(
    source=CSV(path="data/*.csv"), event_id="id", event_time="at",
    label=Label(column="bad", positive=1, negative=0, delay=days(1)),
    columns=COLUMNS,
    candidates=(CANDIDATE,),
    training=Training(holdout=days(21), folds=3),
    gates=Gates(floors={"roc_auc": 0.6}, calibration_error=0.05, GATES),
)
"""
COLUMNS = {**{f"x{number}": "numeric()" for number in range(6)}, "kind": "categorical()"}
BOOSTING = "Boosting(max_leaf_nodes=(15,), max_iter=80)"
FIRST, DAYS, HELD_OUT = datetime(2026, 1, 1, tzinfo=UTC), 81, 21
A_DAY = 150
AS_OF = FIRST + timedelta(days=DAYS + 1)
TWO_SEEDS, TWICE = 24, 12


Spoil = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


def drawn(seed: int) -> pd.DataFrame:
    """A snapshot: numbers that work together, and kinds that change how; noise enough that more rows teach more."""
    rng = np.random.default_rng([seed, 7])
    count = DAYS * A_DAY
    x = rng.normal(size=(count, 6))
    kind = rng.choice(["a", "b", "c", "d"], count, p=[0.4, 0.3, 0.2, 0.1])
    odds = -0.8 + x[:, 0] + np.where(kind == "b", -1, 1) * x[:, 1] + 1.2 * x[:, 2] * x[:, 3] + 0.5 * (kind == "c")
    night = rng.normal(0, 0.15, DAYS).repeat(A_DAY)
    at = [FIRST + timedelta(seconds=row * 86_400 / A_DAY) for row in range(count)]
    return pd.DataFrame(
        {
            "event_id": [f"{row}" for row in range(count)],
            "event_time": pd.to_datetime(at).as_unit("us"),
            **{f"x{number}": x[:, number] for number in range(6)},
            "kind": kind,
            "positive": rng.random(count) < 1 / (1 + np.exp(-odds - night)),
            "known_at": (pd.to_datetime(at) + timedelta(days=1)).as_unit("us"),
        }
    )


def spoilt(rows: pd.DataFrame, where: np.ndarray, how: Callable[[pd.DataFrame], dict]) -> pd.DataFrame:
    """The rows with some columns changed where it says."""
    changed = rows.copy()
    for name, values in how(rows).items():
        changed[name] = np.where(where, values, rows[name]) if name in rows else values
    return changed.astype({"positive": bool})


def learnt(rows: pd.DataFrame) -> np.ndarray:
    """The rows before the holdout."""
    return (rows["event_time"] < FIRST + timedelta(days=DAYS - HELD_OUT)).to_numpy()


def thinned(rows: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """A share of what is learnt from; the holdout stays."""
    return rows[~learnt(rows) | (rng.random(len(rows)) < share)].reset_index(drop=True)


def label_permutation(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Labels dealt out at random among the rows that are learnt from."""
    dealt = rows["positive"].to_numpy().copy()
    dealt[learnt(rows)] = rng.permutation(dealt[learnt(rows)])
    return rows.assign(positive=dealt)


def leaked(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A column that is the label, but for one row in two hundred."""
    wrong = rng.random(len(rows)) < 0.005
    return rows.assign(x5=np.where(wrong, ~rows["positive"], rows["positive"]) + rng.normal(0, 0.01, len(rows)))


def corrupted(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The last month before the holdout has its labels turned round."""
    since = FIRST + timedelta(days=DAYS - HELD_OUT - 30)
    month = learnt(rows) & (rows["event_time"] >= since).to_numpy()
    return spoilt(rows, month, lambda own: {"positive": ~own["positive"]})


def sliced(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Of one kind, a tenth of the rows, the labels that are learnt from say nothing."""
    where = learnt(rows) & (rows["kind"] == "d").to_numpy()
    return spoilt(rows, where, lambda own: {"positive": rng.random(len(own)) < 0.5})


class Bench:
    """A project without a source: what is learnt from is put into the storage."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "models").mkdir()

    def declare(self, name: str, candidate: str = BOOSTING, gates: str = 'slices=(Slice(column="kind"),)'):
        """A classifier of this name."""
        from leeway.definition import catalog
        from leeway.store.database import database
        from leeway.store.schemas import ensure_tables

        columns = "{" + ", ".join(f'"{column}": {kind}' for column, kind in COLUMNS.items()) + "}"
        text = MODEL.replace("COLUMNS", columns).replace("CANDIDATE", candidate).replace("GATES", gates)
        (self.root / "models" / f"{name}.py").write_text(text)
        catalog.load.cache_clear()
        classifier = catalog.load(name)
        with database().transaction() as connection:
            ensure_tables(connection, classifier)
        return classifier

    def train(self, classifier, rows: pd.DataFrame):
        """A bundle that has learnt from these rows."""
        from leeway.dataset import snapshots
        from leeway.model import bundle
        from leeway.store import storage
        from leeway.training import fit

        buffer = io.BytesIO()
        rows.to_parquet(buffer, index=False)
        content = buffer.getvalue()
        key = hashlib.sha256(content).hexdigest()
        path = snapshots.path_of(classifier.name, key)
        if not storage.exists(path):
            with storage.keeping(path, "writing a made-up snapshot") as beside:
                beside.write_bytes(content)
        return bundle.load(storage.fetched(fit.folder_of(classifier.name, fit.fit(classifier, key, AS_OF))))

    def examined(self, classifier, challenger, champion, gates=None) -> tuple[list, float]:
        """The gates' verdicts, and how many seconds they took; of all gates by default."""
        from leeway.evaluation import evaluate
        from leeway.evaluation.gates import GATES, examine

        begun = time.perf_counter()
        with evaluate.evidence_of(classifier, challenger, champion, tried=gates is None) as evidence:
            verdicts = examine(gates or GATES, evidence)
        return verdicts, time.perf_counter() - begun


def overconfident(made):
    """The same bundle, saved with a calibrator that makes probabilities extreme."""
    from leeway.model import bundle

    calibrator = LogisticRegression(C=1e6).fit(np.array([[-1.0], [1.0]]), [False, True])
    calibrator.coef_, calibrator.intercept_ = np.array([[4.0]]), np.array([0.0])
    folder = made.folder.with_name(f"{made.folder.name}over")
    bundle.save(folder, made.card, made.pipeline, [calibrator], made.reference, made.sample, made.known)
    return bundle.load(folder)


def remeasured(made, rows: pd.DataFrame):
    """The bundle with the metrics that it has on the holdout."""
    from dataclasses import replace

    from leeway.core.metrics import summary

    held = rows[~learnt(rows)]
    p, y = made.score(held), made.outputs.matrix(held["positive"])
    return replace(made, card=replace(made.card, metrics=summary(made.outputs, y, p, made.decide(p))))


def lost(made, rows: pd.DataFrame) -> float:
    """The mean log loss of a bundle on rows that nobody has seen."""
    from leeway.core.metrics import log_losses

    return float(log_losses(made.outputs.matrix(rows["positive"]), made.score(rows)).mean())


def told(what: str, tried: list[tuple[list, float]], gate: str | None) -> bool:
    """Print what became of some challengers; whether each was refused, by the gate that should."""
    from leeway.lifecycle.verdict import admitted

    refused = sum(not admitted(verdicts) for verdicts, _ in tried)
    by = Counter(item.gate for verdicts, _ in tried for item in verdicts if item.outcome == "fail")
    why = next((v.why for verdicts, _ in tried for v in verdicts if v.gate == gate and v.outcome == "fail"), "")
    gates = ", ".join(f"{name} {count}" for name, count in by.most_common())
    print(f"{what:32} refused {refused}/{len(tried)} in {np.mean([s for _, s in tried]):.1f} s; by {gates}\n    {why}")
    return refused == len(tried) and (gate is None or by[gate] == len(tried))


def faults(bench: Bench, repeats: int) -> list[str]:
    """The planted faults that were not all kept out by the gate that should."""
    plain = bench.declare("plain")
    spoils: dict[str, tuple[Spoil, str, float]] = {
        "shuffled labels": (label_permutation, "better than champion", 1.0),
        "leaked label": (leaked, "leakage", 1.0),
        "5 % of the data": (lambda rows, rng: thinned(rows, 0.05, rng), "better than champion", 1.0),
        "a corrupted month": (corrupted, "better than champion", 1.0),
        "worse on a declared slice": (sliced, "slices", 0.12),  # the champion has learnt from an eighth: worse overall
    }
    missed = []
    for what, (spoil, gate, share) in spoils.items():
        tried, first = [], []
        for seed in range(repeats):
            rows, rng = drawn(seed), np.random.default_rng(seed)
            champion = bench.train(plain, thinned(rows, share, rng))
            challenger = bench.train(plain, spoil(rows, rng))
            tried.append(bench.examined(plain, challenger, champion))
            first.append(bench.examined(plain, challenger, None))
        if not told(what, tried, gate):
            missed.append(what)
        if what in ("shuffled labels", "leaked label"):
            by = {"shuffled labels": "better than a rule", "leaked label": "leakage"}[what]
            if not told(f"{what}, as first champion", first, by):
                missed.append(f"{what}, first")
        if what == "worse on a declared slice":
            better = [v for verdicts, _ in tried for v in verdicts if v.gate == "better than champion"]
            print(
                f"    of these better overall: {sum(v.outcome == 'pass' for v in better)}/{len(better)}; {better[0].why}"
            )
    heavy = {
        "slow": ("latency", "rows_per_second=150_000"),
        "too large": ("size", "megabytes=1"),
    }
    for what, (gate, limits) in heavy.items():
        big = bench.declare(
            f"heavy_{gate}", "Boosting(max_leaf_nodes=(255,), max_iter=300, min_samples_leaf=5)", limits
        )
        rows = drawn(0)
        made, champion = bench.train(big, rows), bench.train(plain, thinned(rows, 0.3, np.random.default_rng(0)))
        if not told(f"{what} ({limits})", [bench.examined(big, made, champion)], gate):
            missed.append(what)
    tried = []
    for seed in range(repeats):
        rows = drawn(seed)
        made = remeasured(overconfident(bench.train(plain, rows)), rows)
        tried.append(bench.examined(plain, made, None))
    return [*missed, *([] if told("uncalibrated, as first champion", tried, "calibration") else ["uncalibrated"])]


def by_chance(bench: Bench) -> list[str]:
    """Two draws of the same size of the same rows: neither is better."""
    from leeway.evaluation import evaluate
    from leeway.lifecycle.verdict import admitted

    plain = bench.declare("plain")
    tried, truly = [], []
    for seed in range(TWO_SEEDS):
        rows, rng = drawn(100 + seed), np.random.default_rng(seed)
        champion, challenger = (bench.train(plain, thinned(rows, 0.8, rng)) for _ in range(2))
        truly.append(lost(champion, drawn(1000 + seed)) - lost(challenger, drawn(1000 + seed)))
        tried.append(bench.examined(plain, challenger, champion, evaluate.QUICK))  # more gates would refuse no fewer
    told(f"two seeds ({TWO_SEEDS})", tried, "better than champion")
    _gains(tried)
    promoted = [admitted(verdicts) for verdicts, _ in tried]
    wrong = sum(so and gain <= 0 for so, gain in zip(promoted, truly, strict=True))
    better = [f"{gain:+.4f}" for so, gain in zip(promoted, truly, strict=True) if so]
    print(f"    promoted {sum(promoted)} of {TWO_SEEDS}; the log loss of new rows falls by {', '.join(better) or '–'}")
    print(f"    wrongly promoted {wrong} of {TWO_SEEDS} (at most 1 in 20)")
    return [] if wrong <= TWO_SEEDS / 20 else ["two seeds"]


def better(bench: Bench, share: float) -> list[str]:
    """Twice the data.

    Args:
        share: of the rows before the holdout, that the challenger has learnt from; the champion from half of them.
    """
    from leeway.lifecycle.verdict import admitted

    plain = bench.declare("plain")
    tried = []
    for seed in range(TWICE):
        rows, rng = drawn(200 + seed), np.random.default_rng(seed)
        more = thinned(rows, share, rng)
        champion = bench.train(plain, thinned(more, 0.5, rng))
        tried.append(bench.examined(plain, bench.train(plain, more), champion))
    told(f"twice the data, {share:.0%} ({TWICE})", tried, None)
    _gains(tried)
    right = sum(admitted(verdicts) for verdicts, _ in tried)
    print(f"    promoted {right} of {TWICE} (at least 8 in 10)")
    return [] if right >= 0.8 * TWICE else [f"twice the data, {share:.0%}"]


def _gains(tried: list[tuple[list, float]]) -> None:
    """Print what the champions were beaten by."""
    found = [v.numbers for verdicts, _ in tried for v in verdicts if v.gate == "better than champion"]
    print("    gain, t, partitions won:", "; ".join(f"{n['gain']:.4f} {n['t']:.1f} {n['won']}" for n in found))


def main() -> None:
    """Print what became of each; exit with 1 where a target is missed."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"LEEWAY_PROJECT": folder, "LEEWAY_HOME": f"{folder}/.leeway"}
        bench = Bench(Path(folder))
        missed = faults(bench, repeats) if repeats else []
        missed += [*by_chance(bench), *better(bench, 0.2), *better(bench, 1.0)]
    print(f"missed: {', '.join(missed) or 'nothing'}")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
