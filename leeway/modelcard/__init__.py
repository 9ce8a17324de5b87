"""The model card of a version: what it is, how good, for whom, and how to make it again; as HTML and as Markdown."""

from leeway.modelcard.content import Content, gather
from leeway.modelcard.rendering import as_html, as_markdown

__all__ = ["Content", "as_html", "as_markdown", "gather"]
