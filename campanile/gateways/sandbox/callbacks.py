"""Callbacks of the sandbox, as ``docs/sandbox.md`` describes them: lists in JSON, each signed with a shared secret."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from campanile.gateways.callbacks.table import CallbackRequest, CallbackTable, Read, check_callback_secret
from campanile.gateways.http import parse_json
from campanile.gateways.sandbox.answers import opt_outs_of, replies_of, reports_of

SIGNATURE = "x-sandbox-signature"
ITEMS_AT_ONCE = 100
"""Items of one callback."""


def signature_of(secret: str, history: str, body: str) -> str:
    """Return the signature of a callback: HMAC-SHA256 over the history and the body, in hexadecimal digits.

    The history is part of it, so that a reply cannot be sent again as something else.
    """
    return hmac.new(secret.encode(), f"{history}\n{body}".encode("latin-1"), "sha256").hexdigest()


def is_signed(request: CallbackRequest, options: Mapping[str, str]) -> bool:
    """Return whether the sandbox of this secret sent a request."""
    expected = signature_of(options["callback_secret"], request.history, request.body)
    given = request.headers.get(SIGNATURE, "")
    return hmac.compare_digest(given.encode(), expected.encode()) and not request.secret


def _reader(items_of: Callable[[Any], Sequence[object]]) -> Read:
    def read(content: str, received_at: datetime) -> Sequence[object]:
        return items_of(parse_json(content))

    return read


CALLBACKS = CallbackTable(
    needed=("callback_secret",),
    is_genuine=is_signed,
    readers={"reports": _reader(reports_of), "replies": _reader(replies_of), "opt_outs": _reader(opt_outs_of)},
    check=check_callback_secret,
)
