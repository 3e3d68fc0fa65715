"""OVHcloud, as it documents itself: signed, one job for many receivers, found again by its tag."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import inf

import pytest

from campanile.gateways.credentials import GatewayAccess
from campanile.gateways.ovhcloud import adapter as ovhcloud
from campanile.gateways.transport import clock
from campanile.sms.errors import (
    GatewayAmbiguous,
    GatewayDenied,
    GatewayError,
    GatewayThrottled,
    GatewayUnreachable,
    OutOfCredit,
)
from schemas.gateway import Balance, Batch, Charge, Outcome, OutgoingMessage
from tests.gateways.ovhcloud_server import (
    AHEAD_SECONDS,
    APPLICATION_KEY,
    CONSUMER_KEY,
    SECRET,
    SERVICE,
    OvhcloudServer,
    error,
)

NUMBERS = ["+33612345678", "+33612345679", "+590690001234"]
MENTION = " STOP 36111"


@pytest.fixture
def server():
    with OvhcloudServer() as running:
        yield running


@pytest.fixture
def open_gateway(server):
    def give(**options):
        known = {
            "url": server.base_url,
            "service_name": SERVICE,
            "application_key": APPLICATION_KEY,
            "application_secret": SECRET,
            "consumer_key": CONSUMER_KEY,
        }
        return ovhcloud.open_gateway(GatewayAccess("ovhcloud", known | options, 5, allows_local=True))

    return give


@pytest.fixture
def gateway(open_gateway):
    return open_gateway()


def batch_of(*numbers, text="Bonjour", encoding="GSM-7", sender="CAMPANILE", key="key", valid_for=None):
    since = datetime(2026, 11, 23, 10, tzinfo=UTC)
    until = None if valid_for is None else since + valid_for
    messages = [
        OutgoingMessage(f"{key}-{index}", number, text, encoding, sender, until)
        for index, number in enumerate(numbers or NUMBERS)
    ]
    return Batch(messages, key, since)


def read_all(read, cursor=""):
    items = []
    while (page := read(cursor)).items:
        items += page.items
        cursor = page.cursor
    return items, page.cursor


JOBS = [
    ("plain alert", {}, {"message": "Bonjour", "noStopClause": True, "coding": "7bit", "sender": "CAMPANILE"}),
    ("UCS-2", {"text": "é € ж 😀", "encoding": "UCS-2"}, {"message": "é € ж 😀", "coding": "8bit"}),
    ("marketing", {"text": f"Soldes{MENTION}"}, {"message": "Soldes", "noStopClause": False}),
    (
        "mention in the middle",
        {"text": f"Soldes{MENTION} ou"},
        {"message": f"Soldes{MENTION} ou", "noStopClause": True},
    ),
    ("short code", {"sender": "36180"}, {"senderForResponse": True, "noStopClause": True, "sender": None}),
    ("no validity", {}, {"validityPeriod": None}),
    ("validity", {"valid_for": timedelta(hours=2)}, {"validityPeriod": 119}),
    ("shortest validity", {"valid_for": timedelta(minutes=2)}, {"validityPeriod": 1}),
]


@pytest.mark.parametrize(("batch", "job"), [row[1:] for row in JOBS], ids=[row[0] for row in JOBS])
def test_what_is_sent(gateway, server, batch, job):
    outcomes = gateway.submit(batch_of(**batch), inf)
    assert {outcome.outcome for outcome in outcomes} == {Outcome.ACCEPTED}
    assert [line["receiver"] for line in server.billed] == NUMBERS
    for line in server.billed:
        assert {name: line.get(name) for name in job} == job
        assert line["tag"] == ovhcloud.tag_of(batch_of())
        assert line["charset"] == "UTF-8"


def test_the_mention_is_billed_as_it_is_priced(gateway, server):
    """Our text of 160 with the mention is one segment there, 161 two."""
    for length, segments in ((149, 1), (150, 2)):
        before = server.credits_left
        gateway.submit(batch_of(NUMBERS[0], text="a" * length + MENTION, key=str(length)), inf)
        assert before - server.credits_left == segments


def test_tags_are_twenty_characters_and_their_batchs_own():
    tags = {ovhcloud.tag_of(batch_of(key=key)) for key in ("a", "b", "a")}
    assert len(tags) == 2
    assert {len(tag) for tag in tags} == {20}


def test_outcomes_follow_the_numbers_not_the_order_of_the_ids(gateway, server):
    server.blacklist.append(NUMBERS[1])
    outcomes = gateway.submit(batch_of(*NUMBERS, "+3361234"), inf)
    assert [outcome.outcome.value for outcome in outcomes] == ["accepted", "rejected", "accepted", "rejected"]
    ids = [outcome.gateway_message_id for outcome in outcomes]
    assert ids[1] is ids[3] is None
    server.settle(server.outgoing[1001], 1, 4)
    [report], _ = read_all(gateway.delivery_reports)
    assert report.gateway_message_id == ids[NUMBERS.index(server.outgoing[1001]["receiver"])]
    assert not any(number.removeprefix("+") in ids[0] + ids[2] for number in NUMBERS)


@pytest.mark.parametrize("ask", ["submit", "look_up"])
def test_a_number_that_stands_twice_gets_the_first(gateway, server, ask):
    batch = batch_of(NUMBERS[0], NUMBERS[1], NUMBERS[0])
    gateway.submit(batch, inf)
    outcomes = gateway.submit(batch, inf) if ask == "submit" else gateway.look_up(batch)
    assert {outcome.client_ref: outcome.outcome.value for outcome in outcomes} == {
        "key-0": "accepted",
        "key-1": "accepted",
        "key-2": "not_accepted",
    }
    assert [line["receiver"] for line in server.billed][:2] == NUMBERS[:2]


def test_too_late_is_rejected_without_a_request(gateway, server):
    outcomes = gateway.submit(batch_of(valid_for=timedelta(seconds=119)), inf)
    assert {outcome.outcome for outcome in outcomes} == {Outcome.REJECTED}
    assert server.requests == []


ANSWERS = [
    ("neither", {"validReceivers": [], "invalidReceivers": []}, ["unknown"] * 3),
    ("both", {"validReceivers": NUMBERS, "invalidReceivers": NUMBERS}, ["unknown"] * 3),
    ("one missing", {"validReceivers": NUMBERS[:2], "invalidReceivers": []}, ["accepted", "accepted", "unknown"]),
    (
        "written otherwise",
        {"validReceivers": ["0033612345678", "33612345679"], "invalidReceivers": ["00590690001234"]},
        ["accepted", "accepted", "rejected"],
    ),
]


@pytest.mark.parametrize(("document", "outcomes"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_answer_is_read_number_by_number(gateway, monkeypatch, document, outcomes):
    monkeypatch.setattr(OvhcloudServer, "create", lambda *_: (200, {"ids": [1], **document}))
    assert [answer.outcome.value for answer in gateway.submit(batch_of(), inf)] == outcomes


STRANGE = [
    ("a stranger", {"validReceivers": [*NUMBERS, "+33699999999"], "invalidReceivers": []}),
    ("no invalid ones", {"validReceivers": NUMBERS}),
    ("a text", "ok"),
    ("nothing", None),
    ("numbers", {"validReceivers": [33612345678], "invalidReceivers": []}),
]


@pytest.mark.parametrize("document", [row[1] for row in STRANGE], ids=[row[0] for row in STRANGE])
def test_strange_answer_is_ambiguous(gateway, monkeypatch, document):
    monkeypatch.setattr(OvhcloudServer, "create", lambda *_: (200, document))
    with pytest.raises(GatewayAmbiguous, match="cannot be read"):
        gateway.submit(batch_of(), inf)


ERRORS = [
    ("bad request", 400, GatewayDenied),
    ("key", 401, GatewayDenied),
    ("credit", 402, OutOfCredit),
    ("forbidden", 403, GatewayDenied),
    ("no such account", 404, GatewayDenied),
    ("conflict", 409, GatewayAmbiguous),
    ("throttled", 429, GatewayThrottled),
    ("broken", 500, GatewayAmbiguous),
    ("down", 503, GatewayAmbiguous),
]


@pytest.mark.parametrize(("status", "kind"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS])
def test_errors(gateway, monkeypatch, status, kind):
    words = f"no for {NUMBERS[0]} with {SECRET}"
    monkeypatch.setattr(OvhcloudServer, "create", lambda *_: error(status, words))
    with pytest.raises(GatewayError, match=str(status)) as caught:
        gateway.submit(batch_of(), inf)
    assert type(caught.value) is kind
    assert NUMBERS[0] not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_not_enough_credits_accepts_nothing(gateway, server):
    server.credits_left = Decimal(2)
    with pytest.raises(GatewayDenied, match="402"):
        gateway.submit(batch_of(), inf)
    assert (server.billed, gateway.balance()) == ([], Balance(Decimal("2.0"), "credit"))


# --- the signature and its clock --------------------------------------------------------------------------


def test_the_time_is_theirs_and_asked_once(gateway, server):
    for _ in range(3):
        gateway.balance()
    gateway.submit(batch_of(), inf)
    assert [request.path for request in server.requests].count("/1.0/auth/time") == 1
    stamps = [int(request.headers["x-ovh-timestamp"]) for request in server.requests[1:]]
    assert all(abs(stamp - datetime.now(UTC).timestamp() - AHEAD_SECONDS) < 30 for stamp in stamps)


@pytest.mark.parametrize("answer", [(500, "broken"), (200, "soon"), (200, None), (504, {})])
def test_without_the_time_nothing_is_sent(gateway, server, answer):
    server.time_answer = answer
    with pytest.raises(GatewayUnreachable, match="nothing but the time was asked"):
        gateway.submit(batch_of(), inf)
    assert [request.method for request in server.requests] == ["GET"]
    server.time_answer = None
    assert gateway.submit(batch_of(), inf)[0].outcome is Outcome.ACCEPTED


def test_a_slow_clock_uses_up_the_time(gateway, server, monkeypatch):
    answer = OvhcloudServer.answer

    def answer_late(self, request):
        if request.path.endswith("/auth/time"):
            while clock() < not_after:
                pass
        return answer(self, request)

    not_after = clock() + 0.1
    monkeypatch.setattr(OvhcloudServer, "answer", answer_late)
    with pytest.raises(GatewayUnreachable):
        gateway.submit(batch_of(), not_after)
    assert server.billed == []


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("application_key", "This application key is invalid"),
        ("application_secret", "Invalid signature"),
        ("consumer_key", "This credential does not exist"),
    ],
)
def test_each_key_is_needed(open_gateway, server, option, words):
    with pytest.raises(GatewayDenied, match=words):
        open_gateway(**{option: "another"}).balance()


def test_a_service_name_is_no_path(open_gateway):
    with pytest.raises(GatewayDenied, match="404"):
        open_gateway(service_name="../me").balance()


# --- looking up -------------------------------------------------------------------------------------------


def outcomes_of(gateway, batch):
    return [found.outcome.value for found in gateway.look_up(batch)]


def test_look_up_by_tag(gateway, server):
    server.blacklist.append(NUMBERS[1])
    batch = batch_of()
    said = gateway.submit(batch, inf)
    gateway.submit(batch_of(NUMBERS[1].replace("9", "0"), key="another"), inf)
    server.blacklist.clear()
    assert outcomes_of(gateway, batch) == ["accepted", "not_accepted", "accepted"]
    assert [found.gateway_message_id for found in gateway.look_up(batch)] == [
        outcome.gateway_message_id for outcome in said
    ]


def test_another_batch_of_the_same_people_is_no_trace(gateway):
    gateway.submit(batch_of(key="another"), inf)
    assert outcomes_of(gateway, batch_of()) == ["not_accepted"] * 3


def test_a_job_that_waits_has_no_tag_and_proves_nothing(gateway, server):
    server.holds_jobs = True
    batch = batch_of(*NUMBERS[:2])
    gateway.submit(batch, inf)
    assert outcomes_of(gateway, batch_of(*NUMBERS)) == ["unknown", "unknown", "not_accepted"]
    server.run_jobs()
    assert outcomes_of(gateway, batch) == ["accepted", "accepted"]


def test_too_many_waiting_jobs_prove_nothing(gateway, server, monkeypatch):
    monkeypatch.setattr(ovhcloud, "MAX_PENDING", 1)
    server.holds_jobs = True
    gateway.submit(batch_of(*NUMBERS[:2], key="another"), inf)
    assert outcomes_of(gateway, batch_of()) == ["unknown"] * 3


def test_a_job_that_leaves_while_we_read_is_found(gateway, server, monkeypatch):
    """It is in the list of what waits, gone when its details are asked, and in the history."""
    server.holds_jobs = True
    batch = batch_of()
    gateway.submit(batch, inf)
    details = OvhcloudServer._details

    def leave_first(self, *arguments):
        self.run_jobs()
        return details(self, *arguments)

    monkeypatch.setattr(OvhcloudServer, "_details", leave_first)
    assert outcomes_of(gateway, batch) == ["accepted"] * 3


def test_a_history_that_cannot_be_read_whole_is_ambiguous(gateway, server, monkeypatch):
    gateway.submit(batch_of(), inf)
    monkeypatch.setattr(OvhcloudServer, "_details", lambda *_: (200, [{"key": "1", "value": None, "error": {}}]))
    with pytest.raises(GatewayAmbiguous, match="1 of 1 could not be read"):
        gateway.look_up(batch_of())


# --- what comes back --------------------------------------------------------------------------------------

REPORTS = [
    (0, 0, []),
    (0, 1, []),
    (4, 2, []),
    (8, 3, []),
    (1, 4, [("delivered", None, False)]),
    (2, 5, [("undelivered", "not delivered (ptt 5)", False)]),
    (2, 8, [("undelivered", "validity expired (ptt 8)", False)]),
    (2, 23, [("undelivered", "bad or barred number (ptt 23)", True)]),
    (2, 24, [("undelivered", "absent (ptt 24)", False)]),
    (2, 25, [("undelivered", "network trouble (ptt 25)", False)]),
    (2, 26, [("undelivered", "handset trouble (ptt 26)", False)]),
    (16, 999, [("undelivered", "unknown word (ptt 999)", False)]),
    (99, 5, [("pending", "unknown word (receipt 99)", False)]),
]


@pytest.mark.parametrize(("receipt", "ptt", "expected"), REPORTS)
def test_reports(gateway, server, receipt, ptt, expected):
    [outcome] = gateway.submit(batch_of(NUMBERS[0]), inf)
    server.settle(server.outgoing[1001], receipt, ptt)
    reports, _ = read_all(gateway.delivery_reports)
    assert [(report.status, report.reason, report.is_permanent) for report in reports] == expected
    assert {report.gateway_message_id for report in reports} <= {outcome.gateway_message_id}


def test_look_ups_and_reports_name_the_credits(gateway, server):
    batch = batch_of(NUMBERS[0], text="a" * 161)
    gateway.submit(batch, inf)
    server.deliver_all()
    [report], _ = read_all(gateway.delivery_reports)
    [found] = gateway.look_up(batch)
    assert report.charge == found.charge == Charge(Decimal(2), "credit", 2)


def test_what_others_send_from_the_account_is_not_ours(gateway, server):
    gateway.submit(batch_of(), inf)
    server.deliver_all()
    for tag in (None, "", "newsletter"):
        number_id = max(server.outgoing) + 1
        server.outgoing[number_id] = server.outgoing[1001] | {"tag": tag, "id": number_id}
    assert len(read_all(gateway.delivery_reports)[0]) == len(NUMBERS)


def test_reports_of_many_come_by_pages_and_nothing_is_asked_for_ever(open_gateway, server, monkeypatch):
    monkeypatch.setattr(ovhcloud, "PAGE_SIZE", 7)
    monkeypatch.setattr(ovhcloud, "DETAILS_AT_ONCE", 3)
    server.now = datetime(2026, 11, 23, 10, tzinfo=UTC)
    gateway, numbers = open_gateway(), [f"+336123{index:05d}" for index in range(40)]
    outcomes = gateway.submit(batch_of(*numbers), inf)
    slow = server.outgoing[1001]
    server.deliver_all()
    server.settle(slow, 0, 0)
    reports, cursor = read_all(gateway.delivery_reports)
    assert len({report.report_id for report in reports}) == len(reports) == 39
    server.now += timedelta(days=1)
    gateway = open_gateway()
    gateway.submit(batch_of(NUMBERS[0], key="later"), inf)
    _, cursor = read_all(gateway.delivery_reports, cursor)
    server.settle(slow, 1, 4)
    server.deliver_all()
    later, cursor = read_all(gateway.delivery_reports, cursor)
    assert {report.gateway_message_id for report in reports + later} >= {item.gateway_message_id for item in outcomes}
    server.requests.clear()
    read_all(gateway.delivery_reports, cursor)
    assert {request.query.get("creationDatetime.from") for request in server.requests} == {
        (server.now - timedelta(hours=1)).isoformat(),
        None,
    }


def test_replies(gateway, server):
    for sender in ("+33612345678", "0033612345679", "36180", "OVH"):
        server.reply(sender, "Oui, é € ж 😀")
    replies, _ = read_all(gateway.replies)
    assert [(reply.sender, reply.text) for reply in replies] == [
        (sender, "Oui, é € ж 😀") for sender in ("+33612345678", "+33612345679", "36180", "OVH")
    ]


def test_a_reply_dated_in_the_future_hides_no_later_one(gateway, server):
    now = server.clock()
    server.reply(NUMBERS[0], "Oui")
    list(server.incoming.values())[-1]["creationDatetime"] = (now + timedelta(days=300)).isoformat()
    _, cursor = read_all(gateway.replies)
    server.reply(NUMBERS[0], "STOP")
    assert "STOP" in {reply.text for reply in read_all(gateway.replies, cursor)[0]}


def test_the_blacklist_comes_whole_when_it_has_changed(gateway, server):
    server.blacklist += [NUMBERS[0], "0033612345679"]
    page = gateway.opt_outs("")
    assert [item.msisdn for item in page.items] == [NUMBERS[0], "+33612345679"]
    assert not gateway.opt_outs(page.cursor).items
    server.blacklist.remove(NUMBERS[0])
    assert [item.msisdn for item in gateway.opt_outs(page.cursor).items] == ["+33612345679"]


def test_an_empty_blacklist_ends_the_reading(gateway):
    assert gateway.opt_outs("").items == []
    assert read_all(gateway.opt_outs) == ([], gateway.opt_outs("").cursor)


@pytest.mark.parametrize(
    "amount",
    [None, "much", "12", True, [12], {"value": 12}, float("inf"), float("nan"), -0.01, 1e13, 10**40, 1e-13],
    ids=str,
)
def test_strange_balance_is_ambiguous(gateway, monkeypatch, amount):
    answer = OvhcloudServer.answer
    strange = (200, {"creditsLeft": amount})
    monkeypatch.setattr(
        OvhcloudServer, "answer", lambda self, asked: answer(self, asked) if "auth" in asked.path else strange
    )
    with pytest.raises(GatewayAmbiguous, match="cannot be read"):
        gateway.balance()
