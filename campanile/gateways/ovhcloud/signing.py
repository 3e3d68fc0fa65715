"""The signature that OVHcloud wants on each request, made with the time of its own clock.

https://docs.ovhcloud.com, "First steps with the OVHcloud APIs": ``$1$`` and the SHA-1 of secret, consumer key, method,
whole address, body and time, joined by plus signs.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

from campanile.gateways.http import HttpClient, HttpRules
from campanile.gateways.transport import clock
from campanile.sms.errors import GatewayAmbiguous, GatewayUnreachable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Keys:
    """What OVHcloud gives to an application, and to whoever let it in."""

    application_key: str
    application_secret: str = field(repr=False)
    consumer_key: str = field(repr=False)


class SignedClient:
    """Speaks to everything below ``account``, the path of one account."""

    def __init__(self, base_url: str, account: str, keys: Keys, deadline_seconds: float) -> None:
        rules = HttpRules(
            refused_statuses=frozenset({400, 404}),
            secrets=(keys.application_secret,),
            max_body_bytes=100_000_000,  # the ids of a whole history
        )
        headers = {"X-Ovh-Application": keys.application_key, "X-Ovh-Consumer": keys.consumer_key}
        self._http = HttpClient(base_url, headers, deadline_seconds, rules=rules)
        self._base_url = base_url.rstrip("/")
        self._account = account
        self._keys = keys
        self._ahead_seconds: float | None = None

    def read(
        self,
        method: str,
        path: str,
        reader: Callable[[Any], T],
        document: object = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        not_after: float = math.inf,
    ) -> T:
        """Send a signed request and return what ``reader`` makes of its answer.

        Raises:
            GatewayError: as ``http`` says.
        """
        path = f"{self._account}{path}" + (f"?{urlencode(query)}" if query else "")
        body = "" if document is None else json.dumps(document, ensure_ascii=False)
        timestamp = str(self.timestamp(not_after))
        signature = {
            "X-Ovh-Timestamp": timestamp,
            "X-Ovh-Signature": self._signature(method, path, body, timestamp),
            "Content-Type": "application/json; charset=utf-8",
        }
        return self._http.read(
            method, path, reader, body=body, headers={**signature, **(headers or {})}, not_after=not_after
        )

    def timestamp(self, not_after: float = math.inf) -> int:
        """Return OVHcloud's time, asked once and then carried on by a clock that counts sleep.

        Raises:
            GatewayUnreachable: it cannot be read, so nothing else was asked.
        """
        ahead_seconds = self._ahead_seconds
        if ahead_seconds is None:
            ahead_seconds = self._ahead_seconds = self._ask_time(not_after) - clock()
        return round(ahead_seconds + clock())

    def _ask_time(self, not_after: float) -> int:
        why = ""
        try:
            return self._http.read("GET", "/auth/time", int, not_after=not_after)
        except GatewayAmbiguous as error:
            why = str(error)
        raise GatewayUnreachable(f"nothing but the time was asked: {why}")

    def _signature(self, method: str, path: str, body: str, timestamp: str) -> str:
        keys = self._keys
        parts = (keys.application_secret, keys.consumer_key, method, self._base_url + path, body, timestamp)
        # Theirs to choose: SHA-1 is what they check.
        return "$1$" + hashlib.sha1("+".join(parts).encode(), usedforsecurity=False).hexdigest()
