"""The client side of the sandbox: what ``docs/sandbox.md`` says, read strictly."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from campanile.gateways.answer_fields import read_amount, read_charge, read_text
from campanile.gateways.callbacks.history import histories_of
from campanile.gateways.credentials import GatewayAccess
from campanile.gateways.http import HttpClient, HttpRules
from campanile.gateways.sandbox.answers import opt_outs_of, replies_of, reports_of
from campanile.gateways.sandbox.callbacks import CALLBACKS
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

T = TypeVar("T")
CALLBACKS_AT_ONCE = 20
"""Callbacks of a page of their history: each of them has up to a hundred items."""
OVERSEAS = ("GP", "MQ", "GF", "RE", "YT", "PM", "BL", "MF", "NC", "PF", "WF")

MANIFEST = Manifest(
    gateway="sandbox",
    batch_size=500,
    concurrency=4,
    resolution=Resolution.IDEMPOTENCY_KEY,
    key_life_seconds=24 * 3600.0,
    look_up_lag_seconds=0.5,
    segments_per_second=5000.0,
    gateway_concatenates=True,
    unit="EUR",
    history_days=90,
    takes_opt_outs=True,
    report_horizon_hours=24.0,  # its reports are due within seconds
    sender_rules={
        ("*", "alphanumeric"): SenderRule(can_be_answered=False, stop_mention=" STOP au 36180"),
        **{
            (territory, "alphanumeric"): SenderRule(can_be_answered=False, stop_mention=" STOP au 36789")
            for territory in OVERSEAS
        },
        # As at OVHcloud: a link beside a number that can be answered is blocked.
        ("*", "short_code"): SenderRule(can_be_answered=True, stop_mention="", allows_links=False),
    },
)

# 409 is not among them: a key already taken for another body tells nothing about what that body became.
RULES = HttpRules(
    refused_statuses=frozenset({400, 404, 405, 413, 415, 422}),
    unavailable_means_not_accepted=True,
)

SUBMIT_WORDS = {
    "accepted": Outcome.ACCEPTED,
    "rejected": Outcome.REJECTED,
    "blacklisted": Outcome.BLACKLISTED,
}
LOOK_UP_WORDS = {
    "accepted": Outcome.ACCEPTED,
    "unknown": Outcome.NOT_ACCEPTED,
}


class SandboxGateway:
    """The sandbox as a ``Gateway``; ``resolution`` and ``look_up_lag`` must be what the server was started with."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        deadline_seconds: float = 10.0,
        resolution: Resolution = Resolution.IDEMPOTENCY_KEY,
        look_up_lag: float | None = None,
        spool: Path | None = None,
    ) -> None:
        lag = {} if look_up_lag is None else {"look_up_lag": str(look_up_lag)}
        self.manifest = configure(MANIFEST, {"resolution": resolution} | lag)
        self.callbacks = {} if spool is None else histories_of(spool, CALLBACKS.readers, limit=CALLBACKS_AT_ONCE)
        self._http = HttpClient(base_url, {"Authorization": f"Bearer {api_key}"}, deadline_seconds, rules=RULES)

    def submit(self, batch: Batch, not_after: float) -> Sequence[SubmitOutcome]:
        """Hand a batch over once."""
        if not batch.messages:
            return ()
        refs = [message.client_ref for message in batch.messages]
        return self._http.read(
            "POST",
            "/v1/messages",
            partial(_read_outcomes, refs, SUBMIT_WORDS),
            json=_document(batch.messages),
            headers={"Idempotency-Key": batch.request_key},
            not_after=not_after,
        )

    def look_up(self, batch: Batch) -> Sequence[SubmitOutcome]:
        """Tell what became of an earlier batch."""
        if not batch.messages:
            return ()
        refs = [message.client_ref for message in batch.messages]
        return self._http.read(
            "POST",
            "/v1/messages/look-up",
            partial(_read_outcomes, refs, LOOK_UP_WORDS),
            json={"client_refs": refs},
        )

    def delivery_reports(self, cursor: str) -> Page[DeliveryReport]:
        """Return reports after ``cursor``."""
        return self._page("delivery-reports", reports_of, cursor)

    def replies(self, cursor: str) -> Page[IncomingReply]:
        """Return replies after ``cursor``."""
        return self._page("replies", replies_of, cursor)

    def opt_outs(self, cursor: str) -> Page[ProviderOptOut]:
        """Return the sandbox's own opt-outs after ``cursor``."""
        return self._page("opt-outs", opt_outs_of, cursor)

    def _page(self, name: str, items_of: Callable[[Any], list[T]], cursor: str) -> Page[T]:
        return self._http.read("GET", f"/v1/{name}", partial(_read_page, items_of), params={"cursor": cursor})

    def push_opt_outs(self, msisdns: Sequence[str]) -> None:
        """Add numbers to the sandbox's own list of opt-outs."""
        self._http.request("POST", "/v1/opt-outs", json={"msisdns": list(msisdns)})

    def balance(self) -> Balance:
        """Return the credit left."""
        return self._http.read("GET", "/v1/balance", read_balance)

    def set_clock(self, offset_seconds: float) -> None:
        """Move the sandbox's clock to our simulated time: seconds ahead of the real one."""
        self._http.request("PUT", "/sandbox/clock", json={"offset_seconds": offset_seconds})


def configure(manifest: Manifest, options: Mapping[str, str]) -> Manifest:
    """Return the manifest of a sandbox of the class, and with the look-up lag, that the settings name.

    Without a lag in the settings the safe default of the class holds: the sandbox may have been given any.
    """
    resolution = Resolution(options.get("resolution", manifest.resolution))
    has_keys = resolution is Resolution.IDEMPOTENCY_KEY
    configured = replace(
        manifest, resolution=resolution, key_life_seconds=manifest.key_life_seconds if has_keys else 0.0
    )
    if "look_up_lag" not in options:
        return configured
    return replace(configured, look_up_lag_seconds=float(options["look_up_lag"]), is_lag_exact=True)


def open_gateway(access: GatewayAccess) -> SandboxGateway:
    """Return the sandbox that the settings name."""
    resolution = Resolution(access.options.get("resolution", Resolution.IDEMPOTENCY_KEY))
    lag = access.options.get("look_up_lag")
    look_up_lag = None if lag is None else float(lag)
    spool = access.spool if "callback_secret" in access.options else None
    url, key = access.need("url"), access.need("api_key")
    return SandboxGateway(url, key, access.deadline_seconds, resolution, look_up_lag, spool)


def _document(messages: Sequence[OutgoingMessage]) -> dict[str, object]:
    return {
        "sender_id": messages[0].sender_id,
        "messages": [_order(message) for message in messages],
    }


def _order(message: OutgoingMessage) -> dict[str, str]:
    order = {
        "client_ref": message.client_ref,
        "to": message.msisdn,
        "text": message.text,
        "sender_id": message.sender_id,
    }
    return order if message.valid_until is None else {**order, "valid_until": message.valid_until.isoformat()}


def _read_outcomes(refs: Sequence[str], words: Mapping[str, Outcome], document: Any) -> list[SubmitOutcome]:
    """Return one outcome per ref; what the answer leaves out, or says in a way we do not know, is unknown.

    What it accepts without an id, or names twice, is disputed.
    """
    items = document["messages"]
    counts = Counter(item["client_ref"] for item in items)
    if strangers := counts.keys() - set(refs):
        raise ValueError(f"{len(strangers)} client_ref not asked about")
    by_ref = {item["client_ref"]: item for item in items}
    twice = {ref for ref, count in counts.items() if count > 1}
    return [
        SubmitOutcome.disputed(ref, "named twice in the answer")
        if ref in twice
        else _read_outcome(ref, words, by_ref.get(ref), document.get("unit"))
        for ref in refs
    ]


def _read_outcome(ref: str, words: Mapping[str, Outcome], item: Any, unit: Any) -> SubmitOutcome:
    if item is None:
        return SubmitOutcome(ref, Outcome.UNKNOWN, reason="not named in the answer")
    outcome = words.get(item["status"], Outcome.UNKNOWN)
    message_id = item.get("message_id")
    if outcome is Outcome.UNKNOWN:
        return SubmitOutcome(ref, outcome, reason=f"status {item['status']!r} is none of {', '.join(words)}")
    if outcome is Outcome.ACCEPTED and not (isinstance(message_id, str) and message_id):
        return SubmitOutcome.disputed(ref, "accepted without a message_id")
    reason = item.get("reason")
    charge = read_charge(item.get("price"), unit, item.get("segments")) if outcome is Outcome.ACCEPTED else None
    return SubmitOutcome(ref, outcome, message_id, None if reason is None else str(reason), charge)


def _read_page(items_of: Callable[[Any], list[T]], document: Any) -> Page[T]:
    return Page(items_of(document), read_text(document["cursor"]), epoch=read_text(document.get("epoch", "")))


def read_balance(document: Any) -> Balance:
    """Return the credit left."""
    return Balance(read_amount(document["amount"]), read_text(document["unit"]))
