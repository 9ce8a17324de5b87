"""The nights' HTML reports and the versions' model cards at addresses that stay, and pages that list the reports.

`/reports/{classifier}/{partition}`, `/cards/{classifier}/{version}`

uvicorn dashboards.report_server:app
"""

import html
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from leeway.core.errors import LeewayError, NotFound
from leeway.core.settings import settings
from leeway.evaluation import card_store
from leeway.monitoring import report_index
from leeway.monitoring.report_index import NightReport

# A report is one file of its own: whatever a value in it says, it reaches nothing else.
ALONE = {
    "Content-Security-Policy": "sandbox allow-scripts allow-popups; default-src 'none'; img-src data: blob:; "
    "font-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval' blob:; worker-src blob:",
    "X-Content-Type-Options": "nosniff",
}
STYLE = "font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:1.5em auto;padding:0 1em;color:#1f2328"


class Name(StringConvertor):
    """A name or a partition in an address: anything that a database and a file system can hold, which a NUL they cannot."""

    regex = r"[^/\x00]+"


register_url_convertor("name", Name())


def index(request: Request) -> Response:
    """Every classifier with its last verdict."""
    rows = [told for name in report_index.classifiers() for told in report_index.last(name, 1)]
    cells = [(f'<a href="/reports/{_(told.classifier)}">{_(told.classifier)}</a>', *_told(told)) for told in rows]
    empty = "No partition has been monitored yet: reports appear here with the first night."
    return _page("Reports", ("classifier", "last partition", "verdict", "why"), cells, empty)


def of_classifier(request: Request) -> Response:
    """The last partitions of one classifier."""
    name = request.path_params["classifier"]
    cells = [_told(told) for told in report_index.last(name)]
    return _page(_(name), ("partition", "verdict", "why"), cells, "Nothing has been monitored under this name.")


def of_partition(request: Request) -> Response:
    """The report itself."""
    return HTMLResponse(report_index.page(**request.path_params), headers=ALONE)


def of_version(request: Request) -> Response:
    """The model card of a version."""
    return HTMLResponse(
        card_store.page(request.path_params["classifier"], request.path_params["version"]), headers=ALONE
    )


def health(request: Request) -> Response:
    """That this process answers."""
    return PlainTextResponse("ok")


def refused(request: Request, error: Exception) -> Response:
    """An error as the one line that it is."""
    return PlainTextResponse(str(error), status_code=404 if isinstance(error, NotFound) else 503)


def _told(told: NightReport) -> tuple[str, ...]:
    link = f"/reports/{_(told.classifier)}/{_(told.partition)}"
    return f'<a href="{link}">{_(told.partition)}</a>', _(told.verdict), _(told.why)


def _page(title: str, heads: Iterable[str], rows: list[tuple[str, ...]], empty: str) -> Response:
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    table = (
        f'<table cellpadding="6" style="text-align:left"><tr>{head}</tr>{body}</table>' if rows else f"<p>{empty}</p>"
    )
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Leeway: {title}</title><body style="{STYLE}">'
        f'<p><a href="/">Reports</a></p><h1>{title}</h1>{table}</body></html>'
    )


def _hosts() -> list[str]:
    """The names that this page goes by: this machine's own, and the one that people know."""
    known = urlsplit(settings().reports_url).hostname
    return ["127.0.0.1", "localhost", *([known] if known else [])]


_ = html.escape

app = Starlette(
    routes=[
        Route("/", index),
        Route("/health", health),
        Route("/reports/{classifier:name}", of_classifier),
        Route("/reports/{classifier:name}/{partition:name}", of_partition),
        Route("/cards/{classifier:name}/{version:int}", of_version),
    ],
    # Another site's page must not read this one by a name that it has pointed here.
    middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_hosts())],
    exception_handlers={LeewayError: refused},
)
