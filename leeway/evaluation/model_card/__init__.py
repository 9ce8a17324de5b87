"""Model cards, as HTML and as Markdown."""

from leeway.evaluation.model_card.content import Content, gather
from leeway.evaluation.model_card.rendering import as_html, as_markdown

__all__ = ["Content", "as_html", "as_markdown", "gather"]
