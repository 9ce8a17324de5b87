"""Prefect's server behind a door: `python -m flows.server`, in place of `prefect server start`.

Prefect takes any Host and answers any page. A page elsewhere could reach it by a name that it lets point here.
"""

import argparse

import uvicorn
from prefect.server.api.server import create_app
from prefect.settings import get_current_settings
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HERE = "127.0.0.1,localhost"


class OwnPages:
    """Refuse what a browser sends for another page than Prefect's own; programs name no page.

    And these pages may ask nobody else: one of Prefect's two sets of them asks a maker of statistics.
    """

    def __init__(self, app: ASGIApp, origins: list[str]) -> None:
        self._app, self._origins = app, origins
        sockets = [origin.replace("http", "ws", 1) for origin in origins]
        self._policy = " ".join(["connect-src 'self'", *origins, *sockets, "data: blob:"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may pass."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["content-security-policy"] = self._policy
            await send(message)

        origin = Headers(scope=scope).get("origin") if scope["type"] in ("http", "websocket") else None
        if origin is None or origin in self._origins:
            await self._app(scope, receive, sent)
        else:
            await PlainTextResponse("this page may not ask", status_code=403)(scope, receive, send)


def guarded(app: ASGIApp, hosts: list[str], origins: list[str]) -> ASGIApp:
    """Put the door before a server.

    Args:
        hosts: the names by which it may be called; their ports do not matter.
        origins: the pages that may ask it.
    """
    names = [host.strip().partition(":")[0] for host in hosts if host.strip()]
    return TrustedHostMiddleware(OwnPages(app, origins), allowed_hosts=names, www_redirect=False)


def main() -> None:
    """Serve, as `prefect server start` does: by the same settings, with its background services unless told otherwise."""
    parser = argparse.ArgumentParser(prog="python -m flows.server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4200)
    parser.add_argument("--no-services", action="store_true", help="its background services run elsewhere")
    parser.add_argument("--allowed-hosts", default=HERE, help="the names by which it may be called")
    given = parser.parse_args()
    server = get_current_settings().server
    app = create_app(final=True, webserver_only=given.no_services)
    uvicorn.run(
        guarded(app, given.allowed_hosts.split(","), server.api.cors_allowed_origins.split(",")),
        host=given.host,
        port=given.port,
        timeout_keep_alive=server.api.keepalive_timeout,
        ws_ping_interval=server.api.websocket_ping_interval,
        ws_ping_timeout=server.api.websocket_ping_timeout,
        log_level=server.logging_level.lower(),
    )


if __name__ == "__main__":
    main()
