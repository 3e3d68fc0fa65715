"""Access to Prefect's API. It must need a login: its users can run programs as the account of its workers."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_SERVER_API_AUTH_STRING,
    temporary_settings,
)

from campanile.sms.errors import SmsError

REFUSED = frozenset({401, 403})


@contextmanager
def temporary_login() -> Iterator[None]:
    """Give the temporary server that Prefect starts without PREFECT_API_URL a random login, inside the block."""
    if PREFECT_API_URL.value() is not None:
        yield
        return
    login = f"campanile:{secrets.token_urlsafe(32)}"
    with temporary_settings({PREFECT_API_AUTH_STRING: login, PREFECT_SERVER_API_AUTH_STRING: login}):
        yield


def describe_access() -> str:
    """Return how the API that records this run is protected.

    Raises:
        SmsError: it answers a request without a login.
    """
    url = PREFECT_API_URL.value()
    if url is None:
        return "no server is set (PREFECT_API_URL): a temporary server records this run"
    try:
        with SyncPrefectClient(url) as client:
            client.api_version()
    except PrefectHTTPStatusError as error:
        if error.response.status_code in REFUSED:
            return f"{url} requires a login"
        raise SmsError(f"{url} answers {error.response.status_code} to a request without a login") from error
    raise SmsError(
        f"{url} answers without a login: any account of this machine can run programs as your account. Set "
        "PREFECT_SERVER_API_AUTH_STRING for the server and PREFECT_API_AUTH_STRING for its clients (docs/security.md)"
    )
