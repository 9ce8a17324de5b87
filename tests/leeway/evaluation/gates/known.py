"""Evidence whose every value is known."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from leeway.core.intervals import Interval
from leeway.core.metrics import summary
from leeway.definition import CSV, Classifier, Gates, Label, boolean, categorical, numeric
from leeway.evaluation.gates import CompiledProof, Evidence, Seeds, SingleFeature

SOUND, CHANCE = SingleFeature(0.7, 0.01), SingleFeature(0.51, 0.01)


@dataclass
class Known:
    """What doing would find out."""

    baselines: dict
    label_permutation: SingleFeature = CHANCE
    single_feature_auc: dict = field(default_factory=lambda: {"amount": SOUND, "kind": SingleFeature(0.6, 0.01)})
    suspicions: tuple = ()
    importance: dict = field(
        default_factory=lambda: {"amount": Interval(0.1, 0.09, 0.11), "kind": Interval(0.05, 0.04, 0.06)}
    )
    temporal_shift: tuple | None = (0.4, 0.39)
    seeds: Seeds | None = None
    reloaded_scores: tuple | None = None
    speed: tuple = (5.0, 100_000.0)
    megabytes: float = 1.0
    compiled: CompiledProof | None = CompiledProof(500, 1e-16, 0, 45.0)  # noqa: RUF009


def known(y, p):
    """What is found out about a sound challenger; y and p of shape (n, K)."""
    shares = np.tile(y.mean(axis=0), (len(y), 1)) if len(y) else p
    return Known(
        {"the share": shares, "a rule on amount": 0.7 * shares + 0.3 * p},
        seeds=Seeds(y, (p, np.clip(p + 0.01, 0, 1)), 1000),
        reloaded_scores=(p[:100], p[:100].copy()),
    )


def classifier(**gates):
    return Classifier(
        source=CSV(path="x"),
        event_id="id",
        event_time="at",
        label=Label(column="bad", time="known"),
        columns={
            "amount": numeric(),
            "kind": categorical(),
            "sex": categorical(sensitive=True),
            "member": boolean(feature=False),
        },
        gates=Gates(**{"floors": {"roc_auc": 0.7, "log_loss": 0.6}, "calibration_error": 0.1, **gates}),
    )


def evidence_of(challenger, champion=None, *, y=None, nights=10, columns=None, known_at_event=(), **gates):
    """Evidence of equally large nights.

    Args:
        known_at_event: columns of which a person has said that they are.
    """
    p, y = np.asarray(challenger, dtype=float)[:, None], y[:, None]
    champion = None if champion is None else champion[:, None]
    declared = classifier(**gates)
    columns_of = {
        name: column.model_copy(update={"known_at_event": True}) if name in known_at_event else column
        for name, column in declared.columns.items()
    }
    declared = declared.model_copy(update={"columns": columns_of})
    outputs = declared.label.outputs
    rows = pd.DataFrame(
        {"amount": np.arange(len(p), dtype=float), "kind": ["a", "b"] * (len(p) // 2) + ["a"] * (len(p) % 2)}
    )
    return Evidence(
        classifier=declared,
        outputs=outputs,
        y=y,
        challenger=p,
        champion=champion,
        partitions=np.array([f"night {row * nights // max(1, len(p)):02}" for row in range(len(p))], dtype=str),
        fair=np.ones(len(p), dtype=bool),
        metrics=summary(outputs, y, p, p >= 0.5),
        decided=p >= 0.5,
        columns=rows if columns is None else columns,
        probe=known(y, p),
    )


def truth(count=2000, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.beta(0.6, 0.9, count)
    return p, rng.random(count) < p
