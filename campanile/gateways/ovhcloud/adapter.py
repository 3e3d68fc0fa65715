"""OVHcloud: signed requests, up to 500 receivers of one text a job, found again by the tag of the job.

Facts: https://eu.api.ovh.com/console/?section=/sms and https://docs.ovhcloud.com (the SMS guides), read in November
2026. Where they are silent the reading is the one that cannot send twice.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from campanile.gateways.answer_fields import read_id, read_instant
from campanile.gateways.callbacks.history import read_callbacks
from campanile.gateways.callbacks.spool import Callback
from campanile.gateways.credentials import GatewayAccess
from campanile.gateways.history_cursor import HistoryCursor, HistoryPage, read_on
from campanile.gateways.ovhcloud import callbacks as called
from campanile.gateways.ovhcloud.answers import (
    _TAG,
    TAG_LENGTH,
    digest_of,
    digits,
    is_known_pending,
    is_pending,
    message_id,
    plus,
    read_balance,
    read_ids,
    read_present,
    read_price,
    read_reply,
    read_report,
    read_values,
)
from campanile.gateways.ovhcloud.signing import Keys, SignedClient
from campanile.gateways.validity import PASSED, seconds_left
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

STOP_MENTION = " STOP 36111"
"""What OVHcloud adds to marketing by itself: eleven characters, with the short code that it listens to."""

MANIFEST = Manifest(
    gateway="ovhcloud",
    batch_size=500,
    concurrency=2,
    resolution=Resolution.LOOK_UP,
    key_life_seconds=0.0,
    look_up_lag_seconds=120.0,
    # Depends on the account; the guides speak of tens a second.
    segments_per_second=30.0,
    gateway_concatenates=True,
    unit="credit",
    history_days=180,
    # A message is tried for 48 hours (validityPeriod); a day more for a report that is late.
    report_horizon_hours=72.0,
    one_text_a_batch=True,
    looks_up_by_request=True,  # by the tag of its job
    sender_rules={
        ("*", "alphanumeric"): SenderRule(can_be_answered=False, stop_mention=STOP_MENTION),
        # OVHcloud chooses the short code, and blocks a link beside it.
        ("*", "short_code"): SenderRule(can_be_answered=True, stop_mention="", allows_links=False),
    },
)

DETAILS_AT_ONCE = 50
PAGE_SIZE = 500
MAX_PENDING = 2_000


class OvhcloudGateway:
    """One SMS account of OVHcloud as a ``Gateway``."""

    manifest = MANIFEST

    def __init__(self, client: SignedClient, spool: Path | None = None) -> None:
        self._client = client
        self.callbacks: dict[str, Callable[[str], Page[Any]]] = {}
        if spool is not None:
            self.callbacks = {
                "reports": partial(read_callbacks, spool, "reports", self._reports_called_back, limit=PAGE_SIZE),
                "replies": partial(read_callbacks, spool, "replies", self._replies_called_back, limit=PAGE_SIZE),
            }

    def submit(self, batch: Batch, not_after: float) -> Sequence[SubmitOutcome]:
        """Hand a batch over once: one job for all its receivers.

        A number that stands in it twice gets the first of its messages; the others were not sent, and come again.
        """
        if not batch.messages:
            return ()
        first = batch.messages[0]
        if seconds_left(first, batch) < 60:
            return [SubmitOutcome(item.client_ref, Outcome.REJECTED, reason=PASSED) for item in batch.messages]
        reader = partial(_read_submit, batch)
        return self._client.read("POST", "/jobs", reader, document=_job(batch), not_after=not_after)

    def look_up(self, batch: Batch) -> Sequence[SubmitOutcome]:
        """Tell what became of an earlier batch.

        A job that waits has no tag: then nobody knows whether it is ours. Waiting ones are read first, for what leaves
        them meanwhile is in the history by then.
        """
        if not batch.messages:
            return ()
        waiting = self._client.read("GET", "/jobs", read_ids)
        receivers = {digits(item["receiver"]) for item in self._details("/jobs", waiting[:MAX_PENDING], read_present)}
        sent_ids = self._client.read("GET", "/outgoing", read_ids, query={"tag": tag_of(batch)})
        sent = {digits(item["receiver"]): read_price(item) for item in self._details("/outgoing", sent_ids)}
        if len(waiting) > MAX_PENDING:
            receivers |= _firsts(batch).keys()
        found = [
            replace(_accepted(batch, message), charge=sent[number])
            if number in sent
            else _no_trace(message, number in receivers)
            for number, message in _firsts(batch).items()
        ]
        return found + _left_out(batch)

    def delivery_reports(self, cursor: str) -> Page[DeliveryReport]:
        """Return what became of our messages; those still on their way are no report yet."""
        return read_on(cursor, self._report_page)

    def _report_page(self, current: HistoryCursor) -> HistoryPage[DeliveryReport]:
        items, next_page = self._history("/outgoing", current)
        ours = _ours(items)
        reports = _settled(ours)
        listed = [(read_instant(item["creationDatetime"]), is_pending(item)) for item in ours]
        return HistoryPage(reports, listed, next_page, self._now())

    def _reports_called_back(self, callbacks: Sequence[Callback]) -> list[DeliveryReport]:
        """Ask OVHcloud for the messages of these callbacks: the reports are those of its history."""
        return _settled(_ours(self._called_back("/outgoing", callbacks, called.read_report)))

    def _replies_called_back(self, callbacks: Sequence[Callback]) -> list[IncomingReply]:
        """Ask OVHcloud for the replies of these callbacks: they are those of its history."""
        return [read_reply(item) for item in self._called_back("/incoming", callbacks, called.read_reply)]

    def _called_back(
        self, path: str, callbacks: Sequence[Callback], read: Callable[[str, datetime], list[int]]
    ) -> list[Any]:
        """Return what the named ids stand for; an unknown one is left out."""
        ids = sorted({number for item in callbacks for number in read(item.content, item.received_at)})
        return self._details(path, ids, read_present)

    def replies(self, cursor: str) -> Page[IncomingReply]:
        """Return what people wrote to the short codes and numbers of the account."""
        return read_on(cursor, self._reply_page)

    def _reply_page(self, current: HistoryCursor) -> HistoryPage[IncomingReply]:
        items, next_page = self._history("/incoming", current)
        replies = [read_reply(item) for item in items]
        return HistoryPage(replies, [(reply.received_at, False) for reply in replies], next_page, self._now())

    def opt_outs(self, cursor: str) -> Page[ProviderOptOut]:
        """Return the whole blacklist whenever it has changed; each dated when it was read, by OVHcloud's clock."""
        numbers = sorted(
            self._client.read("GET", "/blacklists", lambda document: [read_id(number) for number in document])
        )
        digest = digest_of("\n".join(numbers))
        if digest == cursor:
            return Page((), cursor)
        return Page([ProviderOptOut(plus(number), self._now()) for number in numbers], digest)

    def _now(self) -> datetime:
        """Return the time by OVHcloud's clock."""
        return datetime.fromtimestamp(self._client.timestamp(), UTC)

    def balance(self) -> Balance:
        """Return the credits left."""
        return self._client.read("GET", "", read_balance)

    def _history(self, path: str, current: HistoryCursor) -> tuple[list[Any], str]:
        """Return the next messages of a list, by their ids, and the last of these when there are more."""
        start = current.starts_at
        query = {} if start is None else {"creationDatetime.from": start.isoformat()}
        after = int(current.next_page or 0)
        ids = sorted(number for number in self._client.read("GET", path, read_ids, query=query) if number > after)
        page = ids[:PAGE_SIZE]
        return self._details(path, page), str(page[-1]) if len(ids) > PAGE_SIZE else ""

    def _details(self, path: str, ids: Sequence[int], reader: Callable[[Any], list[Any]] | None = None) -> list[Any]:
        """Return what each id stands for, fifty a request, as OVHcloud's own control panel asks."""
        found: list[Any] = []
        for at in range(0, len(ids), DETAILS_AT_ONCE):
            names = ",".join(map(str, ids[at : at + DETAILS_AT_ONCE]))
            found += self._client.read("GET", f"{path}/{names}", reader or read_values, headers={"X-Ovh-Batch": ","})
        return found


def open_gateway(access: GatewayAccess) -> OvhcloudGateway:
    """Return the account that the settings name."""
    keys = Keys(access.need("application_key"), access.need("application_secret"), access.need("consumer_key"))
    account = f"/sms/{quote(access.need('service_name'), safe='')}"
    url = access.need_url("api.ovh.com", "api.us.ovhcloud.com")
    spool = access.spool if "callback_secret" in access.options else None
    return OvhcloudGateway(SignedClient(url, account, keys, access.deadline_seconds), spool)


def _ours(items: Sequence[Any]) -> list[Any]:
    """Return the messages of the history that Campanile sent."""
    return [item for item in items if _TAG.fullmatch(item["tag"] or "")]


def _settled(items: Sequence[Any]) -> list[DeliveryReport]:
    """Return the reports on messages that are on their way no more."""
    return [read_report(item) for item in items if not is_known_pending(item)]


def tag_of(batch: Batch) -> str:
    """Return the tag of a batch's job: the same for the same request, and OVHcloud takes twenty characters."""
    return digest_of(batch.request_key)[:TAG_LENGTH]


def _job(batch: Batch) -> dict[str, object]:
    first = batch.messages[0]
    # ``noStopClause`` says that it is no marketing. Where our text ends with the mention it is: OVHcloud adds its own
    # instead, of the same length, with the number that it listens to, and sends at legal hours only.
    text = first.text.removesuffix(STOP_MENTION)
    job: dict[str, object] = {
        "message": text,
        "receivers": [message.msisdn for message in _firsts(batch).values()],
        "coding": "8bit" if first.encoding == "UCS-2" else "7bit",
        "charset": "UTF-8",
        "noStopClause": text == first.text,
        "tag": tag_of(batch),
    }
    job |= {"senderForResponse": True} if first.sender_id.isdigit() else {"sender": first.sender_id}
    seconds = seconds_left(first, batch)
    return job if seconds == math.inf else job | {"validityPeriod": math.floor(seconds / 60)}


def _firsts(batch: Batch) -> dict[str, OutgoingMessage]:
    """Return the first message to each number, by its digits: a job cannot tell two to one number apart."""
    firsts: dict[str, OutgoingMessage] = {}
    for message in batch.messages:
        firsts.setdefault(digits(message.msisdn), message)
    return firsts


def _left_out(batch: Batch) -> list[SubmitOutcome]:
    sent = {message.client_ref for message in _firsts(batch).values()}
    reason = "its number stands in the batch already"
    return [
        SubmitOutcome(message.client_ref, Outcome.NOT_ACCEPTED, reason=reason)
        for message in batch.messages
        if message.client_ref not in sent
    ]


def _read_submit(batch: Batch, document: Any) -> list[SubmitOutcome]:
    valid, invalid = ({digits(number) for number in document[name]} for name in ("validReceivers", "invalidReceivers"))
    firsts = _firsts(batch)
    if (valid | invalid) - firsts.keys():
        raise ValueError("a receiver not asked for")
    outcomes = [
        _submit_outcome(batch, message, number in valid, number in invalid) for number, message in firsts.items()
    ]
    return outcomes + _left_out(batch)


def _submit_outcome(batch: Batch, message: OutgoingMessage, is_valid: bool, is_invalid: bool) -> SubmitOutcome:
    if is_valid is is_invalid:
        return SubmitOutcome(message.client_ref, Outcome.UNKNOWN, reason="not named once in the answer")
    if is_valid:
        return _accepted(batch, message)
    return SubmitOutcome(message.client_ref, Outcome.REJECTED, reason="OVHcloud calls it an invalid receiver")


def _no_trace(message: OutgoingMessage, may_wait: bool) -> SubmitOutcome:
    if may_wait:
        return SubmitOutcome(message.client_ref, Outcome.UNKNOWN, reason="a job that waits may be this one")
    return SubmitOutcome(message.client_ref, Outcome.NOT_ACCEPTED, reason="OVHcloud shows no trace of it")


def _accepted(batch: Batch, message: OutgoingMessage) -> SubmitOutcome:
    return SubmitOutcome(message.client_ref, Outcome.ACCEPTED, message_id(tag_of(batch), message.msisdn))
