"""Every endpoint of the sandbox, spoken to in plain HTTP as ``docs/sandbox.md`` tells it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import requests

PARIS = "+33612345678"
GUADELOUPE = "+590690001234"


@pytest.fixture
def call(sandbox):
    """Return a function that asks the sandbox."""

    def ask(method, path, document=None, headers=(), key=sandbox.api_key, data=None):
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method,
                sandbox.base_url + path,
                json=document,
                data=data,
                headers={"Authorization": f"Bearer {key}", **dict(headers)},
                timeout=10,
            )

    return ask


def batch(*messages, sender_id="CAMPANILE"):
    return {"sender_id": sender_id, "messages": list(messages)}


def message(ref, to=PARIS, text="Bonjour", **more):
    return {"client_ref": ref, "to": to, "text": text, **more}


ENDPOINTS = [
    ("POST", "/v1/messages"),
    ("POST", "/v1/messages/look-up"),
    ("GET", "/v1/delivery-reports"),
    ("GET", "/v1/replies"),
    ("GET", "/v1/opt-outs"),
    ("GET", "/v1/balance"),
    ("GET", "/v1/prices"),
    ("POST", "/sandbox/replies"),
    ("POST", "/sandbox/opt-outs"),
    ("PUT", "/sandbox/balance"),
    ("PUT", "/sandbox/faults"),
    ("PUT", "/sandbox/clock"),
    ("GET", "/sandbox/billing"),
]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
@pytest.mark.parametrize("key", ["", "wrong", "clé".encode().decode("latin-1")])
def test_nothing_without_the_key(call, method, path, key):
    assert call(method, path, {}, key=key).status_code == 401


MALFORMED = [
    # label, method, path, body, status
    ("no object", "POST", "/v1/messages", [], 400),
    ("no messages", "POST", "/v1/messages", {"sender_id": "X"}, 400),
    ("empty batch", "POST", "/v1/messages", batch(), 400),
    ("messages is a text", "POST", "/v1/messages", {"sender_id": "X", "messages": "hello"}, 400),
    ("message is a text", "POST", "/v1/messages", batch("hello"), 400),
    ("no reference", "POST", "/v1/messages", batch({"to": PARIS, "text": "x"}), 400),
    ("number is a number", "POST", "/v1/messages", batch(message("a", to=33612345678)), 400),
    ("empty text", "POST", "/v1/messages", batch(message("a", text="")), 400),
    ("half a character", "POST", "/v1/messages", batch(message("a", text="\ud83d")), 400),
    ("no sender", "POST", "/v1/messages", {"messages": [message("a")]}, 400),
    ("sender too long", "POST", "/v1/messages", batch(message("a"), sender_id="A" * 16), 400),
    ("sender of another script", "POST", "/v1/messages", batch(message("a"), sender_id="Ъ"), 400),
    ("validity is a word", "POST", "/v1/messages", batch(message("a", valid_until="soon")), 400),
    ("validity without zone", "POST", "/v1/messages", batch(message("a", valid_until="2026-11-23T19:00:00")), 400),
    ("reference twice", "POST", "/v1/messages", batch(message("a"), message("a")), 400),
    ("too many", "POST", "/v1/messages", batch(*(message(f"{n}") for n in range(501))), 413),
    ("look up nothing", "POST", "/v1/messages/look-up", {}, 400),
    ("look up numbers", "POST", "/v1/messages/look-up", {"client_refs": [1]}, 400),
    ("look up too many", "POST", "/v1/messages/look-up", {"client_refs": ["a"] * 501}, 413),
    ("cursor is a word", "GET", "/v1/replies?cursor=x", None, 400),
    ("cursor is negative", "GET", "/v1/opt-outs?cursor=-1", None, 400),
    ("cursor of another folder", "GET", "/v1/delivery-reports?cursor=999999", None, 400),
    ("limit is a word", "GET", "/v1/delivery-reports?limit=all", None, 400),
    ("reply without text", "POST", "/sandbox/replies", {"from": PARIS}, 400),
    ("opt-out without a valid number", "POST", "/sandbox/opt-outs", {"msisdn": "0612345678"}, 400),
    ("balance is a word", "PUT", "/sandbox/balance", {"amount": "much"}, 400),
    ("balance without end", "PUT", "/sandbox/balance", {"amount": "Infinity"}, 400),
    ("unknown fault", "PUT", "/sandbox/faults", {"fire": 1}, 400),
    ("share over 1", "PUT", "/sandbox/faults", {"reset": 1.5}, 400),
    ("shares over 1 together", "PUT", "/sandbox/faults", {"reset": 0.6, "throttle": 0.6}, 400),
    ("unknown script", "PUT", "/sandbox/faults", {"script": ["fire"]}, 400),
    ("script is a text", "PUT", "/sandbox/faults", {"script": "reset"}, 400),
    ("clock is a word", "PUT", "/sandbox/clock", {"offset_seconds": "later"}, 400),
    ("clock of another age", "PUT", "/sandbox/clock", {"offset_seconds": 1e12}, 400),
    ("no such path", "GET", "/v2/messages", None, 404),
    ("no such method", "GET", "/v1/messages", None, 405),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"), [row[1:] for row in MALFORMED], ids=[row[0] for row in MALFORMED]
)
def test_malformed_is_refused_and_changes_nothing(call, sandbox, method, path, body, status):
    bill, balance = sandbox.billing(), sandbox.balance()
    assert call(method, path, body).status_code == status
    assert (sandbox.billing(), sandbox.balance()) == (bill, balance)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json(call, data):
    assert call("POST", "/v1/messages", data=data).status_code == 400


PRICED = [
    # label, number, text, segments, price
    ("one segment", PARIS, "Bonjour", 1, "0.045"),
    ("two segments", PARIS, "a" * 161, 2, "0.090"),
    ("UCS-2", PARIS, "ж" * 71, 2, "0.090"),
    ("overseas", GUADELOUPE, "Bonjour", 1, "0.075"),
    ("neighbour", "+32470123456", "Bonjour", 1, "0.075"),
    ("an unassigned range", "+33700000000", "Bonjour", 1, "0.045"),
]


@pytest.mark.parametrize(
    ("number", "text", "segments", "price"), [row[1:] for row in PRICED], ids=[row[0] for row in PRICED]
)
def test_accepted_message_is_priced_and_billed(call, sandbox, request, number, text, segments, price):
    ref = request.node.name
    answer = call("POST", "/v1/messages", batch(message(ref, number, text))).json()["messages"]
    assert answer == [
        {
            "client_ref": ref,
            "status": "accepted",
            "message_id": answer[0]["message_id"],
            "segments": segments,
            "price": price,
            "reason": None,
        }
    ]
    line = sandbox.billing()[-1]
    assert (line["client_ref"], line["message_id"], line["to"], line["segments"], line["price"], line["text"]) == (
        (ref, answer[0]["message_id"], number, segments, price, text)
    )
    assert sandbox.balance() == Decimal(1000) - Decimal(price)


REFUSED_NUMBERS = [
    ("national", "0612345678"),
    ("no plus", "33612345678"),
    ("word", "hello"),
    ("too short", "+3361234"),
    ("too long", "+336123456789012"),
    ("no such country", "+999612345678"),
    ("full-width digits", "+３３６１２３４５６７８"),
    ("no price", "+818012345678"),
]


@pytest.mark.parametrize("number", [row[1] for row in REFUSED_NUMBERS], ids=[row[0] for row in REFUSED_NUMBERS])
def test_refused_number_is_rejected_alone(call, sandbox, request, number):
    refs = [f"{request.node.name}-{index}" for index in range(2)]
    answer = call("POST", "/v1/messages", batch(message(refs[0], number), message(refs[1]))).json()["messages"]
    assert [line["status"] for line in answer] == ["rejected", "accepted"]
    assert answer[0]["message_id"] is None
    assert answer[0]["reason"] in {"invalid number", "no price for this country"}
    assert [line["client_ref"] for line in sandbox.billing()][-1:] == refs[1:]
    assert refs[0] not in {line["client_ref"] for line in sandbox.billing()}


VALIDITIES = [
    # label, seconds from now, status, reason
    ("tomorrow", 86400, "accepted", None),
    ("a second ago", -1, "rejected", "validity passed"),
]


@pytest.mark.parametrize(
    ("seconds", "status", "reason"), [row[1:] for row in VALIDITIES], ids=[row[0] for row in VALIDITIES]
)
def test_validity_is_kept_and_once_passed_refused(call, sandbox, request, seconds, status, reason):
    ref, until = request.node.name, (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    [line] = call("POST", "/v1/messages", batch(message(ref, valid_until=until))).json()["messages"]
    assert (line["status"], line["reason"]) == (status, reason)
    billed = [(line["client_ref"], line["valid_until"]) for line in sandbox.billing() if line["client_ref"] == ref]
    assert billed == ([(ref, until)] if status == "accepted" else [])


def test_validity_follows_the_sandboxs_clock(call, sandbox):
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    sandbox.set_clock(3601)
    [line] = call("POST", "/v1/messages", batch(message("clock", valid_until=until))).json()["messages"]
    assert line["reason"] == "validity passed"


def test_balance_too_low_accepts_nothing(call, sandbox):
    sandbox.set_balance("0.089")
    body = batch(message("low-1"), message("low-2"))
    assert call("POST", "/v1/messages", body, {"Idempotency-Key": "low"}).status_code == 402
    assert sandbox.balance() == Decimal("0.089")
    sandbox.set_balance("0.090")
    assert call("POST", "/v1/messages", body, {"Idempotency-Key": "low"}).status_code == 200
    assert sandbox.balance() == 0


def test_same_key_is_answered_again_and_billed_once(call, sandbox):
    body = batch(message("again-1"), message("again-2", "hello"))
    first, second = (call("POST", "/v1/messages", body, {"Idempotency-Key": "again"}) for _ in range(2))
    assert first.json() == second.json()
    assert [line["client_ref"] for line in sandbox.billing()].count("again-1") == 1
    other = call("POST", "/v1/messages", batch(message("again-3")), {"Idempotency-Key": "again"})
    assert other.status_code == 409
    assert "again-3" not in {line["client_ref"] for line in sandbox.billing()}


def test_same_key_with_another_validity_is_another_body(call, sandbox):
    def submit(hours):
        until = datetime(2100, 1, 1, hours, tzinfo=UTC).isoformat()
        body = batch(message("valid-key", valid_until=until))
        return call("POST", "/v1/messages", body, {"Idempotency-Key": "valid-key"}).status_code

    assert [submit(1), submit(1), submit(2)] == [200, 200, 409]
    assert [line["client_ref"] for line in sandbox.billing()].count("valid-key") == 1


def test_same_key_at_once_is_billed_once(call, sandbox):
    body = batch(*(message(f"at-once-{index}") for index in range(200)))
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(call, "POST", "/v1/messages", body, {"Idempotency-Key": "at once"}) for _ in range(8)]
    answers = [done.result().json() for done in calls]
    assert all(answer == answers[0] for answer in answers)
    refs = [line["client_ref"] for line in sandbox.billing() if line["client_ref"].startswith("at-once-")]
    assert len(refs) == len(set(refs)) == 200


@pytest.mark.parametrize(("hours", "times"), [(23, 1), (25, 2)])
def test_key_lives_a_day(call, sandbox, hours, times):
    ref = f"day-{hours}"
    body = batch(message(ref))
    call("POST", "/v1/messages", body, {"Idempotency-Key": ref})
    sandbox.set_clock(hours * 3600)
    call("POST", "/v1/messages", body, {"Idempotency-Key": ref})
    assert [line["client_ref"] for line in sandbox.billing()].count(ref) == times


def test_prices(call):
    prices = call("GET", "/v1/prices").json()
    assert prices["unit"] == "EUR"
    assert {"country": "FR", "price": "0.045"} in prices["prices"]


def test_every_country_of_the_brief_has_a_price(call):
    countries = {line["country"] for line in call("GET", "/v1/prices").json()["prices"]}
    overseas = {"GP", "MQ", "GF", "RE", "YT", "PM", "NC", "PF", "WF"}
    assert countries >= overseas | {"FR", "BE", "CH", "LU", "MC", "DE", "ES", "IT", "GB", "US"}


STOPS = [
    ("stop", "STOP", True),
    ("lower case and dot", " stop.", True),
    ("with words", "Stop svp merci", True),
    ("another word", "Stopper ?", False),
    ("later in the text", "non STOP", False),
    ("empty", "", False),
]


@pytest.mark.parametrize(("text", "is_opt_out"), [row[1:] for row in STOPS], ids=[row[0] for row in STOPS])
def test_stop_is_a_reply_and_an_opt_out(call, sandbox, text, is_opt_out):
    number = f"+3361999{[row[1] for row in STOPS].index(text):04d}"
    replies, opt_outs = (call("GET", f"/v1/{name}").json()["cursor"] for name in ("replies", "opt-outs"))
    reply_id = sandbox.reply(number, text)
    new = call("GET", f"/v1/replies?cursor={replies}").json()["items"]
    assert [(item["reply_id"], item["from"], item["text"]) for item in new] == [(reply_id, number, text)]
    new = call("GET", f"/v1/opt-outs?cursor={opt_outs}").json()["items"]
    assert [item["msisdn"] for item in new] == [number] * is_opt_out


@pytest.mark.parametrize(
    ("number", "text", "is_back"),
    [
        pytest.param("+33619990111", "START", True, id="start"),
        pytest.param("+33619990112", "unstop !", True, id="unstop"),
        pytest.param("+33619990113", "Start demain", False, id="inside a message"),
    ],
)
def test_start_takes_a_number_off_the_list(call, sandbox, number, text, is_back):
    before = call("GET", "/v1/opt-outs").json()["cursor"]
    for word in ("STOP", text, "STOP"):
        sandbox.reply(number, word)
    new = call("GET", f"/v1/opt-outs?cursor={before}").json()["items"]
    assert [item["msisdn"] for item in new] == [number] * (1 + is_back)


def test_opted_out_is_blacklisted_and_not_billed(call, sandbox):
    sandbox.opt_out("+33619990101")
    sandbox.opt_out("+33619990101")
    numbers = [item["msisdn"] for item in call("GET", "/v1/opt-outs").json()["items"]]
    assert numbers.count("+33619990101") == 1
    answer = call("POST", "/v1/messages", batch(message("out-1", "+33619990101"))).json()["messages"]
    assert (answer[0]["status"], answer[0]["message_id"]) == ("blacklisted", None)
    assert "out-1" not in {line["client_ref"] for line in sandbox.billing()}


def test_pages_follow_the_cursor(call, sandbox):
    start = call("GET", "/v1/delivery-reports").json()
    while start["items"]:
        start = call("GET", f"/v1/delivery-reports?cursor={start['cursor']}").json()
    call("POST", "/v1/messages", batch(*(message(f"page-{index}") for index in range(5))))
    seen, cursor = [], start["cursor"]
    for _ in range(4):
        page = call("GET", f"/v1/delivery-reports?cursor={cursor}&limit=2").json()
        seen.append([item["client_ref"] for item in page["items"]])
        cursor = page["cursor"]
    assert seen == [["page-0", "page-1"], ["page-2", "page-3"], ["page-4"], []]
    assert call("GET", f"/v1/delivery-reports?cursor={start['cursor']}").json()["cursor"] == cursor


def test_page_for_people_masks_numbers(call, sandbox):
    call("POST", "/v1/messages", batch(message("page", text="appelez le 06 12 34 56 78 <b>")))
    page = call("GET", "/", key="").text
    assert "balance" in page
    assert "<b>" not in page
    assert "33612345678" not in page
    assert "06 12 34 56 78" not in page


def test_opt_outs_are_taken_once_each(call, sandbox):
    numbers = ["+33612349101", "+33612349102"]
    before = len(call("GET", "/v1/opt-outs").json()["items"])
    for _ in range(2):
        assert call("POST", "/v1/opt-outs", {"msisdns": numbers}).json() == {"count": 2}
    sandbox.gateway().push_opt_outs(numbers)
    listed = [item["msisdn"] for item in call("GET", "/v1/opt-outs").json()["items"]][before:]
    assert listed == numbers
    answer = call("POST", "/v1/messages", batch(message("pushed", to=numbers[0]))).json()
    assert answer["messages"][0]["status"] == "blacklisted"


@pytest.mark.parametrize(
    ("document", "status"),
    [({}, 400), ({"msisdns": ["0612"]}, 400), ({"msisdns": "+33612349101"}, 400), ({"msisdns": [PARIS] * 501}, 413)],
)
def test_opt_outs_that_are_refused(call, document, status):
    assert call("POST", "/v1/opt-outs", document).status_code == status
