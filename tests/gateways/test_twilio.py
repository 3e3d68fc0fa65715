"""Twilio, as it documents itself: what it says becomes the right outcome, and nothing is missed or taken twice."""

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import inf
from urllib.parse import parse_qs

import pytest

from campanile.gateways.credentials import GatewayAccess
from campanile.gateways.history_cursor import MAX_PAGES
from campanile.gateways.twilio import adapter as twilio
from campanile.gateways.twilio import codes
from campanile.sms.errors import ConfigurationError, GatewayAmbiguous, GatewayDenied, GatewayError, GatewayThrottled
from schemas.gateway import Batch, Charge, Outcome, OutgoingMessage
from schemas.report_words import ReportStatus
from tests.gateways.twilio_server import ACCOUNT, SERVICE, TOKEN, TwilioServer, _shown

NUMBER = "+33612345678"


@pytest.fixture
def server():
    with TwilioServer() as running:
        yield running


@pytest.fixture
def open_gateway(server):
    def give(**options):
        known = {"url": server.base_url, "account_sid": ACCOUNT, "auth_token": TOKEN}
        return twilio.open_gateway(GatewayAccess("twilio", known | options, 5, allows_local=True))

    return give


@pytest.fixture
def gateway(open_gateway):
    return open_gateway()


def batch_of(text="Bonjour, é € ж 😀", to=NUMBER, sender="CAMPANILE", valid_until=None, since=None):
    message = OutgoingMessage("a", to, text, "UCS-2", sender, valid_until)
    return Batch([message], "key", since or datetime.now(UTC))


def form_of(request):
    return {name: value for name, [value] in parse_qs(request.body).items()}


def read_all(read, cursor=""):
    items = []
    while (page := read(cursor)).items:
        items += page.items
        cursor = page.cursor
    return items, page.cursor


def test_what_is_sent(gateway, server):
    [outcome] = gateway.submit(batch_of(), inf)
    [request] = server.requests
    assert (request.method, request.target) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    assert form_of(request) == {
        "To": NUMBER,
        "From": "CAMPANILE",
        "Body": "Bonjour, é € ж 😀",
        "SmartEncoded": "false",
        "ValidityPeriod": "36000",
    }
    assert outcome.gateway_message_id == server.messages[0]["sid"]


SENDERS = [
    ("name", "CAMPANILE", "CAMPANILE"),
    ("short code", "36180", "36180"),
    ("own number", "33644600000", "+33644600000"),
    ("own number with its plus", "+33644600000", "+33644600000"),
]


@pytest.mark.parametrize(("sender", "written"), [row[1:] for row in SENDERS], ids=[row[0] for row in SENDERS])
@pytest.mark.parametrize("service", ["", SERVICE])
def test_the_approved_sender_is_used_with_a_service_too(open_gateway, server, sender, written, service):
    gateway = open_gateway(**({"messaging_service_sid": service} if service else {}))
    [outcome] = gateway.submit(batch_of(sender=sender), inf)
    form = form_of(server.requests[0])
    assert (form["From"], form.get("MessagingServiceSid", "")) == (written, service)
    assert outcome.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(("hours", "seconds"), [(1, 3540), (48, 36000), (61 / 3600, 1)])
def test_validity(gateway, server, hours, seconds):
    since = datetime(2026, 11, 23, 10, tzinfo=UTC)
    gateway.submit(batch_of(valid_until=since + timedelta(hours=hours), since=since), inf)
    assert form_of(server.requests[0])["ValidityPeriod"] == str(seconds)


@pytest.mark.parametrize("seconds", [60, 0, -1])
def test_too_late_is_rejected_without_a_request(gateway, server, seconds):
    since = datetime(2026, 11, 23, 10, tzinfo=UTC)
    [outcome] = gateway.submit(batch_of(valid_until=since + timedelta(seconds=seconds), since=since), inf)
    assert (outcome.outcome, server.requests) == (Outcome.REJECTED, [])


REFUSALS = [
    ("no number", 21211, Outcome.REJECTED),
    ("out of reach", 21214, Outcome.REJECTED),
    ("badly written", 21217, Outcome.REJECTED),
    ("short code", 21265, Outcome.REJECTED),
    ("to itself", 21266, Outcome.REJECTED),
    ("country not switched on", 21408, Outcome.REJECTED),
    ("opted out", 21610, Outcome.BLACKLISTED),
    ("no way from here to there", 21612, Outcome.REJECTED),
    ("no mobile", 21614, Outcome.REJECTED),
    ("too long", 21617, Outcome.REJECTED),
    ("landline", 21635, Outcome.REJECTED),
]


@pytest.mark.parametrize("status", [400, 403])
@pytest.mark.parametrize(("code", "outcome"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_refusal_of_one_message_has_twilios_words(gateway, server, code, outcome, status):
    server.next_refusal = (code, f"Nothing for {NUMBER},\nsorry", status)
    [answer] = gateway.submit(batch_of(), inf)
    assert (answer.outcome, answer.reason) == (outcome, f"{code} Nothing for +336****5678, sorry")


def test_every_refusal_has_a_row():
    assert {row[1] for row in REFUSALS} == set(codes.REFUSALS)


ERRORS = [
    ("sender not ours", (21606, f"The number {NUMBER} is not yours", 400), GatewayDenied),
    ("sender not in the pool", (21712, "not in the pool", 400), GatewayDenied),
    ("a code of tomorrow", (29999, "something new", 400), GatewayDenied),
    ("no such account", (20404, "not found", 404), GatewayDenied),
    ("account closed", (20005, "Account not active", 403), GatewayDenied),
    ("key", (20003, "Authenticate", 401), GatewayDenied),
    ("too many requests", (20429, "Too Many Requests", 429), GatewayThrottled),
    ("too many, said in another way", (20429, "Too Many Requests", 400), GatewayThrottled),
    ("queue of the sender full", (21611, "This 'From' number has too many messages queued", 400), GatewayThrottled),
    ("conflict", (20409, "conflict", 409), GatewayAmbiguous),
    ("broken", (20500, "An internal server error has occurred", 500), GatewayAmbiguous),
    ("down", (20503, "Service unavailable", 503), GatewayAmbiguous),
]


@pytest.mark.parametrize(("refusal", "error"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS])
def test_what_would_meet_the_next_message_too_is_an_error(gateway, server, refusal, error):
    server.next_refusal = refusal
    with pytest.raises(GatewayError, match=str(refusal[0])) as caught:
        gateway.submit(batch_of(), inf)
    assert type(caught.value) is error
    assert NUMBER not in str(caught.value)


STRANGE = [
    ("no sid", b'HTTP/1.1 201 Created\r\nContent-Length: 19\r\n\r\n{"status":"queued"}'),
    ("empty sid", b'HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n{"sid":""}'),
    ("a page of a proxy", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 6\r\n\r\n<html>"),
    ("a refusal without code", b'HTTP/1.1 400 Bad Request\r\nContent-Length: 15\r\n\r\n{"message":"a"}'),
    ("a list", b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n[]"),
]


@pytest.mark.parametrize("data", [row[1] for row in STRANGE], ids=[row[0] for row in STRANGE])
def test_strange_answer_is_ambiguous(open_gateway, raw_server, data):
    with pytest.raises(GatewayAmbiguous):
        open_gateway(url=raw_server(data).url).submit(batch_of(), inf)


# --- looking up -------------------------------------------------------------------------------------------

LOOK_UPS = [
    # label, what is done at Twilio before we ask, outcome
    ("nothing", lambda server: None, Outcome.NOT_ACCEPTED),
    ("the message", lambda server: sent(server), Outcome.ACCEPTED),
    ("it waits, and has no DateSent", lambda server: sent(server, waits=True), Outcome.ACCEPTED),
    ("it failed afterwards", lambda server: sent(server, status="failed"), Outcome.ACCEPTED),
    ("another text", lambda server: sent(server, text="Bonsoir"), Outcome.NOT_ACCEPTED),
    ("another person", lambda server: sent(server, to="+33612345679"), Outcome.NOT_ACCEPTED),
    ("the same text of theirs", lambda server: server.reply(NUMBER, "Bonjour", to=NUMBER), Outcome.NOT_ACCEPTED),
    ("long before the claim", lambda server: sent(server, hours=-2), Outcome.NOT_ACCEPTED),
    ("their clock is a little behind", lambda server: sent(server, hours=-20 / 3600), Outcome.ACCEPTED),
    ("an earlier one, or a clock far behind", lambda server: sent(server, hours=-0.9), Outcome.UNKNOWN),
    ("an earlier one and this one", lambda server: (sent(server, hours=-0.9), sent(server)), Outcome.UNKNOWN),
    ("twice", lambda server: (sent(server), sent(server)), Outcome.UNKNOWN),
    ("from another sender", lambda server: sent(server, sender="SHOP"), Outcome.UNKNOWN),
    ("a text that was erased", lambda server: sent(server, text=""), Outcome.UNKNOWN),
    ("other blanks", lambda server: sent(server, text="Bonjour\n"), Outcome.ACCEPTED),
]


def sent(server, text="Bonjour", to=NUMBER, sender="CAMPANILE", hours=0, waits=False, status="sent", service=None):
    server.now = datetime.now(UTC) + timedelta(hours=hours)
    message = server._add(to, sender, text, "outbound-api")
    message["messaging_service_sid"] = service
    if not waits:
        server.move(message, status)
    server.now = None
    return message


@pytest.mark.parametrize(("prepare", "outcome"), [row[1:] for row in LOOK_UPS], ids=[row[0] for row in LOOK_UPS])
def test_look_up(gateway, server, prepare, outcome):
    prepare(server)
    [found] = gateway.look_up(batch_of("Bonjour"))
    assert found.outcome is outcome
    assert (found.gateway_message_id is not None) is (outcome is Outcome.ACCEPTED)
    assert found.reason or outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("service", "outcome"), [(SERVICE, Outcome.ACCEPTED), ("MG" + "0" * 32, Outcome.UNKNOWN), (None, Outcome.UNKNOWN)]
)
def test_look_up_by_the_service_while_it_has_chosen_no_sender(open_gateway, server, service, outcome):
    sent(server, sender=None, service=service, waits=True)
    [found] = open_gateway(messaging_service_sid=SERVICE).look_up(batch_of("Bonjour"))
    assert found.outcome is outcome


def test_look_up_reads_all_pages(gateway, server, monkeypatch):
    monkeypatch.setattr(twilio, "PAGE_SIZE", 3)
    wanted = sent(server)
    for number in range(10):
        sent(server, text=f"Later {number}")
    [found] = gateway.look_up(batch_of("Bonjour"))
    assert found.gateway_message_id == wanted["sid"]


def test_look_up_of_a_person_with_endless_messages_does_not_guess(gateway, server, monkeypatch):
    monkeypatch.setattr(twilio, "PAGE_SIZE", 1)
    for number in range(30):
        sent(server, text=f"Message {number}")
    with pytest.raises(GatewayAmbiguous, match="more than 20 pages"):
        gateway.look_up(batch_of("Bonjour"))


@pytest.mark.parametrize("is_empty", [False, True], ids=["with messages on it", "with nothing on it"])
def test_a_look_up_whose_page_points_to_itself_ends_at_once(gateway, server, monkeypatch, is_empty):
    message = sent(server, text="Bonsoir")
    monkeypatch.setattr(TwilioServer, "answer", lambda _, request: endless_page(request, [] if is_empty else [message]))
    with pytest.raises(GatewayAmbiguous, match="a page leads back to an earlier one"):
        gateway.look_up(batch_of("Bonjour"))
    assert len(server.requests) == 2


def test_a_look_up_with_a_next_page_for_ever_ends(gateway, server, monkeypatch):
    monkeypatch.setattr(TwilioServer, "answer", lambda _, request: endless_page(request, [], len(server.requests)))
    with pytest.raises(GatewayAmbiguous, match="more than 20 pages"):
        gateway.look_up(batch_of("Bonjour"))
    assert len(server.requests) == 21


def endless_page(request, messages, number=0):
    """Return a page that says that the list goes on, at a page of this number; without numbers, own ones."""
    if request.path.endswith("/IncomingPhoneNumbers.json"):
        return 200, {"incoming_phone_numbers": [{"phone_number": "+33644600000"}, {"phone_number": "+33644600001"}]}
    if request.path.endswith("/ShortCodes.json"):
        return 200, {"short_codes": []}
    return 200, {"messages": [_shown(item) for item in messages], "next_page_uri": f"{request.path}?Page={number}"}


@pytest.mark.parametrize("name", ["delivery_reports", "replies"])
@pytest.mark.parametrize("is_empty", [False, True], ids=["with messages on it", "with nothing on it"])
@pytest.mark.parametrize("is_counting", [False, True], ids=["points to itself", "a next page for ever"])
def test_each_call_of_a_list_without_end_ends_and_says_that_it_goes_on(
    gateway, server, monkeypatch, name, is_empty, is_counting
):
    """``read_history`` bounds how many of these calls a reading makes, and reports it."""
    message = sent(server) if name == "delivery_reports" else server.reply(NUMBER, "STOP")
    server.move(message, "delivered")
    count = itertools.count(1)
    monkeypatch.setattr(
        TwilioServer,
        "answer",
        lambda _, request: endless_page(request, [] if is_empty else [message], next(count) if is_counting else 0),
    )
    cursor, cursors = "", []
    for _ in range(3):
        page = getattr(gateway, name)(cursor)
        cursor = page.cursor
        cursors.append(cursor)
        assert page.has_more
        assert len(page.items) == (0 if is_empty else 1)
    assert len(server.requests) <= 3 * MAX_PAGES + 2
    assert (cursors[1] == cursors[2]) is not is_counting


def test_an_account_with_more_numbers_than_one_page_is_not_half_read(gateway, server, monkeypatch):
    numbers = {"incoming_phone_numbers": [{"phone_number": "+33644600000"}], "next_page_uri": "/2010-04-01/more"}
    monkeypatch.setattr(TwilioServer, "answer", lambda *_: (200, numbers))
    with pytest.raises(GatewayAmbiguous, match="1 of incoming_phone_numbers are not all"):
        gateway.replies("")


def test_a_next_page_elsewhere_is_not_asked(gateway, server, monkeypatch):
    monkeypatch.setattr(
        TwilioServer, "answer", lambda *_: (200, {"messages": [], "next_page_uri": "@evil.example/Messages.json?"})
    )
    with pytest.raises(GatewayAmbiguous, match="another list"):
        gateway.look_up(batch_of())
    assert len(server.requests) == 1


# --- what comes back --------------------------------------------------------------------------------------

REPORTS = [
    ("queued", None, []),
    ("accepted", None, []),
    ("sending", None, []),
    ("sent", None, []),
    ("delivered", None, [("delivered", None, False)]),
    ("read", None, [("delivered", None, False)]),
    ("undelivered", 30003, [("undelivered", "absent (30003)", False)]),
    ("undelivered", 30004, [("undelivered", "blocked (30004)", False)]),
    ("undelivered", 30005, [("undelivered", "unknown subscriber (30005)", True)]),
    ("undelivered", 30006, [("undelivered", "no mobile number (30006)", True)]),
    ("undelivered", 30007, [("undelivered", "filtered as spam (30007)", False)]),
    ("failed", 30001, [("undelivered", "queue overflow (30001)", False)]),
    ("failed", 30036, [("undelivered", "validity expired (30036)", False)]),
    ("failed", 39999, [("undelivered", "unknown word (39999)", False)]),
    ("failed", None, [("undelivered", "not delivered (failed)", False)]),
    ("canceled", None, [("undelivered", "cancelled (canceled)", False)]),
    ("teleported", None, [("pending", "unknown word (teleported)", False)]),
]


@pytest.mark.parametrize(("status", "code", "expected"), REPORTS, ids=[f"{row[0]} {row[1] or ''}" for row in REPORTS])
def test_reports(gateway, server, status, code, expected):
    [outcome] = gateway.submit(batch_of(), inf)
    server.move(server.messages[0], status, code)
    reports, _ = read_all(gateway.delivery_reports)
    assert [(report.status, report.reason, report.is_permanent) for report in reports] == expected
    assert {report.gateway_message_id for report in reports} <= {outcome.gateway_message_id}


def test_a_price_that_comes_after_the_status_is_a_report_of_its_own(gateway, server):
    gateway.submit(batch_of("Bonjour"), inf)
    server.move(server.messages[0], "delivered")
    priced, server.messages[0]["price"] = server.messages[0]["price"], None
    [first], _ = read_all(gateway.delivery_reports)
    server.messages[0]["price"] = priced
    [second], _ = read_all(gateway.delivery_reports)
    assert first.charge is None
    assert second.charge == Charge(Decimal("0.0798"), "USD", 1)
    assert first.report_id != second.report_id


def test_a_look_up_names_the_price(gateway, server):
    gateway.submit(batch_of("Bonjour"), inf)
    server.move(server.messages[0], "delivered")
    [found] = gateway.look_up(batch_of("Bonjour"))
    assert found.charge == Charge(Decimal("0.0798"), "USD", 1)


def test_a_reply_is_no_report(gateway, server):
    server.reply(NUMBER, "Oui")
    assert read_all(gateway.delivery_reports)[0] == []


def test_every_status_of_the_table_is_one_of_ours():
    assert {word.status for word in codes.REPORT_WORDS.words.values()} == set(ReportStatus)


def test_a_report_that_comes_days_later_is_read_once_it_is_there(gateway, server, monkeypatch):
    monkeypatch.setattr(twilio, "PAGE_SIZE", 3)
    day = datetime(2026, 11, 20, 23, 59, tzinfo=UTC)
    slow = sent_on(server, day)
    for hours in range(8):
        server.move(sent_on(server, day + timedelta(hours=6 * hours)), "delivered")
    reports, cursor = read_all(gateway.delivery_reports)
    assert slow["sid"] not in {report.gateway_message_id for report in reports}
    assert len(reports) == 8
    server.move(slow, "delivered")
    later, _ = read_all(gateway.delivery_reports, cursor)
    assert slow["sid"] in {report.gateway_message_id for report in later}


def sent_on(server, instant):
    server.now = instant
    message = server._add(NUMBER, "CAMPANILE", f"Bonjour {instant}", "outbound-api")
    server.move(message, "sent")
    return message


def test_replies_are_asked_by_our_own_numbers_and_days(gateway, server, monkeypatch):
    monkeypatch.setattr(twilio, "PAGE_SIZE", 2)
    server.now = datetime(2026, 11, 23, 10, tzinfo=UTC)
    wanted = [server.reply(NUMBER, f"Oui {count}", to=to) for count in range(3) for to in ("+33644600000", "36180")]
    gateway.submit(batch_of(), inf)
    replies, cursor = read_all(gateway.replies)
    assert sorted(reply.gateway_reply_id for reply in replies) == sorted(message["sid"] for message in wanted)
    assert {reply.text for reply in replies} == {"Oui 0", "Oui 1", "Oui 2"}
    assert {reply.received_at for reply in replies} == {server.now}
    server.requests.clear()
    read_all(gateway.replies, cursor)
    asked = [request.query for request in server.requests if "To" in request.query]
    assert {query["To"] for query in asked} == {*server.own_numbers, *server.short_codes}
    assert {query["DateSent>"] for query in asked} == {"2026-11-23"}


def test_a_reply_dated_in_the_future_hides_no_later_one(gateway, server):
    server.now = datetime.now(UTC) + timedelta(days=300)
    server.reply(NUMBER, "Oui")
    _, cursor = read_all(gateway.replies)
    server.now = None
    server.reply(NUMBER, "STOP")
    assert "STOP" in {reply.text for reply in read_all(gateway.replies, cursor)[0]}


def test_an_item_that_makes_no_sense_is_one_line(gateway, server):
    message = server.reply(NUMBER, "Oui")
    message["date_created"] = None
    with pytest.raises(GatewayAmbiguous, match="an item of the provider's list cannot be read"):
        gateway.replies("")


def test_twilio_lists_no_opt_outs(open_gateway):
    page = open_gateway(url="http://127.0.0.1:1").opt_outs("")
    assert (page.items, page.cursor) == ((), "")


@pytest.mark.parametrize("account", ["", "AC1", "ac" + "0" * 32, "AC" + "0" * 31 + "/", f"{ACCOUNT}/../AC"])
def test_an_account_that_is_none_is_refused_at_once(open_gateway, account):
    with pytest.raises(ConfigurationError, match="SMS_TWILIO_ACCOUNT_SID must be AC and 32 hexadecimal digits"):
        open_gateway(account_sid=account)


@pytest.mark.parametrize("amount", [None, 12, True, ["12"], "NaN", "-3.50", "1e400", "12,50", "1" * 40], ids=str)
def test_strange_balance_is_ambiguous(server, gateway, amount, monkeypatch):
    monkeypatch.setattr(TwilioServer, "answer", lambda *_: (200, {"balance": amount, "currency": "USD"}))
    with pytest.raises(GatewayAmbiguous, match="cannot be read"):
        gateway.balance()
