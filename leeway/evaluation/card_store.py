"""The store of model cards.

A card is in the storage, for the pages, and with its version in MLflow.
"""

from pathlib import Path

from leeway.core.errors import NotFound
from leeway.evaluation import model_card
from leeway.evaluation.model_card import Content
from leeway.lifecycle import registry
from leeway.store import storage

HTML, MARKDOWN = "model_card.html", "model_card.md"


def publish(content: Content) -> None:
    """Store a version's model card.

    An earlier card of the version is replaced.

    Raises:
        StoreError: a storage refuses.
    """
    page = model_card.as_html(content)
    action = f"writing the model card of {content.name} version {content.version}"
    with storage.replacing(path_of(content.name, content.version), action) as beside:
        beside.write_text(page, encoding="utf-8")
    registry.log_card(content.name, content.version, {HTML: page, MARKDOWN: model_card.as_markdown(content)})


def path_of(name: str, version: int) -> Path:
    """Return the path of a model card."""
    return storage.place("cards", name, f"{version}.html")


def page(name: str, version: int) -> bytes:
    """Return a model card's HTML page.

    Raises:
        NotFound: the version has no card.
    """
    path = path_of(name, version) if storage.is_plain(name) else None  # the name may come from a URL
    if path is None or not storage.exists(path):
        raise NotFound(
            f"finding the model card of {name} version {version}",
            problem="the version has no model card",
            hint=f"see `leeway versions {name}`, or train again with `leeway train {name}`",
        )
    return storage.read(path)
