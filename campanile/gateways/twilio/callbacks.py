"""Callbacks of Twilio: what became of a message (``StatusCallback``), and what people write to a number.

Sources, read in November 2026: https://www.twilio.com/docs/usage/security (the signature),
https://www.twilio.com/docs/messaging/guides/track-outbound-message-status (the parameters of a status) and
https://www.twilio.com/docs/messaging/guides/webhook-request (those of an incoming message).
"""

import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl

from campanile.gateways.answer_fields import read_id
from campanile.gateways.callbacks.table import CallbackRequest, CallbackTable, check_callback_url
from campanile.gateways.twilio.answers import report_of
from campanile.gateways.twilio.codes import REPORT_WORDS
from campanile.sms.rules.replies.verdicts import START, verdict_by_rules
from schemas.gateway import DeliveryReport, IncomingReply
from schemas.report_words import PENDING

SIGNATURE = "x-twilio-signature"
NO_ANSWER = ("<Response/>", "text/xml")
"""TwiML that says nothing: the person gets no message."""


def signature_of(auth_token: str, url: str, form: str) -> str:
    """Return the signature of a request: HMAC-SHA1 over its address and the sorted parameters of its body.

    Args:
        auth_token: of the account.
        url: as Twilio was given it, with its query.
        form: the body of a POST, percent-encoded.
    """
    fields = sorted(set(parse_qsl(form, keep_blank_values=True)))
    signed = url + "".join(name + value for name, value in fields)
    return b64encode(hmac.new(auth_token.encode(), signed.encode(), "sha1").digest()).decode()


def status_url(callback_url: str) -> str:
    """Return the ``StatusCallback`` of a message."""
    return f"{callback_url}/twilio/reports"


def is_signed(request: CallbackRequest, options: Mapping[str, str]) -> bool:
    """Return whether Twilio signed a request for this account."""
    query = f"?{request.query}" if request.query else ""
    url = f"{options['callback_url'].rstrip('/')}/twilio/{request.history}{query}"
    expected = signature_of(options["auth_token"], url, request.body)
    given = request.headers.get(SIGNATURE, "")
    account = dict(parse_qsl(request.body)).get("AccountSid")
    is_ours = account == options["account_sid"]
    return hmac.compare_digest(given.encode(), expected.encode()) and is_ours and not request.secret


def read_report(content: str, received_at: datetime) -> list[DeliveryReport]:
    """Return the report of a status callback; none while the message is on its way.

    Raises:
        KeyError, ValueError: it is no status callback.
    """
    fields = _fields(content)
    sid, status, code = read_id(fields["MessageSid"]), read_id(fields["MessageStatus"]), fields.get("ErrorCode")
    if REPORT_WORDS.words.get(status) == PENDING:
        return []
    return [report_of(sid, status, int(code) if code and code != "0" else None, received_at)]


def read_reply(content: str, received_at: datetime) -> list[IncomingReply]:
    """Return the reply of a callback; none if it is a START, which counts when Twilio's list gives it with its time.

    A callback has no time, and its signature holds for ever. So a request that somebody kept and sends again is known
    by its id only, and a store that does not have the id would take an old START for a new one.

    Raises:
        KeyError, ValueError: it is no incoming message.
    """
    fields = _fields(content)
    if verdict_by_rules(fields["Body"]) == START:  # guard: start-has-time
        return []
    return [IncomingReply(read_id(fields["MessageSid"]), read_id(fields["From"]), fields["Body"], received_at)]


def _fields(content: str) -> dict[str, str]:
    return dict(parse_qsl(content, keep_blank_values=True))


def _check(options: Mapping[str, str]) -> None:
    check_callback_url("twilio", options["callback_url"])


CALLBACKS = CallbackTable(
    needed=("callback_url", "account_sid", "auth_token"),
    is_genuine=is_signed,
    readers={"reports": read_report, "replies": read_reply},
    answer=NO_ANSWER,
    check=_check,
)
