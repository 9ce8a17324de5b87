"""Probes: measurements that refit, reload and time a challenger.

Each is made once, when a gate first asks. Refits use a bounded number of rows: they measure the way of learning, not the
bundle.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.base import clone
from sklearn.tree import DecisionTreeClassifier

from leeway.core import parallel
from leeway.core.errors import BundleError
from leeway.core.intervals import Interval
from leeway.core.metrics import Bools, Floats, Rows, log_losses
from leeway.definition import Classifier, Kind
from leeway.evaluation.gates import CompiledProof, Seeds, SingleFeature
from leeway.model import permutation_importance, score_in_new_process
from leeway.model.bundle import Bundle
from leeway.model.class_probabilities import predict, targets
from leeway.model.inputs import model_input, plain_rows
from leeway.profiling import telling
from leeway.training.training_data import Split

LEARNT = 2_000  # rows that a refit learns from, at most
JUDGED = 2_000  # and those that it is judged on
STEPS = 50  # of boosting
KEPT = 0.8  # of these rows, that each of two seeds learns from
BASELINE_ROWS = 50_000
PARITY_ROWS = 500
TIMED_ROWS = 100
SPEED_ROWS = 5_000
LEAST_SPEED_ROWS = 1_000  # where there are fewer, they are scored repeatedly: even a small batch has a fixed cost
ONE_ROW_TIMES = 7
FRESH_SECONDS = 300.0
SMOOTH = 20.0  # rows that the overall mean counts as, in a category's mean


@dataclass(frozen=True)
class Probing:
    """The probe of one challenger.

    It implements `leeway.evaluation.gates.Probe`.

    Attributes:
        nights: each held-out row's partition, as a number.
    """

    classifier: Classifier
    bundle: Bundle
    split: Split
    y: Bools
    nights: Rows
    reloaded: "Future[Floats]"

    @cached_property
    def baselines(self) -> Mapping[str, Floats]:
        """The class shares, and a tree with one split."""
        learnt = thin(self._learnt, BASELINE_ROWS)
        known = self.bundle.outputs.matrix(learnt[self.bundle.outputs.column])
        shares = (known.sum(axis=0) + 0.5) / (len(known) + 1.0)
        shares = shares / shares.sum() if self.bundle.outputs.exclusive else shares
        x, held = self._ranked(learnt, known)
        tree = DecisionTreeClassifier(max_depth=1, criterion="log_loss", min_samples_leaf=min(20, len(x) // 2 or 1))
        tree.fit(x, targets(self.bundle.outputs, known))
        place = int(tree.tree_.feature[0])
        rule = "no rule" if place < 0 else f"a rule on {list(self.bundle.card.features)[place]}"
        return {"the share": np.tile(shares, (len(self.y), 1)), rule: self._probabilities(tree, held, shares)}

    @cached_property
    def label_permutation(self) -> SingleFeature:
        """A refit on shuffled labels, tested on shuffled labels."""
        rng = np.random.default_rng(self.classifier.training.seed)
        learnt, judged = (self._dealt(rows, rng) for rows in self._sides)
        return SingleFeature(*telling.roc_auc(self._y(judged), self._refitted(learnt, judged, 0)))

    @cached_property
    def single_feature_auc(self) -> Mapping[str, SingleFeature]:
        """Each feature's ROC AUC by itself.

        Each half of the rows is predicted from the other.
        """
        x, known, fold = self._halved
        exclusive = self.bundle.outputs.exclusive
        told = {str(name): telling.single(x[name], known, fold, exclusive=exclusive) for name in x}
        return {name: SingleFeature(item.auc, item.error) for name, item in told.items()}

    @cached_property
    def suspicions(self) -> Sequence[telling.Suspicion]:
        """Features that tell suspiciously much, unless answered.

        Those of which a person has said that they are known when the event happens are left out.
        """
        x, known, fold = self._halved
        open_ = x[[name for name in x if not self.classifier.is_answered(str(name))]]
        return telling.suspicions(open_, known, fold, exclusive=self.bundle.outputs.exclusive)

    @cached_property
    def _halved(self) -> tuple[pd.DataFrame, Bools, Bools]:
        """The features but text, the labels, and the rows of one half."""
        learnt, kinds = thin(self._learnt, BASELINE_ROWS), self.bundle.card.features
        x = model_input(learnt, kinds)[[name for name in kinds if kinds[name] != "text"]]
        fold = np.random.default_rng(self.classifier.training.seed).random(len(x)) < 0.5
        return x, self._y(learnt), fold

    @cached_property
    def importance(self) -> Mapping[str, Interval]:
        """The bundle's permutation importance on the holdout."""
        rows, seed = self.split.holdout[list(self.bundle.card.features)], self.classifier.training.seed
        return permutation_importance.permuted(
            self.bundle.score, rows, self.y, self.nights, exclusive=self.bundle.outputs.exclusive, seed=seed
        )

    @cached_property
    def temporal_shift(self) -> tuple[float, float] | None:
        """The log loss of two refits of equal size.

        One learns from earlier rows than it is tested on, the other from random ones.
        """
        if self.classifier.by_arrival:
            return None
        learnt, judged = self._sides
        together = pd.concat([learnt, judged], ignore_index=True)
        mixed = np.random.default_rng(self.classifier.training.seed).permutation(len(together))
        any_learnt, any_judged = (together.iloc[part] for part in np.split(mixed, [len(learnt)]))
        return self._loss(judged, self._in_time), self._loss(any_judged, self._refitted(any_learnt, any_judged, 0))

    @cached_property
    def seeds(self) -> Seeds:
        """Two refits, each on four fifths of the rows."""
        learnt, judged = self._sides
        p = [self._refitted(learnt.iloc[_drawn(len(learnt), seed)], judged, seed) for seed in (1, 2)]
        return Seeds(self._y(judged), (p[0], p[1]), round(KEPT * len(learnt)))

    @cached_property
    def reloaded_scores(self) -> tuple[Floats, Floats]:
        """Both processes' scores of the holdout's first rows.

        Raises:
            BundleError: the other process failed.
        """
        return self.bundle.score(self.split.holdout.iloc[:PARITY_ROWS]), self.reloaded.result()

    @cached_property
    def compiled(self) -> CompiledProof | None:
        """Held-out rows, and the same with a hostile value in each column in turn."""
        compiled, features = self.bundle.compiled, self.bundle.card.features
        if compiled is None:
            return None
        held = self.split.holdout.iloc[:PARITY_ROWS][list(features)]
        x = model_input(pd.concat([held, *_hostile(held, features)], ignore_index=True), features)
        rows, p = plain_rows(x, features), self.bundle.score(x)
        own = np.array([compiled.score(row) for row in rows])
        best = min(
            _processor_seconds(lambda: [compiled.score(row) for row in rows[:TIMED_ROWS]]) for _ in range(ONE_ROW_TIMES)
        )
        other = (self.bundle.decide(own) != self.bundle.decide(p)).any(axis=1)
        return CompiledProof(
            len(rows), float(np.abs(own - p).max()), int(other.sum()), 1e6 * best / len(rows[:TIMED_ROWS])
        )

    @cached_property
    def speed(self) -> tuple[float, float]:
        """The fastest of a few timings.

        Other processes on this machine may slow some of them. One row is timed as it is answered: by the compiled bundle, if
        there is one, and by the processor's time.
        """
        rows = self.split.holdout
        many = rows.iloc[:: -(-len(rows) // SPEED_ROWS)]
        many = many.iloc[np.resize(np.arange(len(many)), max(len(many), LEAST_SPEED_ROWS))]
        self.bundle.score(rows.iloc[:1])
        proof = self.compiled
        one = 1e-6 * proof.microseconds if proof is not None else self._seconds_of_one(rows)
        return 1000 * one, len(many) / min(self._seconds(many) for _ in range(2))

    @cached_property
    def megabytes(self) -> float:
        """The size of all its files."""
        return sum(path.stat().st_size for path in self.bundle.folder.iterdir()) / 1e6

    @property
    def _label(self) -> str:
        return self.bundle.outputs.column

    @property
    def _learnt(self) -> pd.DataFrame:
        return self.split.development

    @cached_property
    def _sides(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return thin(self._learnt, LEARNT), thin(self.split.holdout, JUDGED)

    @cached_property
    def _in_time(self) -> Floats:
        return self._refitted(*self._sides, 0)

    def _y(self, rows: pd.DataFrame) -> Bools:
        return self.bundle.outputs.matrix(rows[self._label])

    def _dealt(self, rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        return rows.assign(**{self._label: rows[self._label].to_numpy()[rng.permutation(len(rows))]})

    def _loss(self, rows: pd.DataFrame, p: Floats) -> float:
        return float(log_losses(self._y(rows), p, exclusive=self.bundle.outputs.exclusive).mean())

    def _seconds_of_one(self, rows: pd.DataFrame) -> float:
        each = (rows.iloc[[place % len(rows)]] for place in range(ONE_ROW_TIMES))
        return min(_processor_seconds(lambda one=one: self.bundle.score(one)) for one in each)  # type: ignore[misc]

    def _seconds(self, rows: pd.DataFrame) -> float:
        begun = time.perf_counter()
        self.bundle.score(rows)
        return time.perf_counter() - begun

    def _refitted(self, learnt: pd.DataFrame, judged: pd.DataFrame, seed: int) -> Floats:
        """Refit the pipeline and score other rows.

        The probabilities are not calibrated; shape (n, K).
        """
        outputs, features = self.bundle.outputs, self.bundle.card.features
        pipeline = clone(self.bundle.pipeline)
        pipeline.set_params(**_quick(pipeline, seed))
        with parallel.one_order_of_sums(), parallel.one_thread():
            pipeline.fit(model_input(learnt, features), targets(outputs, self._y(learnt)))
            return predict(pipeline, outputs, model_input(judged, features))

    def _ranked(self, learnt: pd.DataFrame, known: Bools) -> tuple[Floats, Floats]:
        """Encode both sides' features as numbers.

        A category becomes its smoothed mean label in the learnt rows, a text its length.
        """
        features = self.bundle.card.features
        x, held = model_input(learnt, features), model_input(self.split.holdout, features)
        outcome = known.argmax(axis=1) if self.bundle.outputs.exclusive else known.any(axis=1)
        for name, kind in features.items():
            if kind == "categorical":
                means = pd.Series(outcome.astype(float)).groupby(x[name].to_numpy()).agg(["sum", "count"])
                rank = (means["sum"] + SMOOTH * outcome.mean()) / (means["count"] + SMOOTH)
                x[name], held[name] = x[name].map(rank).astype(float), held[name].map(rank).astype(float)
            elif kind == "text":
                x[name], held[name] = x[name].str.len().astype(float), held[name].str.len().astype(float)
        return x.to_numpy(dtype="float64"), held.to_numpy(dtype="float64")

    def _probabilities(self, tree: DecisionTreeClassifier, held: Floats, shares: Floats) -> Floats:
        """Return a tree's probabilities, shape (n, K)."""
        outputs, found = self.bundle.outputs, tree.predict_proba(held)
        if outputs.kind == "multilabel":
            sides = zip(found, tree.classes_, strict=True)
            return np.column_stack([p[:, 1] if len(c) > 1 else np.full(len(p), float(c[0])) for p, c in sides])
        if outputs.kind == "binary":
            return np.asarray(found[:, 1:])
        p = np.tile(np.zeros_like(shares), (len(held), 1))
        p[:, tree.classes_] = found
        return p


@contextmanager
def probing(classifier: Classifier, bundle: Bundle, split: Split, y: Bools, nights: Rows) -> Iterator[Probing]:
    """Probe a challenger; another process loads its bundle meanwhile.

    Args:
        y: labels of the holdout, shape (n, K).
        nights: each held-out row's partition, as a number.
    """
    with ThreadPoolExecutor(1) as pool:
        reloaded = pool.submit(score_afresh, bundle, split.holdout.iloc[:PARITY_ROWS])
        yield Probing(classifier, bundle, split, y, nights, reloaded)


def score_afresh(bundle: Bundle, rows: pd.DataFrame) -> Floats:
    """Score rows in a new process.

    The process loads the bundle from its files; rows travel by pipes.

    Raises:
        BundleError: it fails, or takes too long.
    """
    sent = pa.Table.from_pandas(rows[list(bundle.card.features)], preserve_index=False)
    command = [sys.executable, "-m", score_in_new_process.__name__, str(bundle.folder.absolute())]
    try:
        rows_in = score_in_new_process.packed(sent)
        done = subprocess.run(command, input=rows_in, capture_output=True, timeout=FRESH_SECONDS, check=True)  # noqa: S603
    except (subprocess.SubprocessError, OSError) as error:
        lines = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().splitlines()
        raise BundleError(
            f"loading the bundle {bundle.folder.name} in a new process",
            problem="the bundle does not load and score there",
            found=lines[-1] if lines else str(error),
            hint="make the libraries of its model available there, then train again with `leeway train NAME`",
        ) from error
    return np.column_stack([column.to_numpy() for column in score_in_new_process.unpacked(done.stdout).columns])


def thin(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Thin rows to at most `most`, in order.

    Every n-th row is kept.
    """
    return rows.iloc[:: -(-len(rows) // most) or 1]


def _hostile(rows: pd.DataFrame, features: Mapping[str, Kind]) -> Iterator[pd.DataFrame]:
    """Yield rows of which one column has a value that nobody has seen, or none."""
    strange: dict[str, list[Any]] = {
        "categorical": ["\0 never seen \0", None],
        "text": ["", "\u202e 1️⃣ Ünï…\n" * 50],
    }
    for name, kind in features.items():
        for value in strange.get(kind, [np.nan, np.inf, -1e30, 0.0]):
            yield rows.iloc[:2].astype({name: "object"}).assign(**{name: [value, value]})


def _processor_seconds(act: Callable[[], object]) -> float:
    begun = time.process_time()
    act()
    return time.process_time() - begun


def _drawn(count: int, seed: int) -> Rows:
    drawn = np.random.default_rng(seed).choice(count, round(KEPT * count), replace=False)
    return np.asarray(np.sort(drawn))


def _quick(model: Any, seed: int) -> dict[str, Any]:
    """Return the parameters of a cheap refit.

    It has another seed, and no more boosting steps or trees than the probe needs.
    """
    known, found = model.get_params(), {}
    for name, value in known.items():
        owner, _, own = name.rpartition("__")
        boosts = (f"{owner}__learning_rate" if owner else "learning_rate") in known
        if own == "random_state" and (value is None or isinstance(value, int)):
            found[name] = seed
        elif (own == "n_estimators" or (own == "max_iter" and boosts)) and isinstance(value, int):
            found[name] = min(value, STEPS)
    return found
