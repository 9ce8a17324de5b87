"""The renderings of a model card."""

from functools import cache
from typing import Any

from leeway.evaluation.model_card.content import Content


def as_html(content: Content) -> str:
    """Render one HTML file that needs no network."""
    return str(_templates().get_template("card.html.j2").render(card=content))


def as_markdown(content: Content) -> str:
    """Render Markdown, with words in place of drawings."""
    return str(_templates().get_template("card.md.j2").render(card=content))


@cache
def _templates() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    made = Environment(
        loader=PackageLoader("leeway", "evaluation/model_card"),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["cell"] = lambda text: " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")
    return made
