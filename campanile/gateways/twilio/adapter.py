"""Twilio: one message a request, found again by its recipient, its text and its time.

Facts: https://www.twilio.com/docs/messaging/api/message-resource and https://www.twilio.com/docs/api/errors, read in
November 2026. Where they are silent the reading is the one that cannot send twice.
"""

import math
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from campanile.gateways.answer_fields import read_id
from campanile.gateways.callbacks.history import histories_of
from campanile.gateways.callbacks.table import check_callback_url
from campanile.gateways.credentials import GatewayAccess
from campanile.gateways.history_cursor import HistoryCursor, HistoryPage, read_on
from campanile.gateways.http import HttpClient, HttpRules
from campanile.gateways.twilio.answers import (
    created_at,
    may_be,
    read_balance,
    read_created,
    read_numbers,
    read_page,
    read_price,
    read_reply,
    read_report,
    sent_at,
)
from campanile.gateways.twilio.callbacks import CALLBACKS, status_url
from campanile.gateways.twilio.codes import REPORT_WORDS
from campanile.gateways.validity import PASSED, seconds_left
from campanile.sms.errors import ConfigurationError, GatewayAmbiguous
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
from schemas.report_words import PENDING

MANIFEST = Manifest(
    gateway="twilio",
    batch_size=1,
    concurrency=10,
    resolution=Resolution.LOOK_UP,
    key_life_seconds=0.0,
    look_up_lag_seconds=60.0,
    # Of a name as sender; a number of one's own does 1, a short code 100: then SMS_SEGMENTS_PER_SECOND says so.
    segments_per_second=10.0,
    gateway_concatenates=True,
    unit="USD",
    history_days=390,
    # A message is tried for ten hours (ValidityPeriod); some operators report a day or two later, or never.
    report_horizon_hours=72.0,
    reply_ids_are_unique=True,
    sender_rules={
        # Twilio has no number of its own for STOP: beside a name the text itself must say how to stop.
        ("*", "alphanumeric"): SenderRule(can_be_answered=False, stop_mention=""),
        ("*", "short_code"): SenderRule(can_be_answered=True, stop_mention=""),
    },
)

READING = HttpRules(refused_statuses=frozenset({400, 404}))
# 401 and 429 are the same everywhere; in these a code tells what is wrong.
SUBMITTING = HttpRules(returned_statuses=frozenset({400, 403, 404}))

PAGE_SIZE = 500
MAX_PAGES = 20
MOST_NUMBERS = 1000
"""Of each kind: of an account with more, the replies to some would be missed."""
LONGEST_VALIDITY_SECONDS = 36_000
CLOCK_SKEW = timedelta(hours=1)
"""How far our clock and Twilio's may differ before a look-up would miss a message."""
CLOCK_DRIFT = timedelta(seconds=30)
"""How far they usually do: a trace older than that may be of an earlier message with the same text."""


@dataclass(frozen=True, slots=True)
class CalledBack:
    """The address at which Twilio reaches the receiver, and the folder in which that keeps what Twilio says."""

    url: str
    spool: Path


class TwilioGateway:
    """One Twilio account as a ``Gateway``.

    The sender is always the one that was approved. With a messaging service it must stand in the sender pool of that
    service, whose settings (opt-outs, for one) then hold.
    """

    manifest = MANIFEST

    def __init__(
        self,
        base_url: str,
        account_sid: str,
        auth_token: str,
        messaging_service_sid: str = "",
        deadline_seconds: float = 10.0,
        called_back: CalledBack | None = None,
    ) -> None:
        if not re.fullmatch(r"AC[0-9a-f]{32}", account_sid):
            raise ConfigurationError("SMS_TWILIO_ACCOUNT_SID must be AC and 32 hexadecimal digits")
        pair = b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        open_client = partial(HttpClient, base_url, {"Authorization": f"Basic {pair}"}, deadline_seconds)
        self._reader = open_client(rules=replace(READING, secrets=(auth_token,)))
        self._sender = open_client(rules=replace(SUBMITTING, secrets=(auth_token,)))
        self._account = f"/2010-04-01/Accounts/{account_sid}"
        self._service = messaging_service_sid
        self._numbers: tuple[str, ...] = ()
        self._status_url = status_url(called_back.url) if called_back else ""
        self.callbacks = histories_of(called_back.spool, CALLBACKS.readers) if called_back else {}

    def submit(self, batch: Batch, not_after: float) -> Sequence[SubmitOutcome]:
        """Hand one message over."""
        if not batch.messages:
            return ()
        [message] = batch.messages
        seconds = seconds_left(message, batch)
        if seconds < 1:
            return [SubmitOutcome(message.client_ref, Outcome.REJECTED, reason=PASSED)]
        form = {
            "To": message.msisdn,
            "From": _sender(message.sender_id),
            "Body": message.text,
            # What was approved and priced is sent to the letter.
            "SmartEncoded": "false",
            "ValidityPeriod": str(math.floor(min(seconds, LONGEST_VALIDITY_SECONDS))),
        }
        if self._service:
            form["MessagingServiceSid"] = self._service
        if self._status_url:
            form["StatusCallback"] = self._status_url
        reader = partial(read_created, message.client_ref)
        return [self._sender.read("POST", f"{self._account}/Messages.json", reader, form=form, not_after=not_after)]

    def look_up(self, batch: Batch) -> Sequence[SubmitOutcome]:
        """Tell what became of earlier messages."""
        return [self._look_up(message, batch.since) for message in batch.messages]

    def _look_up(self, message: OutgoingMessage, since: datetime) -> SubmitOutcome:
        """Search all that was ever sent to this number: one that still waits has no DateSent to be found by."""
        listed = self._messages({"To": message.msisdn})
        traces = [item for item in listed if may_be(item, message.text) and created_at(item) >= since - CLOCK_SKEW]
        if not traces:
            return SubmitOutcome(message.client_ref, Outcome.NOT_ACCEPTED, reason="Twilio shows no trace of it")
        if len(traces) == 1 and self._is_surely(traces[0], message, since):
            found = traces[0]
            return SubmitOutcome(message.client_ref, Outcome.ACCEPTED, read_id(found["sid"]), None, read_price(found))
        return SubmitOutcome(
            message.client_ref, Outcome.UNKNOWN, reason=f"Twilio shows {len(traces)} messages that could be this one"
        )

    def _is_surely(self, item: Any, message: OutgoingMessage, since: datetime) -> bool:
        # Where a messaging service sends, From may stay empty until it does.
        is_ours = item["from"] == _sender(message.sender_id) or (
            not item["from"] and item["messaging_service_sid"] == self._service
        )
        return is_ours and bool(item["body"]) and created_at(item) >= since - CLOCK_DRIFT

    def delivery_reports(self, cursor: str) -> Page[DeliveryReport]:
        """Return what became of messages; those still on their way are no report yet."""
        return read_on(cursor, self._report_page)

    def _report_page(self, current: HistoryCursor) -> HistoryPage[DeliveryReport]:
        items, next_page = self._page(current.next_page or _query(current))
        sent = [item for item in items if item["direction"] != "inbound"]
        reports = [read_report(item) for item in sent if REPORT_WORDS.words.get(item["status"]) != PENDING]
        listed = [(sent_at(item), REPORT_WORDS.words.get(item["status"], PENDING) == PENDING) for item in sent]
        return HistoryPage(reports, listed, next_page, self._reader.answered_at)

    def replies(self, cursor: str) -> Page[IncomingReply]:
        """Return what people wrote to any number or short code of the account."""
        return read_on(cursor, self._reply_page)

    def _reply_page(self, current: HistoryCursor) -> HistoryPage[IncomingReply]:
        """Ask by our own numbers, one after the other: without them the list would be of all we sent, too.

        The next page is a number, and the page of its list: empty for the first one.
        """
        number, _, page = current.next_page.partition(" ")
        numbers = self._own_numbers(reads_again=not number)
        number = number or next(iter(numbers), "")
        if not number:
            return HistoryPage([], [], "", self._reader.answered_at)
        items, more = self._page(page or _query(current) | {"To": number})
        replies = [read_reply(item) for item in items if item["direction"] == "inbound"]
        following = number if more else next((other for other in numbers if other > number), "")
        next_page = f"{following} {more}" if following else ""
        listed = [(reply.received_at, False) for reply in replies]
        return HistoryPage(replies, listed, next_page, self._reader.answered_at)

    def _own_numbers(self, *, reads_again: bool) -> Sequence[str]:
        """Return the numbers and short codes of the account, sorted; asked once a round."""
        if reads_again or not self._numbers:
            numbers = self._read_numbers("IncomingPhoneNumbers", "incoming_phone_numbers", "phone_number")
            codes = self._read_numbers("SMS/ShortCodes", "short_codes", "short_code")
            self._numbers = tuple(sorted({*numbers, *codes}))
        return self._numbers

    def _read_numbers(self, resource: str, items: str, name: str) -> list[str]:
        path = f"{self._account}/{resource}.json"
        reader = partial(read_numbers, items, name)
        return self._reader.read("GET", path, reader, params={"PageSize": MOST_NUMBERS})

    def opt_outs(self, cursor: str) -> Page[ProviderOptOut]:
        """Return none: Twilio lists no opt-outs. A STOP is a reply, and 21610 tells of the others."""
        return Page((), cursor)

    def balance(self) -> Balance:
        """Return the account's balance, in the currency of the account."""
        return self._reader.read("GET", f"{self._account}/Balance.json", read_balance)

    def _messages(self, query: dict[str, str]) -> list[Any]:
        """Return all messages of a query.

        Raises:
            GatewayAmbiguous: there are too many to tell, or the list has no end.
        """
        pages = list(islice(self._pages(query), MAX_PAGES + 1))
        if len(pages) > MAX_PAGES:
            raise GatewayAmbiguous(f"GET {self._account}/Messages.json: more than {MAX_PAGES} pages for one number")
        return [item for page in pages for item in page]

    def _pages(self, query: dict[str, str]) -> Iterator[list[Any]]:
        items, next_page = self._page(query)
        yield items
        seen = set[str]()
        while next_page:
            if next_page in seen:
                raise GatewayAmbiguous(f"GET {self._account}/Messages.json: a page leads back to an earlier one")
            seen.add(next_page)
            items, next_page = self._page(next_page)
            yield items

    def _page(self, query: str | dict[str, str]) -> tuple[list[Any], str]:
        """Return a page and where the list goes on, given a query or what the page before said."""
        path = f"{self._account}/Messages.json"
        reader = partial(read_page, path)
        if isinstance(query, str):
            return self._reader.read("GET", query, reader)
        return self._reader.read("GET", path, reader, params=query | {"PageSize": PAGE_SIZE})


def open_gateway(access: GatewayAccess) -> TwilioGateway:
    """Return the account that the settings name."""
    url, service = access.need_url("twilio.com"), access.options.get("messaging_service_sid", "")
    called_back = None
    if callback_url := access.options.get("callback_url"):
        called_back = CalledBack(check_callback_url("twilio", callback_url), access.spool)
    sid, token = access.need("account_sid"), access.need("auth_token")
    return TwilioGateway(url, sid, token, service, access.deadline_seconds, called_back)


def _sender(sender_id: str) -> str:
    """Return a sender as Twilio writes it: a number of our own with its plus, a short code or a name as it is."""
    return f"+{sender_id}" if sender_id.isdigit() and len(sender_id) > 6 else sender_id


def _query(current: HistoryCursor) -> dict[str, str]:
    start = current.starts_at
    return {} if start is None else {"DateSent>": f"{start.astimezone(UTC):%Y-%m-%d}"}
