"""Prefect's server as ``prefect server start`` runs it, behind a login and for the names of this machine only.

A page on the web can give its own name our address (DNS rebinding) and then talks to us from a browser on this
machine: what such a request says in ``Host`` is refused here before Prefect sees it, websockets included.
"""

import sys

import uvicorn
from prefect.server.api.server import create_app
from prefect.settings import get_current_settings
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from campanile.file_permissions import keep_private

LOCAL_NAMES = ("127.0.0.1", "localhost")


def build_app() -> ASGIApp:
    """Return Prefect's application, restricted to requests of this machine."""
    return TrustedHostMiddleware(create_app(final=True), allowed_hosts=LOCAL_NAMES, www_redirect=False)


def main() -> None:
    """Serve until a signal."""
    keep_private()
    settings = get_current_settings().server
    if settings.api.auth_string is None:
        sys.exit("the server: PREFECT_SERVER_API_AUTH_STRING is not set; an API without a login lets anybody run code")
    if settings.api.host not in LOCAL_NAMES:
        sys.exit(f"the server: PREFECT_SERVER_API_HOST is {settings.api.host}; it must be one of {LOCAL_NAMES}")
    uvicorn.run(
        build_app(),
        host=settings.api.host,
        port=settings.api.port,
        timeout_keep_alive=settings.api.keepalive_timeout,
        ws_ping_interval=settings.api.websocket_ping_interval,
        ws_ping_timeout=settings.api.websocket_ping_timeout,
        log_level=settings.logging_level.lower(),
        server_header=False,
    )


if __name__ == "__main__":
    main()
