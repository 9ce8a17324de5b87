"""The versions: promotions, refusals, cards and differences."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from leeway.core.errors import NotFound
from leeway.evaluation import card_store
from leeway.lifecycle import registry
from leeway.lifecycle.registry import Promotion
from leeway.model.bundle import Card
from leeway.store import storage
from leeway.views.words import number

SHOWN = ("roc_auc", "average_precision", "precision", "recall", "f1", "log_loss", "calibration_error")
PLAIN = ("trial", "as_of", "trained_until", "holdout_from", "holdout_until", "rows", "positives", "snapshot", "seed")


@dataclass(frozen=True)
class Difference:
    """One difference between two versions."""

    what: str
    one: str
    two: str


def history(name: str) -> list[Promotion]:
    """Return all promotions and refusals, newest first."""
    return registry.history(name)


def champion(past: list[Promotion]) -> Promotion | None:
    """Return the champion, by the history."""
    return next((item for item in past if item.outcome != "refused"), None)


def before(past: list[Promotion]) -> Promotion | None:
    """Return the champion that a roll-back brings back.

    None where there was no champion before.
    """
    return registry.before(past)


def card(name: str, version: int) -> Card:
    """Return a version's card from its bundle.

    Raises:
        NotFound: the history has no decision on the version.
        BundleError: the bundle is missing or altered.
    """
    found = next((item for item in registry.history(name) if item.version == version), None)
    if found is None:
        raise NotFound(
            f"reading the card of version {version} of {name}",
            problem="the history has no decision on it",
            hint=f"see `leeway versions {name}`",
        )
    return registry.described(name, found)[0]


def has_card(name: str, version: int) -> bool:
    """Return whether a version has a full model card."""
    return storage.exists(card_store.path_of(name, version))


def differences(one: Card, two: Card) -> list[Difference]:
    """Return the differences between two versions.

    Metrics come first, then training, then features and libraries.
    """
    return [
        *(_differing(f"holdout: {name}", one.metrics.get(name), two.metrics.get(name)) for name in SHOWN),
        *(
            _differing(f"threshold of {name}", _threshold(one, name), _threshold(two, name))
            for name in dict.fromkeys([*one.classes, *two.classes])
        ),
        *(_differing(name.replace("_", " "), _plain(one, name), _plain(two, name)) for name in PLAIN),
        *_features(one.features, two.features),
        *(
            _differing(f"library {name}", one.libraries.get(name), two.libraries.get(name))
            for name in sorted({*one.libraries, *two.libraries})
            if one.libraries.get(name) != two.libraries.get(name)
        ),
    ]


def facts(card: Card) -> dict[str, str]:
    """Return a card's facts in words."""
    metrics = {name.replace("_", " "): _text(card.metrics.get(name)) for name in SHOWN}
    made = {name.replace("_", " "): _text(_plain(card, name)) for name in PLAIN}
    thresholds = {f"threshold of {name}": _text(_threshold(card, name)) for name in card.classes if card.costs is None}
    return {**metrics, **thresholds, **made, "features": f"{len(card.features)}", "calibration": card.calibration[0]}


def _differing(what: str, one: Any, two: Any) -> Difference:
    return Difference(what, _text(one), _text(two))


def _features(one: Mapping[str, str], two: Mapping[str, str]) -> list[Difference]:
    return [
        Difference(f"feature {name}", one.get(name, "–"), two.get(name, "–"))
        for name in sorted({*one, *two})
        if one.get(name) != two.get(name)
    ]


def _threshold(card: Card, name: str) -> float | None:
    return card.thresholds[card.classes.index(name)] if name in card.classes and card.costs is None else None


def _plain(card: Card, name: str) -> Any:
    value = asdict(card)[name]
    return (
        value[:12]
        if name == "snapshot"
        else value[:16].replace("T", " ")
        if isinstance(value, str) and "T" in value
        else value
    )


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {number(count)}" for name, count in value.items())
    return number(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)
