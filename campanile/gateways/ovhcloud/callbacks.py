"""Callbacks of OVHcloud: they name a message, and what is said of it is then read from OVHcloud itself.

A callback has no signature and does not say whose message it is about, so nothing but its ``id`` is used. Somebody who
knows the secret can make us ask for a message again, and no more.

Sources, read in November 2026: the guide "Tout savoir sur les utilisateurs SMS" of https://docs.ovhcloud.com (``id``,
``ptt``, ``date``, ``description`` and ``descriptionDlr`` are appended to the query of the address for delivery
reports). No guide lists what the address for replies gets; https://github.com/ovh/docs/issues/1496 complains of it.
Programs that use it read ``id``, ``senderid``, ``message``, ``shortcode`` and ``tag`` from a form.
"""

import re
from datetime import datetime
from urllib.parse import parse_qsl

from campanile.gateways.callbacks.table import CallbackTable, check_callback_secret, has_secret
from campanile.gateways.ovhcloud.answers import is_pending_receipt

_ID = re.compile(r"[0-9]{1,18}")


def read_report(content: str, received_at: datetime) -> list[int]:
    """Return the id of the message that a callback is about; none while the message is on its way.

    Raises:
        KeyError, ValueError: it names no message.
    """
    fields = _fields(content)
    number = _id_of(fields)
    return [] if is_pending_receipt(fields.get("description", "")) else [number]


def read_reply(content: str, received_at: datetime) -> list[int]:
    """Return the id of the reply that a callback is about.

    Raises:
        KeyError, ValueError: it names none.
    """
    return [_id_of(_fields(content))]


def _id_of(fields: dict[str, str]) -> int:
    if not _ID.fullmatch(fields["id"]):
        raise ValueError("id is no number")
    return int(fields["id"])


def _fields(content: str) -> dict[str, str]:
    return dict(parse_qsl(content, keep_blank_values=True))


CALLBACKS = CallbackTable(
    needed=("callback_secret",),
    is_genuine=has_secret,
    readers={"reports": read_report, "replies": read_reply},
    methods=frozenset({"GET", "POST"}),
    check=check_callback_secret,
)
