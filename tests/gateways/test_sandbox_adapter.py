"""How strictly the adapter reads: what a broken or changed provider could answer with a 200."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from math import inf

import pytest

from campanile.gateways.sandbox.adapter import MANIFEST, SandboxGateway
from campanile.sms.errors import ConfigurationError, GatewayAmbiguous
from schemas.gateway import Balance, Batch, Outcome, OutgoingMessage


def batch_of(*messages, key="key"):
    return Batch(messages, key, datetime(2026, 11, 23, tzinfo=UTC))


BATCH = batch_of(*(OutgoingMessage(ref, "+33612345678", "Bonjour", "GSM-7", "CAMPANILE") for ref in ("a", "b")))


def accepted(ref, **changes):
    return {"client_ref": ref, "status": "accepted", "message_id": f"m-{ref}", "reason": None, **changes}


@pytest.fixture
def gateway_that_answers(raw_server):
    """Return a function that gives a gateway whose every answer is this document."""

    def give(document):
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
        return SandboxGateway(raw_server(head.encode() + body).url, "key", deadline_seconds=5)

    return give


SUBMITS = [
    ("whole", [accepted("b"), accepted("a")], [Outcome.ACCEPTED, Outcome.ACCEPTED]),
    ("one missing", [accepted("a")], [Outcome.ACCEPTED, Outcome.UNKNOWN]),
    ("none", [], [Outcome.UNKNOWN, Outcome.UNKNOWN]),
    (
        "one twice",
        [accepted("a"), accepted("a", status="rejected"), accepted("b")],
        [Outcome.UNKNOWN, Outcome.ACCEPTED],
    ),
    ("no id", [accepted("a", message_id=None), accepted("b", message_id="")], [Outcome.UNKNOWN, Outcome.UNKNOWN]),
    ("id is a number", [accepted("a", message_id=1), accepted("b")], [Outcome.UNKNOWN, Outcome.ACCEPTED]),
    ("new status", [accepted("a", status="queued"), accepted("b")], [Outcome.UNKNOWN, Outcome.ACCEPTED]),
    (
        "refusals",
        [accepted("a", status="rejected", message_id=None), accepted("b", status="blacklisted", message_id=None)],
        [Outcome.REJECTED, Outcome.BLACKLISTED],
    ),
]


@pytest.mark.parametrize(("items", "outcomes"), [row[1:] for row in SUBMITS], ids=[row[0] for row in SUBMITS])
def test_submit_is_read_message_by_message(gateway_that_answers, items, outcomes):
    read = gateway_that_answers({"messages": items}).submit(BATCH, inf)
    assert [(outcome.client_ref, outcome.outcome) for outcome in read] == list(zip("ab", outcomes, strict=True))
    assert all(outcome.reason for outcome in read if outcome.outcome is Outcome.UNKNOWN)


STRANGE = [
    ("a stranger", {"messages": [accepted("a"), accepted("z")]}),
    ("no list", {"messages": None}),
    ("no messages", {}),
    ("a list", []),
    ("nothing", None),
    ("a text", "ok"),
    ("items are texts", {"messages": ["a", "b"]}),
    ("no reference", {"messages": [{"status": "accepted"}]}),
    ("no status", {"messages": [{"client_ref": "a"}]}),
    ("status is a list", {"messages": [accepted("a", status=["accepted"])]}),
    ("reference is a list", {"messages": [accepted(["a"])]}),
]


@pytest.mark.parametrize("document", [row[1] for row in STRANGE], ids=[row[0] for row in STRANGE])
def test_strange_answer_to_a_submit_is_ambiguous(gateway_that_answers, document):
    with pytest.raises(GatewayAmbiguous, match="cannot be read"):
        gateway_that_answers(document).submit(BATCH, inf)


LOOK_UPS = [
    ("found and not", [accepted("a"), accepted("b", status="unknown")], [Outcome.ACCEPTED, Outcome.NOT_ACCEPTED]),
    ("left out is no proof of absence", [accepted("a")], [Outcome.ACCEPTED, Outcome.UNKNOWN]),
    ("new status", [accepted("a", status="pending"), accepted("b")], [Outcome.UNKNOWN, Outcome.ACCEPTED]),
]


@pytest.mark.parametrize(("items", "outcomes"), [row[1:] for row in LOOK_UPS], ids=[row[0] for row in LOOK_UPS])
def test_look_up_is_read_strictly(gateway_that_answers, items, outcomes):
    read = gateway_that_answers({"messages": items}).look_up(BATCH)
    assert [outcome.outcome for outcome in read] == outcomes


REPORT = {
    "report_id": "d",
    "message_id": "m",
    "client_ref": None,
    "status": "delivered",
    "reason": None,
    "is_permanent": False,
    "reported_at": "2026-11-22T10:00:00+00:00",
}
STRANGE_PAGES = [
    ("reports without cursor", "delivery_reports", {"items": []}),
    ("cursor is a number", "delivery_reports", {"items": [], "cursor": 3}),
    ("report without id", "delivery_reports", {"items": [{**REPORT, "report_id": None}], "cursor": "1"}),
    ("time without zone", "delivery_reports", {"items": [{**REPORT, "reported_at": "2026-11-22"}], "cursor": "1"}),
    ("time is none", "delivery_reports", {"items": [{**REPORT, "reported_at": "soon"}], "cursor": "1"}),
    ("reply without text", "replies", {"items": [{"reply_id": "r", "from": "x"}], "cursor": "1"}),
    ("opt-out without number", "opt_outs", {"items": [{}], "cursor": "1"}),
]


@pytest.mark.parametrize(
    ("name", "document"), [row[1:] for row in STRANGE_PAGES], ids=[row[0] for row in STRANGE_PAGES]
)
def test_strange_page_is_ambiguous(gateway_that_answers, name, document):
    with pytest.raises(GatewayAmbiguous, match="cannot be read"):
        getattr(gateway_that_answers(document), name)("")


STRANGE_AMOUNTS = [
    None, 12, True, [], ["12"], {}, "", "much", "NaN", "sNaN", "Infinity", "-0.01", "+1", "1e400", "1E2", "12,50",
    "1 000", "1_000", "٣", "1" * 40, "1" * 13, "0." + "1" * 40, ".5", "1.", " 1",
]  # fmt: skip


@pytest.mark.parametrize("amount", STRANGE_AMOUNTS, ids=str)
def test_strange_balance_is_ambiguous(gateway_that_answers, amount):
    with pytest.raises(GatewayAmbiguous, match="cannot be read") as caught:
        gateway_that_answers({"amount": amount, "unit": "EUR"}).balance()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("amount", "read"),
    [("0", "0"), ("12.5", "12.5"), ("999999999999.999999", "999999999999.999999"), ("0.12345678", "0.123456")],
)
def test_balance_is_read_to_the_millionth_and_never_rounded_up(gateway_that_answers, amount, read):
    assert gateway_that_answers({"amount": amount, "unit": "EUR"}).balance() == Balance(Decimal(read), "EUR")


RULES = [
    ("FR", "CAMPANILE", False, " STOP au 36180"),
    ("BE", "CAMPANILE", False, " STOP au 36180"),
    ("RE", "CAMPANILE", False, " STOP au 36789"),
    ("NC", "CAMPANILE", False, " STOP au 36789"),
    ("FR", "36180", True, ""),
    ("GP", "38123", True, ""),
]


@pytest.mark.parametrize(("territory", "sender_id", "can_be_answered", "mention"), RULES)
def test_sender_rules(territory, sender_id, can_be_answered, mention):
    rule = MANIFEST.sender_rule(territory, sender_id)
    assert (rule.can_be_answered, rule.stop_mention) == (can_be_answered, mention)


@pytest.mark.parametrize(("sender_id", "outcome"), [("SHOP", Outcome.ACCEPTED), ("36180", Outcome.REJECTED)])
@pytest.mark.parametrize("text", ["Voyez https://example.org/a", "Voyez WWW.example.org"])
def test_links_leave_where_the_manifest_says_so(sandbox, sender_id, outcome, text):
    message = OutgoingMessage(f"{sender_id}-{text[-20:]}", "+33612345678", text, "GSM-7", sender_id)
    (answer,) = sandbox.gateway().submit(batch_of(message, key=f"links-{message.client_ref}"), inf)
    assert answer.outcome is outcome
    assert MANIFEST.sender_rule("FR", sender_id).allows_links == (outcome is Outcome.ACCEPTED)


def test_messages_of_several_senders_go_in_one_batch(sandbox):
    batch = [
        OutgoingMessage(f"sender-{sender}", "+33612345678", "Bonjour", "GSM-7", sender) for sender in ("SHOP", "38123")
    ]
    sandbox.gateway().submit(batch_of(*batch, key="senders"), inf)
    bill = {line["client_ref"]: line["sender_id"] for line in sandbox.billing()}
    assert (bill["sender-SHOP"], bill["sender-38123"]) == ("SHOP", "38123")


def test_clock_follows_ours(sandbox):
    gateway = sandbox.gateway()
    gateway.set_clock(86400 * 400)
    cursor = gateway.opt_outs("").cursor
    sandbox.opt_out("+33619990202")
    ahead = gateway.opt_outs(cursor).items[0].opted_out_at
    gateway.set_clock(0)
    sandbox.opt_out("+33619990203")
    [_, now] = gateway.opt_outs(cursor).items
    assert 399 <= (ahead - now.opted_out_at).days <= 400


def test_bad_url():
    with pytest.raises(ConfigurationError):
        SandboxGateway("nowhere", "key")


def test_a_page_with_a_reply_that_cannot_be_read_is_refused_whole(gateway_that_answers):
    """It may be a STOP: from then on replies count as not read, and nothing is sent."""
    stop = {"reply_id": "r1", "from": "+33612345678", "text": "STOP", "received_at": "2026-11-23T09:00:00+00:00"}
    broken = {**stop, "reply_id": "r2", "from": None}
    with pytest.raises(GatewayAmbiguous, match="cannot be read"):
        gateway_that_answers({"items": [stop, broken], "cursor": "2"}).replies("")
