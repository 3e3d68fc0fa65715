"""What each gateway contributes to the receiver: its addresses, how a request is authenticated, and how it is read.

Addresses are ``/<gateway>/<history>``, or ``/<gateway>/<secret>/<history>`` where the secret is in the address. The
histories are those that are also polled: ``reports``, ``replies``, ``opt_outs``.
"""

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from campanile.sms.errors import ConfigurationError

Read = Callable[[str, datetime], Sequence[object]]
"""Reads the content of a callback and the time at which it came. It returns the items, none if there is nothing to
keep, and raises one of ``http.UNREADABLE`` if it cannot be read."""

_SECRET = re.compile(r"[A-Za-z0-9_-]{16,}")


@dataclass(frozen=True, slots=True)
class CallbackRequest:
    """One request, whole.

    Attributes:
        history: the last part of its path.
        secret: the part of the path before it; empty: there is none.
        query: the query of the address, percent-encoded.
        body: its body, each byte one character.
        headers: by their names in small letters.
    """

    history: str
    secret: str = ""
    query: str = ""
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> str:
        """What is kept of it: its parameters, of the address and of a form, or its body."""
        return "&".join(part for part in (self.query, self.body) if part)


@dataclass(frozen=True, slots=True)
class CallbackTable:
    """The callbacks of one gateway.

    Attributes:
        needed: the settings of the gateway (without its name) without which it cannot call back.
        is_genuine: whether the gateway sent a request, under these settings; compares in constant time.
        readers: how the content is read, by history.
        methods: the HTTP methods of its requests.
        answer: the body of the answer, and its media type.
        check: raises ``ConfigurationError`` if a setting cannot be right.
    """

    needed: tuple[str, ...]
    is_genuine: Callable[[CallbackRequest, Mapping[str, str]], bool]
    readers: Mapping[str, Read]
    methods: frozenset[str] = frozenset({"POST"})
    answer: tuple[str, str] = ("", "text/plain")
    check: Callable[[Mapping[str, str]], None] = lambda options: None


def has_secret(request: CallbackRequest, options: Mapping[str, str]) -> bool:
    """Return whether the secret in the address is that of the settings."""
    return hmac.compare_digest(request.secret.encode(), options["callback_secret"].encode())


def check_secret(secret: str) -> str:
    """Return a secret that needs no encoding in an address.

    Raises:
        ConfigurationError: it cannot, or it is short enough to be guessed.
    """
    if not _SECRET.fullmatch(secret):
        raise ConfigurationError("the callback secret must be 16 or more letters, digits, - or _")
    return secret


def check_callback_secret(options: Mapping[str, str]) -> None:
    """Check the setting ``callback_secret``."""
    check_secret(options["callback_secret"])


def check_callback_url(gateway: str, url: str) -> str:
    """Return the address at which a gateway reaches the receiver, without a slash at its end.

    Raises:
        ConfigurationError: it is none.
    """
    if not re.fullmatch(r"https?://[^\s?#%@]+", url):
        raise ConfigurationError(
            f"SMS_{gateway.upper()}_CALLBACK_URL is {url!r}: it must be http(s)://host[:port][/path]"
        )
    return url.rstrip("/")
