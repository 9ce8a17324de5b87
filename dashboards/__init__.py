"""Views over what the library has stored."""

from collections.abc import Callable
from importlib import import_module
from typing import cast

from leeway.views.pages import Page


def body_of(page: Page) -> Callable[[], None]:
    """What shows a page: the function `page` of the module with its name."""
    return cast(Callable[[], None], import_module(f"dashboards.{page.name}").page)
