"""The content of a model card.

It is made of tables and drawings that any rendering can show.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from markupsafe import Markup

from leeway.core import intervals
from leeway.core.metrics import Floats, log_losses
from leeway.core.outputs import describe
from leeway.evaluation.gates import Evidence
from leeway.evaluation.gates.better_than_champion import NAME as BETTER
from leeway.evaluation.gates.slices import NAME as SLICES
from leeway.evaluation.gates.slicing import cut
from leeway.evaluation.model_card import curves
from leeway.evaluation.model_card.measuring import Measured, measured
from leeway.lifecycle import open_questions
from leeway.lifecycle.verdict import GateVerdict, admitted
from leeway.model.bundle import Bundle, Card
from leeway.profiling.questions import ANSWER

SHOWN_CLASSES, SHOWN_SLICES, SHOWN_COLUMNS, DRAWN_COLUMNS, DRAWN_BINS, MIN_ROWS = 3, 12, 20, 3, 14, 30
EVERY_TRADEOFF = 3  # every third threshold of the bundle's card is shown
GATES = "Gates"
LOWER_IS_BETTER = "lower is better"


@dataclass(frozen=True)
class CardTable:
    """A table of texts."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Drawing:
    """A drawing and its description."""

    title: str
    svg: Markup
    words: str = ""


@dataclass(frozen=True)
class Content:
    """A model card.

    Attributes:
        facts: facts about the version, by name.
        reproduce: commands, and the results that they must give.
    """

    name: str
    version: int
    admitted: bool
    facts: dict[str, str]
    tables: list[CardTable]
    drawings: list[Drawing]
    reproduce: dict[str, str] = field(default_factory=dict)

    @property
    def first(self) -> int:
        """How many tables stand before the drawings: those up to the gates'."""
        return next((place + 1 for place, table in enumerate(self.tables) if table.title == GATES), 2)


def gather(
    evidence: Evidence,
    bundle: Bundle,
    verdicts: Sequence[GateVerdict],
    *,
    version: int,
    checksum: str,
    compared_with: int | None,
) -> Content:
    """Build a card from the gates' evidence.

    Args:
        compared_with: the champion's version at that time.
    """
    card = bundle.card
    tables = [
        _questions(evidence, verdicts),
        _metrics(evidence, compared_with),
        _gates(verdicts),
        *_slices(evidence, verdicts),
        _importance(evidence),
        _odds_ratios(card),
        _thresholds(card, evidence),
        _tradeoffs(card, exclusive=evidence.outputs.exclusive),
        _calibrated(card),
        _calibration(card),
        _search(card),
    ]
    return Content(
        name=card.classifier,
        version=version,
        admitted=admitted(list(verdicts)),
        facts=_facts(card, verdicts, compared_with),
        tables=[table for table in tables if table.rows],
        drawings=[*_curves(evidence, card), *_dependence(evidence, bundle)],
        reproduce={
            "command": f"leeway train {card.classifier} --as-of {card.as_of}",
            "snapshot": card.snapshot,
            "bundle": card.key,
            "checksum": checksum,
            "with": ", ".join(f"{name} {number}" for name, number in card.libraries.items()),
        },
    )


def _facts(card: Card, verdicts: Sequence[GateVerdict], compared_with: int | None) -> dict[str, str]:
    gain = next((item.why for item in verdicts if item.gate == BETTER), "")
    return {
        "learnt as of": card.as_of[:16].replace("T", " "),
        "label": f"{card.kind}: {', '.join(card.classes)}",
        "learnt from": f"{card.rows:,} events until {card.trained_until[:10]}, {describe(card.positives)}",
        "window": str(card.window or "the definition's"),
        "held out": f"{card.holdout_from[:10]} to {card.holdout_until[:10]}, {card.metrics.get('rows', 0):,} events",
        "model": card.trial,
        "calibration": ", ".join(dict.fromkeys(card.calibration)),
        "thresholds": "none: the class with the least expected cost is chosen"
        if card.costs is not None
        else ", ".join(f"{name} {value:.4g}" for name, value in zip(card.classes, card.thresholds, strict=True)),
        "compared with": f"version {compared_with}: {gain}"
        if compared_with is not None
        else "no champion: the share of the label and a rule",
        "features": f"{len(card.features)}: {', '.join(card.features)}",
    }


def _metrics(evidence: Evidence, compared_with: int | None) -> CardTable:
    mine = measured(evidence.outputs, evidence.y, evidence.challenger, evidence.nights, evidence.decided)
    its: dict[str, Measured] = {}
    if evidence.champion is not None:
        its = measured(evidence.outputs, evidence.y, evidence.champion, evidence.nights, None)
    head = ["metric", "holdout", "95 % interval"]
    if its:
        head.append(f"version {compared_with}, the same rows")
    rows = [
        [
            name.replace("_", " "),
            f"{item.value:.4f}",
            f"{item.low:.4f} to {item.high:.4f}",
            *([_of(its, name)] if its else []),
        ]
        for name, item in mine.items()
    ]
    note = (
        "Intervals: by drawing partitions with replacement, of shares by Wilson. "
        "With several classes: the mean, each class against the rest."
    )
    return CardTable("Metrics on the holdout", head, rows, note)


def _of(its: dict[str, Measured], name: str) -> str:
    return f"{its[name].value:.4f}" if name in its else "–"


def _questions(evidence: Evidence, verdicts: Sequence[GateVerdict]) -> CardTable:
    """Build the table of what only a person can know."""
    asked = open_questions.of_evidence(evidence.classifier, [asdict(verdict) for verdict in verdicts])
    rows = [[item.asks, f"{'it' if len(item.columns) == 1 else 'they'} {item.why}"] for item in asked]
    note = f"Answer in the definition: {ANSWER}."
    return CardTable("Only you can know", ["question", "why it is asked"], rows, note)


def _gates(verdicts: Sequence[GateVerdict]) -> CardTable:
    rows = [[verdict.gate, verdict.outcome, verdict.why] for verdict in verdicts]
    return CardTable(GATES, ["gate", "outcome", "why"], rows, "A challenger is promoted only if no gate fails.")


def _slices(evidence: Evidence, verdicts: Sequence[GateVerdict]) -> Iterator[CardTable]:
    """Yield the tables of slices.

    They show where the log loss is highest, and what the gate has tested.
    """
    losses = log_losses(evidence.y, evidence.challenger, exclusive=evidence.outputs.exclusive)
    found: list[tuple[float, list[str]]] = []
    columns, features = evidence.columns, evidence.classifier.features
    for name in () if columns is None else [str(name) for name in columns]:
        if evidence.classifier.is_sensitive(name) or features.get(name) == "text" or columns is None:
            continue
        parts = cut(columns[name])
        for code, label in enumerate(parts.names):
            rows = parts.codes == code
            if rows.sum() < MIN_ROWS:
                continue
            loss = intervals.mean(losses[rows], evidence.nights[rows])
            shares = [f"{values[rows].mean():.3f}" for values in (evidence.y[:, 0], evidence.challenger[:, 0])]
            shown = [label, f"{rows.sum():,}", *(shares if not evidence.outputs.several else ()), str(loss)]
            found.append((-loss.value, shown))
    head = ["slice", "events", *(("share", "mean score") if not evidence.outputs.several else ()), "log loss"]
    yield CardTable("Slices with the highest log loss", head, [row for _, row in sorted(found)[:SHOWN_SLICES]])
    tested = next((verdict.numbers for verdict in verdicts if verdict.gate == SLICES), {})
    rows_of = [
        [kind, name, f"{item['rows']:,}", f"{item['champion']:.4f}", f"{item['worse']:+.4f}", f"{item['p']:.3f}"]
        for kind in ("declared", "found")
        for name, item in tested.get(kind, {}).items()
    ]
    heads = ["", "slice", "events", "champion's log loss", "challenger's difference", "p"]
    note = "p: of the hypothesis that the challenger is not worse there, corrected by Holm."
    yield CardTable("Slices compared with the champion", heads, rows_of, note)


def _importance(evidence: Evidence) -> CardTable:
    found = {} if evidence.probe is None else evidence.probe.importance
    rows = [
        [name, f"{item.value:.5f}", f"{item.low:.5f} to {item.high:.5f}"]
        for name, item in list(found.items())[:SHOWN_COLUMNS]
    ]
    note = "The rise of the holdout's log loss when the column's values are shuffled."
    return CardTable("Importance", ["column", "log loss", "95 % interval"], rows, note)


def _odds_ratios(card: Card) -> CardTable:
    rows = [
        [name, term, f"{times:.3g}"]
        for name, terms in itertools.islice(card.odds_ratios.items(), SHOWN_CLASSES)
        for term, times in itertools.islice(terms.items(), SHOWN_COLUMNS)
    ]
    note = "Of the logistic regression: for one standard deviation more; for a category, compared with no category."
    return CardTable("Odds ratios", ["class", "term", "odds times"], rows, note)


def _thresholds(card: Card, evidence: Evidence | None = None) -> CardTable:
    """Build the table of thresholds, or of costs."""
    if card.costs is not None:
        costs = [[name, *(f"{cost:g}" for cost in row)] for name, row in zip(card.classes, card.costs, strict=True)]
        head = ["true class", *(f"decided {name}" for name in card.classes)]
        note = f"Each event gets the class with the least expected cost. {_earned(evidence, np.array(card.costs))}"
        return CardTable("What decisions cost", head, costs, note)
    known = card.threshold_intervals or [None] * len(card.classes)
    person = [] if card.review is None else [f"{card.review[0]:.4g} to {card.review[1]:.4g}"]
    rows = [
        [name, f"{value:.4g}", "–" if within is None else f"{within[0]:.4g} to {within[1]:.4g}", *person]
        for name, value, within in zip(card.classes, card.thresholds, known, strict=True)
    ]
    head = ["class", "threshold", "95 % interval", *(["a person decides"] if person else [])]
    learnt = "Chosen on out-of-fold scores; the intervals are bootstrapped."
    note = learnt if any(known) else "They follow from the objective, not from rows."
    return CardTable("Thresholds", head, rows, note)


def _earned(evidence: Evidence | None, costs: Floats) -> str:
    """Describe what decisions on the holdout cost.

    The cost of choosing the likeliest class stands beside it.
    """
    if evidence is None or evidence.decided is None:
        return ""
    holds, likeliest = evidence.y.argmax(axis=1), evidence.challenger.argmax(axis=1)
    means = [float(costs[holds, decided].mean()) for decided in (evidence.decided.argmax(axis=1), likeliest)]
    return f"On the holdout an event costs {means[0]:.4g}; it would cost {means[1]:.4g} if the likeliest class were chosen."


def _tradeoffs(card: Card, *, exclusive: bool) -> CardTable:
    """Build the table of other thresholds' effects.

    Exclusive classes have none: no threshold acts by itself.
    """
    shown = {} if exclusive else dict(itertools.islice(card.tradeoffs.items(), SHOWN_CLASSES))
    points = [(name, point) for name, curve in shown.items() for point in curve[::EVERY_TRADEOFF]]
    measures = list(points[0][1]) if points else []
    rows = [[name, *(f"{point[measure]:.4g}" for measure in measures)] for name, point in points]
    note = "On out-of-fold scores; flagged: the share of events, cost: of an event, by the objective."
    return CardTable("Other thresholds", ["class", *measures], rows, note)


def _calibrated(card: Card) -> CardTable:
    rows = [
        [name, f"{of['error']:.4f}", f"{of['low']:.4f} to {of['high']:.4f}"]
        + [f"{of[part]:.4f}" for part in ("brier", "reliability", "resolution", "uncertainty")]
        for name, of in card.calibrated.items()
    ]
    head = ["class", "error", "95 % interval", "Brier score", "reliability", "resolution", "uncertainty"]
    note = (
        "Error: the root mean square difference between shares and scores, less the sampling noise. "
        "The Brier score is, within bins of equal scores, reliability less resolution plus uncertainty (Murphy 1973)."
    )
    return CardTable("Calibration on the holdout", head, rows, note)


def _calibration(card: Card) -> CardTable:
    rows = [[method, f"{loss:.5f}"] for method, loss in card.calibration_losses.items()]
    return CardTable("Calibration", ["method", "log loss out of fold"], rows, LOWER_IS_BETTER.capitalize() + ".")


def _search(card: Card) -> CardTable:
    kept = card.members or {card.trial: 1.0}
    rows = [
        [
            trial,
            f"{metric:.5f}",
            f"{card.search_shares.get(trial, 1):.0%}",
            f"{kept[trial]:.2f}" if trial in kept else "",
        ]
        for trial, metric in card.search.items()
    ]
    rows += [[trial, why, "", ""] for trial, why in card.search_failures.items() if trial not in card.search]
    note = "; ".join(text for text in (card.cut_short, *card.notes) if text)
    return CardTable("Trials", ["trial", "out of fold", "share of rows", "weight"], rows, note)


def _curves(evidence: Evidence, card: Card) -> Iterator[Drawing]:
    """Draw the curves of the commonest classes."""
    order = np.argsort(-evidence.y.sum(axis=0), kind="stable")[:SHOWN_CLASSES]
    for k in order:
        y, p = evidence.y[:, k], evidence.challenger[:, k]
        if y.all() or not y.any():
            continue
        of = f" of {evidence.outputs.names[k]}" if evidence.outputs.several else ""
        yield Drawing(f"ROC curve{of}", *curves.roc(y, p))
        yield Drawing(
            f"Precision and recall{of}",
            *curves.precision_recall(y, p, None if evidence.decided is None else evidence.decided[:, k]),
        )
        yield Drawing(f"Reliability{of}", *curves.reliability(y, p))


def _dependence(evidence: Evidence, bundle: Bundle) -> Iterator[Drawing]:
    """Draw the mean score by the most important columns.

    The monitor's reference holds these means (Friedman 2001).
    """
    reference, important = bundle.reference, {} if evidence.probe is None else evidence.probe.importance
    shown = [name for name in important if name in reference.effects and not evidence.classifier.is_sensitive(name)]
    for name in [one for one in shown if reference.binnings[one].lengths is None][:DRAWN_COLUMNS]:
        effects: Any = np.asarray(reference.effects[name])
        names = _bins(reference.binnings[name].edges, reference.binnings[name].values)
        of = f" of {bundle.outputs.names[0]}" if bundle.outputs.several else ""
        every = -(-len(names) // DRAWN_BINS)
        shown_effects = effects[: len(names) : every, 0].tolist()
        yield Drawing(f"Mean score{of} by {name}", *curves.steps(names[::every], shown_effects))


def _bins(edges: Sequence[float] | None, values: Sequence[str] | None) -> list[str]:
    if values is not None:
        return list(values)
    shown = [f"{edge:.4g}" for edge in edges or ()]
    between = [f"{low} to {high}" for low, high in itertools.pairwise(shown)]
    return [f"up to {shown[0]}", *between, f"above {shown[-1]}"] if shown else ["all"]
