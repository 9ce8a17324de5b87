"""Where model cards are kept: in the storage, for the pages, and with their versions in MLflow."""

from pathlib import Path

from leeway.core.errors import NotFound
from leeway.evaluation import model_card
from leeway.evaluation.model_card import Content
from leeway.lifecycle import registry
from leeway.store import storage

HTML, MARKDOWN = "model_card.html", "model_card.md"


def publish(content: Content) -> None:
    """Keep a model card, in place of an earlier one of the version.

    Raises:
        StoreError: a storage refuses.
    """
    page = model_card.as_html(content)
    action = f"writing the model card of {content.name} version {content.version}"
    with storage.replacing(path_of(content.name, content.version), action) as beside:
        beside.write_text(page, encoding="utf-8")
    registry.log_card(content.name, content.version, {HTML: page, MARKDOWN: model_card.as_markdown(content)})


def path_of(name: str, version: int) -> Path:
    """Where a model card lies."""
    return storage.place("cards", name, f"{version}.html")


def page(name: str, version: int) -> bytes:
    """The HTML page of a model card.

    Raises:
        NotFound: there is none.
    """
    path = path_of(name, version) if storage.is_plain(name) else None  # whatever was asked for as a name
    if path is None or not storage.exists(path):
        raise NotFound(
            f"finding the model card of {name} version {version}",
            problem="its gates must have been asked since there are model cards",
            hint=f"see `leeway versions {name}`, or train again",
        )
    return storage.read(path)
