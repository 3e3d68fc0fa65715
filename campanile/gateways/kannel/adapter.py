"""Kannel as a ``Gateway``: messages through its ``sendsms``, and what it calls back from the receiver's spool.

Facts: Kannel's user guide, "Using the HTTP interface to send SMS messages" and "Delivery reports", and what 1.4.5
does in our tests. It gives no message id and can be asked nothing afterwards: our reference is the id.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from campanile.gateways.callbacks.history import histories_of
from campanile.gateways.callbacks.spool import has_receiver
from campanile.gateways.callbacks.table import check_callback_url, check_secret
from campanile.gateways.credentials import GatewayAccess
from campanile.gateways.http import Answer, HttpClient, HttpRules
from campanile.gateways.kannel.callbacks import CALLBACKS, REPLIES, REPORTS, report_url
from campanile.gateways.validity import PASSED, seconds_left
from campanile.sms.errors import ConfigurationError, GatewayDenied, GatewayUnreachable
from schemas.gateway import (
    Balance,
    Batch,
    DeliveryReport,
    IncomingReply,
    Manifest,
    Outcome,
    OutgoingMessage,
    Page,
    ProviderOptOut,
    Resolution,
    SenderRule,
    SubmitOutcome,
)

MANIFEST = Manifest(
    gateway="kannel",
    batch_size=1,
    concurrency=4,
    resolution=Resolution.NEITHER,
    key_life_seconds=0.0,
    look_up_lag_seconds=0.0,
    # Of a small contract with an operator; SMS_SEGMENTS_PER_SECOND says what yours allows.
    segments_per_second=10.0,
    gateway_concatenates=True,
    splits_surrogates=True,
    unit="EUR",
    history_days=90,
    # Operators choose how long they try; a week is the longest that SMPP centers usually allow.
    report_horizon_hours=168.0,
    has_balance=False,
    sender_rules={
        # Kannel has no number of its own for STOP: beside a name the text itself must say how to stop.
        ("*", "alphanumeric"): SenderRule(can_be_answered=False, stop_mention=""),
        ("*", "short_code"): SenderRule(can_be_answered=True, stop_mention=""),
    },
)

SENDSMS = "/cgi-bin/sendsms"
CODINGS = {"GSM-7": 0, "UCS-2": 2}
"""Always given: with none, Kannel replaces by a question mark what GSM-7 lacks, and says nothing."""
ALL_REPORTS = 31
ACCEPTED_CODES = ("0:", "3:")
"""Accepted for delivery; queued, for the operator cannot be reached now."""
REFUSALS = frozenset({
    "Missing receiver number, rejected",
    "Empty receiver number not allowed, rejected",
    "Number(s) has/have been denied by white- and/or black-lists.",
    "Charset or body misformed, rejected",
    "Not routable. Do not try again.",
})  # fmt: skip
"""What concerns one message only. Any other refusal would meet the next message too: a person must act."""


class KannelGateway:
    """One Kannel and one receiver.

    ``gateway_message_id`` is our own ``client_ref``: Kannel gives nothing else to know a message by.
    """

    manifest = MANIFEST
    callbacks: Mapping[str, Callable[[str], Page[Any]]] = {}

    def __init__(self, access: GatewayAccess) -> None:
        self._user = {"username": access.need("username"), "password": access.need("password")}
        self._secret = check_secret(access.need("callback_secret"))
        self._callback_url = check_callback_url("kannel", access.need("callback_url"))
        self._spool = access.spool
        self._histories = histories_of(self._spool, CALLBACKS.readers)
        rules = HttpRules(
            refused_statuses=frozenset({404}),
            returned_statuses=frozenset({400, 403}),
            unavailable_means_not_accepted=True,
            secrets=(*self._user.values(), self._secret),
        )
        self._http = HttpClient(access.need("url"), {}, access.deadline_seconds, rules=rules)

    def submit(self, batch: Batch, not_after: float) -> Sequence[SubmitOutcome]:
        """Hand one message over.

        Kannel counts validity in whole minutes. With less than one left a message is rejected and not sent: it will
        not be worth more later, and what is "not accepted" would be claimed again at once, until its time is over.
        """
        if not batch.messages:
            return ()
        [message] = batch.messages
        minutes = seconds_left(message, batch) / 60
        if minutes < 1:
            return [SubmitOutcome(message.client_ref, Outcome.REJECTED, reason=PASSED)]
        params = self._params(message) | ({} if math.isinf(minutes) else {"validity": int(minutes)})
        answer = self._http.request("GET", SENDSMS, params=params, not_after=not_after)
        return [self._read_outcome(message.client_ref, answer)]

    def look_up(self, batch: Batch) -> Sequence[SubmitOutcome]:
        """Tell nothing: only a delivery report, or a person, can.

        Raises:
            GatewayDenied: always, but for no message at all.
        """
        if not batch.messages:
            return ()
        raise GatewayDenied("Kannel knows no message again: an unknown one waits for its report, or for a person")

    def delivery_reports(self, cursor: str) -> Page[DeliveryReport]:
        """Return reports after ``cursor``."""
        return self._page(REPORTS, cursor)

    def replies(self, cursor: str) -> Page[IncomingReply]:
        """Return replies after ``cursor``."""
        return self._page(REPLIES, cursor)

    def opt_outs(self, cursor: str) -> Page[ProviderOptOut]:
        """Return none: Kannel keeps no opt-outs. A STOP is a reply."""
        return Page((), cursor)

    def balance(self) -> Balance:
        """Raise: there is none to tell.

        Raises:
            ConfigurationError: always.
        """
        raise ConfigurationError("Kannel tells no balance: record what you bought with record-top-up")

    def _params(self, message: OutgoingMessage) -> dict[str, str | int]:
        return {
            **self._user,
            "from": message.sender_id,
            "to": message.msisdn,
            "text": message.text,
            "coding": CODINGS[message.encoding],
            "charset": "UTF-8",
            "dlr-mask": ALL_REPORTS,
            "dlr-url": report_url(self._callback_url, self._secret, message.client_ref),
        }

    def _read_outcome(self, client_ref: str, answer: Answer) -> SubmitOutcome:
        words = answer.text.strip()
        if answer.status == 202 and words.startswith(ACCEPTED_CODES):
            return SubmitOutcome(client_ref, Outcome.ACCEPTED, client_ref)
        if answer.status < 300:
            raise self._http.unreadable("GET", SENDSMS, answer, "neither 0: nor 3:")
        if words in REFUSALS:
            return SubmitOutcome(client_ref, Outcome.REJECTED, reason=words)
        raise self._http.denied("GET", SENDSMS, answer)

    def _page(self, history: str, cursor: str) -> Page[Any]:
        """Return a page of the spool.

        Raises:
            GatewayUnreachable: there is nothing to read and nobody receives: "nothing came" would be a guess.
        """
        page = self._histories[history](cursor)
        if page.cursor == cursor and not has_receiver(self._spool):
            raise GatewayUnreachable(
                f"no receiver writes to {self._spool}: start python -m campanile.gateways.callbacks"
            )
        return page


def open_gateway(access: GatewayAccess) -> KannelGateway:
    """Return the Kannel that the settings name."""
    return KannelGateway(access)
