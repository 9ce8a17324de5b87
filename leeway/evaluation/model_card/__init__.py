"""The model card of a version: what it is, how good, for whom, and how to make it again; as HTML and as Markdown."""

from leeway.evaluation.model_card.content import Content, gather
from leeway.evaluation.model_card.rendering import as_html, as_markdown

__all__ = ["Content", "as_html", "as_markdown", "gather"]
