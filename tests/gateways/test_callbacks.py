"""Callbacks of each gateway, from its request to the store: one effect each, and none of what is not genuine."""

import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import inf
from urllib.parse import urlencode

import pytest

from campanile.gateways.callbacks.receiver import MAX_BODY_BYTES
from campanile.gateways.callbacks.spool import read_spool
from campanile.gateways.ovhcloud.callbacks import read_report as read_ovhcloud_report
from campanile.gateways.sandbox.callbacks import signature_of as sandbox_signature
from campanile.gateways.twilio.callbacks import read_report, signature_of
from campanile.services.context import Context
from campanile.services.inbound.sync import sync_opt_outs, sync_reports
from campanile.services.system_checks import check_gateway
from campanile.sms.errors import ConfigurationError
from campanile.store.contacts.retention import purge_replies
from schemas.gateway import Batch
from tests.gateways.ovhcloud_server import APPLICATION_KEY, CONSUMER_KEY, SERVICE, OvhcloudServer
from tests.gateways.ovhcloud_server import SECRET as APPLICATION_SECRET
from tests.gateways.real_kannel import eventually
from tests.gateways.receiver_process import SECRET, call
from tests.gateways.receiver_thread import ReceiverThread
from tests.gateways.twilio_server import ACCOUNT, TOKEN, TwilioServer
from tests.sandbox_thread import SandboxThread
from tests.store.conftest import MORNING, Clock, Desk
from tests.stores import context_on, copy_store

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
PERSON = "+33612345678"
#: The address that Twilio is given; the receiver of the test is behind it.
PUBLIC = "https://sms.example.org/callbacks"
SETTINGS = {
    "SMS_KANNEL_CALLBACK_SECRET": SECRET,
    "SMS_OVHCLOUD_CALLBACK_SECRET": SECRET,
    "SMS_SANDBOX_CALLBACK_SECRET": SECRET,
    "SMS_TWILIO_ACCOUNT_SID": ACCOUNT,
    "SMS_TWILIO_AUTH_TOKEN": TOKEN,
    "SMS_TWILIO_CALLBACK_URL": PUBLIC,
}


@pytest.fixture
def receiver_clock():
    return Clock(NOW)


@pytest.fixture
def receiver(tmp_path, receiver_clock):
    with ReceiverThread(tmp_path / "callbacks", dict(SETTINGS), now=receiver_clock) as running:
        yield running


@dataclass
class Way:
    """A store, a gateway, and the receiver between them."""

    desk: Desk
    gateway: str
    context: Context
    sent: list = field(default_factory=list)

    def send(self, people=range(2)):
        """Send a campaign of this gateway; return the references of its messages."""
        self.desk.put_balance("100", self.gateway)
        self.desk.read_stops(self.gateway)
        self.desk.prepare("winter", people, gateway=self.gateway)
        self.desk.approve("winter")
        lease = self.desk.open("winter")
        claim = self.desk.must_claim(lease)
        self.sent = list(claim.messages)
        gateway, size = self.context.gateway(self.gateway), self.context.manifest(self.gateway).batch_size
        batches = [Batch(self.sent[at : at + size], f"key-{at}", MORNING) for at in range(0, len(self.sent), size)]
        outcomes = [outcome for batch in batches for outcome in gateway.submit(batch, inf)]
        self.desk.record(lease, claim.slice_no, outcomes)
        with self.desk.tx() as tx:  # so that reading begins where the gateway does
            tx.execute("DELETE FROM gateway_state WHERE name IN ('replies', 'opt_outs')")
        return [message.client_ref for message in self.sent]

    def collect(self):
        """Read the delivery reports; return the states of the messages."""
        sync_reports(self.context, self.gateway)
        return self.desk.states("winter")

    def replies(self):
        """Read the replies; return all that are stored."""
        sync_opt_outs(self.context, self.gateway)
        return self.desk.sql("SELECT sender, text FROM reply ORDER BY reply_id")

    def opted_out(self):
        return {msisdn for (msisdn,) in self.desk.sql("SELECT msisdn FROM opt_out")}

    def report_count(self):
        return self.desk.sql("SELECT count(*) FROM delivery_report")[0][0]


@pytest.fixture
def way(empty_store, tmp_path, receiver):
    """Return a function that opens the way of a gateway, with settings of its own."""

    def open_way(gateway, **settings):
        desk = Desk(copy_store(empty_store, tmp_path / "data" / "sms.duckdb"))
        context = context_on(
            desk.path,
            desk.clock,
            callbacks_dir=receiver.folder,
            allow_local_providers=True,
            gateway=gateway,
            **settings,
        )
        return Way(desk, gateway, context)

    return open_way


# --- Twilio -------------------------------------------------------------------------------------------------


@pytest.fixture
def twilio_server():
    with TwilioServer(now=MORNING) as running:
        yield running


@pytest.fixture
def twilio(way, twilio_server, receiver):
    """Return the way of Twilio; the receiver knows its own address as the public one."""
    receiver.stop()
    receiver.settings["SMS_TWILIO_CALLBACK_URL"] = receiver.url
    receiver.start()
    twilio_server.incoming_url = f"{receiver.url}/twilio/replies"
    return way(
        "twilio",
        twilio_url=twilio_server.base_url,
        twilio_account_sid=ACCOUNT,
        twilio_auth_token=TOKEN,
        twilio_callback_url=receiver.url,
    )


def deliver(server, status="delivered", code=None):
    for message in server.messages:
        server.move(message, status, code)


def test_the_signature_is_that_of_twilios_documentation():
    """The example of https://www.twilio.com/docs/usage/security."""
    fields = {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234"}
    form = urlencode(fields | {"From": "+14158675309", "To": "+18005551212"})
    assert signature_of("12345", "https://mycompany.com/myapp.php?foo=1&bar=2", form) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_what_twilio_calls_back_reaches_the_messages(twilio, twilio_server):
    """Its lists stay empty: nothing comes by polling."""
    twilio_server.lists_nothing = True
    twilio.send()
    deliver(twilio_server)
    assert twilio.collect() == {"delivered": 2}
    assert {answer for _, answer in twilio_server.calls} == {(200, b"<Response/>")}
    twilio_server.reply(PERSON, "STOP 😀")
    assert twilio.replies() == [(PERSON, "STOP 😀")]
    assert twilio.opted_out() == {PERSON}


def test_without_an_address_twilio_is_only_polled(way, twilio_server):
    twilio = way("twilio", twilio_url=twilio_server.base_url, twilio_account_sid=ACCOUNT, twilio_auth_token=TOKEN)
    twilio.send()
    deliver(twilio_server)
    assert twilio.collect() == {"delivered": 2}
    assert (twilio_server.calls, dict(twilio.context.gateway("twilio").callbacks)) == ([], {})


def test_messages_on_their_way_are_no_report(twilio, twilio_server, receiver):
    twilio_server.lists_nothing = True
    twilio.send()
    before = receiver.everything()
    for status in ("queued", "sending", "sent"):
        deliver(twilio_server, status)
    assert {answer for _, answer in twilio_server.calls} == {(200, b"<Response/>")}
    assert receiver.everything() == before
    assert twilio.collect() == {"accepted": 2}


def test_a_report_that_is_called_back_and_polled_is_one(twilio, twilio_server):
    twilio.send()
    deliver(twilio_server, "undelivered", 30005)
    assert twilio.collect() == {"undelivered": 2}
    assert twilio.report_count() == 2
    assert twilio.desk.sql("SELECT count(*) FROM dead_number") == [(2,)]


@pytest.mark.parametrize("first", ["called back", "polled"])
def test_a_reply_that_is_called_back_and_polled_is_one(twilio, twilio_server, first):
    """Twilio's list says when it recorded the reply, the callback says nothing: its id identifies it."""
    receiver_url, twilio_server.incoming_url = twilio_server.incoming_url, ""
    message = twilio_server.reply(PERSON, "STOP")
    fields = {"MessageSid": message["sid"], "From": PERSON, "Body": "STOP"}
    if first == "polled":
        assert twilio.replies() == [(PERSON, "STOP")]
        twilio_server.call_back(receiver_url, fields)
    else:
        twilio_server.call_back(receiver_url, fields)
        twilio_server.lists_nothing = True
        assert twilio.replies() == [(PERSON, "STOP")]
        twilio_server.lists_nothing = False
    assert twilio_server.calls[0][1] == (200, b"<Response/>")
    assert twilio.replies() == [(PERSON, "STOP")]
    assert twilio.desk.sql("SELECT count(*) FROM opt_out_entry") == [(1,)]


@pytest.fixture
def days_pass(twilio, twilio_server, receiver_clock):
    """Return a function that moves all clocks: ours, Twilio's and the receiver's."""

    def move(days):
        receiver_clock.forward(days=days)
        twilio.desk.clock.at = twilio_server.now = receiver_clock.at

    move(0)
    return move


def replay(twilio_server, number):
    """Send a request of Twilio again, with its valid signature."""
    twilio_server.send(*twilio_server.calls[number][0])
    assert twilio_server.calls[-1][1] == (200, b"<Response/>")


def test_f68_a_start_of_twilio_counts_at_the_time_of_the_list(twilio, twilio_server, days_pass):
    """A callback has no time, and its signature holds for ever: a START from before the STOP must not lift it."""
    twilio_server.reply(PERSON, "STOP")
    assert (twilio.replies(), twilio.opted_out()) == ([(PERSON, "STOP")], {PERSON})
    days_pass(1)
    captured = {"MessageSid": f"SM{'0' * 32}", "From": PERSON, "To": "+33644600001", "Body": "Start"}
    twilio_server.call_back(twilio_server.incoming_url, captured)  # of an older store: neither the list nor ours has it
    assert twilio_server.calls[-1][1] == (200, b"<Response/>")
    assert (twilio.replies(), twilio.opted_out()) == ([(PERSON, "STOP")], {PERSON})

    twilio_server.reply(PERSON, "START")
    assert twilio.replies() == [(PERSON, "STOP"), (PERSON, "START")]
    assert twilio.opted_out() == set(), "the list has this one, with its time"


def test_f68_a_start_of_twilio_that_was_purged_does_not_come_back(twilio, twilio_server, days_pass):
    twilio_server.reply(PERSON, "START")
    assert twilio.replies() == [(PERSON, "START")]
    days_pass(60)
    with twilio.desk.tx() as tx:
        tx.execute("UPDATE reply SET answer = 'off'")
        assert purge_replies(tx, twilio.desk.clock.at - timedelta(days=31)) == 1
    twilio_server.reply(PERSON, "STOP")
    assert twilio.replies() == [("(erased)", "(erased)"), (PERSON, "STOP")]
    days_pass(1)
    replay(twilio_server, 0)
    twilio.desk.sql("DELETE FROM gateway_state")  # the list is read again from its beginning, too
    assert twilio.replies() == [("(erased)", "(erased)"), (PERSON, "STOP")]
    assert twilio.opted_out() == {PERSON}


def test_f68_twilio_reports_have_one_effect(twilio, twilio_server):
    """Duplicate, delivered -> failed, unknown id, replayed, of another gateway."""
    twilio_server.lists_nothing = True
    twilio.send()
    deliver(twilio_server)
    assert twilio.collect() == {"delivered": 2}
    known = list(twilio_server.calls)
    for (url, body, headers), _ in known * 3:  # replayed, each with its valid signature
        twilio_server.send(url, body, headers)
    deliver(twilio_server)  # told again
    assert (twilio.collect(), twilio.report_count()) == ({"delivered": 2}, 2)
    deliver(twilio_server, "failed", 30003)
    assert twilio.collect() == {"delivered": 2}
    url = known[0][0][0]
    twilio_server.call_back(url, {"MessageSid": "SM" + "0" * 32, "MessageStatus": "delivered"})
    assert twilio.collect() == {"delivered": 2}
    assert {answer[0] for _, answer in twilio_server.calls} == {200}


def test_f68_a_report_of_another_gateway_changes_nothing(twilio, twilio_server, receiver):
    """The sandbox says of a message of Twilio's that it failed, by the id and the reference that Twilio knows it by."""
    twilio_server.lists_nothing = True
    [ref, _] = twilio.send()
    item = {
        "report_id": "d-1", "message_id": twilio_server.messages[0]["sid"], "client_ref": ref, "status": "undelivered",
        "reason": "absent", "is_permanent": True, "reported_at": NOW.isoformat(),
    }  # fmt: skip
    body = json.dumps({"items": [item], "unit": "EUR"})
    assert call(f"{receiver.url}/sandbox/reports", body.encode(), signed_by_sandbox(SECRET, "reports", body))[0] == 200
    settings = {"sandbox_url": "http://127.0.0.1:1", "sandbox_callback_secret": SECRET}
    context = context_on(twilio.desk.path, twilio.desk.clock, callbacks_dir=receiver.folder, **settings)
    [report] = context.gateway("sandbox").callbacks["reports"]("").items
    assert report.gateway_message_id == twilio_server.messages[0]["sid"]
    with twilio.desk.tx() as tx:
        before = tx.execute("SELECT count(*) FROM message_event").fetchall()
    twilio.desk.report_all([report])
    assert twilio.desk.states("winter") == {"accepted": 2}
    assert twilio.desk.sql("SELECT count(*) FROM message_event") == before
    assert twilio.desk.sql("SELECT count(*) FROM dead_number") == [(0,)]


STATUSES = [
    ("delivered", {}, ("delivered", None, False)),
    ("read", {}, ("delivered", None, False)),
    ("undelivered", {"ErrorCode": "30003"}, ("undelivered", "absent (30003)", False)),
    ("undelivered", {"ErrorCode": "30005"}, ("undelivered", "unknown subscriber (30005)", True)),
    ("failed", {"ErrorCode": ""}, ("undelivered", "not delivered (failed)", False)),
    ("canceled", {"ErrorCode": "0"}, ("undelivered", "cancelled (canceled)", False)),
    ("teleported", {}, ("pending", "unknown word (teleported)", False)),
]


@pytest.mark.parametrize(("status", "more", "expected"), STATUSES, ids=[f"{row[0]} {row[1]}" for row in STATUSES])
def test_a_status_of_twilio_means(status, more, expected):
    content = urlencode({"MessageSid": "SM1", "MessageStatus": status} | more)
    [report] = read_report(content, NOW)
    assert (report.status, report.reason, report.is_permanent) == expected
    assert (report.gateway_message_id, report.client_ref, report.reported_at) == ("SM1", None, NOW)


# --- OVHcloud -----------------------------------------------------------------------------------------------


@pytest.fixture
def ovhcloud_server():
    with OvhcloudServer(now=MORNING) as running:
        yield running


@pytest.fixture
def ovhcloud(way, ovhcloud_server):
    return way(
        "ovhcloud",
        ovhcloud_url=ovhcloud_server.base_url,
        ovhcloud_service_name=SERVICE,
        ovhcloud_application_key=APPLICATION_KEY,
        ovhcloud_application_secret=APPLICATION_SECRET,
        ovhcloud_consumer_key=CONSUMER_KEY,
        ovhcloud_callback_secret=SECRET,
    )


def ovhcloud_url(receiver, history, secret=SECRET, **fields):
    return f"{receiver.url}/ovhcloud/{secret}/{history}?{urlencode(fields)}"


def receipt(number, description, ptt):
    """Return what OVHcloud appends to the address."""
    date = "20261124100000"
    return {"id": number, "ptt": ptt, "date": date, "description": description, "descriptionDlr": "Success"}


def test_what_ovhcloud_calls_back_is_asked_of_ovhcloud(ovhcloud, ovhcloud_server, receiver):
    ovhcloud.send()
    delivered, failed = ovhcloud_server.outgoing.values()
    ovhcloud_server.settle(delivered, 1, 4)
    ovhcloud_server.settle(failed, 2, 24)
    for sent, description, ptt in ((delivered, 1, 4), (failed, 2, 24)):
        assert call(ovhcloud_url(receiver, "reports", **receipt(sent["id"], description, ptt))) == (200, b"")
    called_back = ovhcloud.context.gateway("ovhcloud").callbacks["reports"]("").items
    polled = ovhcloud.context.gateway("ovhcloud").delivery_reports("").items
    assert sorted(called_back, key=repr) == sorted(polled, key=repr)
    assert ovhcloud.collect() == {"delivered": 1, "undelivered": 1}
    assert ovhcloud.report_count() == 2


def test_f68_a_callback_of_ovhcloud_proves_nothing_by_itself(ovhcloud, ovhcloud_server, receiver):
    """It says "failed", of a message that OVHcloud delivered, that it does not know, or that was not ours."""
    ovhcloud.send()
    ours, other = ovhcloud_server.outgoing.values()
    ovhcloud_server.settle(ours, 1, 4)
    ovhcloud_server.outgoing[7] = ours | {"id": 7, "tag": "of another program", "deliveryReceipt": 2, "ptt": 23}
    for number in (ours["id"], other["id"], 7, 999_999):
        assert call(ovhcloud_url(receiver, "reports", **receipt(number, 2, 23))) == (200, b"")
    called_back = ovhcloud.context.gateway("ovhcloud").callbacks["reports"]("")
    assert [report.status for report in called_back.items] == ["delivered"]
    assert ovhcloud.collect() == {"delivered": 1, "accepted": 1}
    assert ovhcloud.desk.sql("SELECT count(*) FROM dead_number") == [(0,)]


def test_a_reply_that_ovhcloud_calls_back_is_one(ovhcloud, ovhcloud_server, receiver):
    number = ovhcloud_server.reply(PERSON, "STOP")
    form = {"id": number, "senderid": PERSON, "message": "STOP", "shortcode": "36111", "tag": ""}
    for _ in range(2):
        assert call(ovhcloud_url(receiver, "replies"), urlencode(form).encode()) == (200, b"")
    page = ovhcloud.context.gateway("ovhcloud").callbacks["replies"]("")
    assert [(item.sender, item.text) for item in page.items] == [(PERSON, "STOP")]
    assert ovhcloud.replies() == [(PERSON, "STOP")]
    assert ovhcloud.opted_out() == {PERSON}


RECEIPTS = [
    ("created or waiting", "0", []),
    ("delivered", "1", [12]),
    ("failed", "2", [12]),
    ("waiting", "4", []),
    ("buffered", "8", []),
    ("refused", "16", [12]),
    ("a status of tomorrow", "99", [12]),
    ("words", "Success", [12]),
]


@pytest.mark.parametrize(("description", "ids"), [row[1:] for row in RECEIPTS], ids=[row[0] for row in RECEIPTS])
def test_a_receipt_of_ovhcloud_names_its_message(description, ids):
    assert read_ovhcloud_report(urlencode(receipt(12, description, 4)), NOW) == ids


# --- the sandbox --------------------------------------------------------------------------------------------


def signed_by_sandbox(secret, history, body):
    """Return the headers of a callback of the sandbox, as its page says."""
    signature = hmac.new(secret.encode(), f"{history}\n{body}".encode(), "sha256").hexdigest()
    return {"X-Sandbox-Signature": signature, "Content-Type": "application/json"}


@pytest.fixture
def secret_file(tmp_path):
    file = tmp_path / "callback-secret"
    file.write_text(f"{SECRET}\n")
    return file


@pytest.fixture
def start_sandbox(tmp_path, receiver, secret_file):
    """Return a function that starts a sandbox that calls the receiver back."""
    started = []

    def start(**options):
        known = {"callback_url": receiver.url, "callback_secret_file": secret_file, "delivery_seconds": 0}
        started.append(SandboxThread.start(tmp_path / "sandbox", **(known | options)))
        return started[-1]

    yield start
    for sandbox in started:
        sandbox.stop()


def open_sandbox_way(way, sandbox):
    return way("sandbox", sandbox_url=sandbox.base_url, sandbox_callback_secret=SECRET)


def items_in(receiver, history):
    callbacks, _ = read_spool(receiver.folder / "sandbox", history, "", 1_000)
    return [item for callback in callbacks for item in json.loads(callback.content)["items"]]


def test_what_the_sandbox_calls_back_reaches_the_store_without_polling(way, start_sandbox, receiver):
    sandbox = start_sandbox()
    found = open_sandbox_way(way, sandbox)
    found.send(range(2))
    sandbox.reply(PERSON, "Merci 😀")
    sandbox.opt_out("+33612345679")
    eventually(
        lambda: (
            all(items_in(receiver, history) for history in ("replies", "opt_outs"))
            and len(items_in(receiver, "reports")) == 2
        ),
        receiver.everything,
    )
    sandbox.stop()  # nobody can be polled any more
    gateway = found.context.gateway("sandbox")
    gateway.delivery_reports = gateway.callbacks["reports"]
    gateway.replies = gateway.callbacks["replies"]
    gateway.opt_outs = gateway.callbacks["opt_outs"]
    assert sum(found.collect().get(state, 0) for state in ("delivered", "undelivered")) == 2
    assert found.replies() == [(PERSON, "Merci 😀")]
    assert found.opted_out() == {"+33612345679"}


def test_what_comes_from_the_sandbox_by_both_ways_is_one(way, start_sandbox, receiver):
    sandbox = start_sandbox()
    found = open_sandbox_way(way, sandbox)
    found.send(range(2))
    sandbox.reply(PERSON, "STOP")
    eventually(lambda: items_in(receiver, "replies") and len(items_in(receiver, "reports")) == 2, receiver.everything)
    for _ in range(2):
        found.collect()
        assert found.replies() == [(PERSON, "STOP")]
    assert found.report_count() == 2
    assert found.desk.sql("SELECT count(*) FROM opt_out WHERE msisdn = '+33612345678'") == [(1,)]


def test_what_no_receiver_took_is_called_again_after_a_restart_too(start_sandbox, receiver):
    """A restart between a call and the note of it makes the call again."""
    receiver.stop()
    sandbox = start_sandbox()
    sandbox.reply(PERSON, "STOP")
    sandbox.restart()
    receiver.start()
    eventually(lambda: items_in(receiver, "replies"), receiver.everything)
    sandbox.restart()
    sandbox.reply(PERSON, "Merci")
    eventually(lambda: len({item["text"] for item in items_in(receiver, "replies")}) == 2, receiver.everything)
    found = {item["reply_id"]: item["text"] for item in items_in(receiver, "replies")}
    assert list(found.values()) == ["STOP", "Merci"]


def test_diagnose_setup_says_whether_callbacks_are_received(way, start_sandbox, receiver):
    found = open_sandbox_way(way, start_sandbox())
    gateway = found.context.gateway("sandbox")
    assert check_gateway(found.context, gateway).endswith("; a receiver takes its callbacks")
    receiver.stop()
    advice = check_gateway(found.context, gateway)
    receiver.start()
    assert "no receiver takes its callbacks, so it is only polled" in advice.found
    assert advice.to_do == "start python -m campanile.gateways.callbacks; docs/callbacks.md"


def test_a_sandbox_calls_nobody_without_a_secret(tmp_path):
    with pytest.raises(ConfigurationError, match="the callback secret must be 16 or more"):
        SandboxThread.start(tmp_path / "sandbox", callback_url="http://127.0.0.1:1")


# --- what is not genuine ------------------------------------------------------------------------------------

STATUS = {"AccountSid": ACCOUNT, "MessageSid": "SM1", "MessageStatus": "delivered"}
REPORTS_URL = f"{PUBLIC}/twilio/reports"
LIST = json.dumps({"items": [], "unit": "EUR"})


def twilio_call(url=REPORTS_URL, path="/twilio/reports", token=TOKEN, fields=STATUS, sent=None):
    """Return a callback whose signature is right unless something is changed: path, body, headers."""
    signature = signature_of(token, url, urlencode(fields))
    return path, urlencode(fields if sent is None else sent), {"X-Twilio-Signature": signature}


def sandbox_call(path="/sandbox/replies", secret=SECRET, history="replies", body=LIST, sent=None):
    return path, body if sent is None else sent, {"X-Sandbox-Signature": sandbox_signature(secret, history, body)}


FORGED = {
    "twilio: no signature": ("/twilio/reports", urlencode(STATUS), {}),
    "twilio: empty signature": ("/twilio/reports", urlencode(STATUS), {"X-Twilio-Signature": ""}),
    "twilio: of another account": twilio_call(token="another-token"),
    "twilio: another account, our token": twilio_call(fields=STATUS | {"AccountSid": "AC" + "f" * 32}),
    "twilio: no account": twilio_call(fields={name: STATUS[name] for name in ("MessageSid", "MessageStatus")}),
    "twilio: another status": twilio_call(sent=STATUS | {"MessageStatus": "failed"}),
    "twilio: one parameter more": twilio_call(sent=STATUS | {"ErrorCode": "30005"}),
    "twilio: of another address": twilio_call(url=f"{PUBLIC}/twilio/replies"),
    "twilio: of the address behind the proxy": twilio_call(url="http://127.0.0.1:8910/twilio/reports"),
    "twilio: sent to another address": twilio_call(path="/twilio/replies"),
    "twilio: with a query": twilio_call(path="/twilio/reports?MessageStatus=failed"),
    "twilio: with a part that is none of Twilio's": twilio_call(path=f"/twilio/{SECRET}/reports"),
    "twilio: not ASCII": ("/twilio/reports", urlencode(STATUS), {"X-Twilio-Signature": "é"}),
    "sandbox: no signature": ("/sandbox/replies", LIST, {}),
    "sandbox: of another secret": sandbox_call(secret="another-secret-of-ours"),
    "sandbox: another body": sandbox_call(sent=LIST + " "),
    "sandbox: a report as a reply": sandbox_call(history="reports"),
    "sandbox: with a part that is none of its own": sandbox_call(path=f"/sandbox/{SECRET}/replies"),
    "ovhcloud: another secret": ("/ovhcloud/another-secret-of-ours/reports?id=1&description=1", "", {}),
    "ovhcloud: no secret": ("/ovhcloud/reports?id=1&description=1", "", {}),
    "ovhcloud: the secret as a parameter": (f"/ovhcloud/reports?secret={SECRET}&id=1", "", {}),
    "kannel: another secret": ("/kannel/another-secret-of-ours/reports?ref=a&status=1", None, {}),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_f68_forged_callbacks_get_403_and_leave_no_trace(receiver, forged):
    path, body, headers = forged
    before = receiver.everything()
    encoded = None if body is None else body.encode()
    assert call(receiver.url + path, encoded, headers) == (403, b"")
    assert receiver.everything() == before


GENUINE = {
    "twilio": twilio_call(),
    "sandbox": sandbox_call(
        body=(body := json.dumps({"items": [{"reply_id": "r", "from": PERSON, "text": "a", "received_at": str(NOW)}]}))
    ),
    "ovhcloud": (f"/ovhcloud/{SECRET}/reports?id=1&description=1", "", {}),
    "kannel": (f"/kannel/{SECRET}/reports?ref=a&status=1", None, {}),
}


@pytest.mark.parametrize("genuine", GENUINE.values(), ids=GENUINE)
def test_the_same_requests_are_taken_when_they_are_genuine(receiver, genuine):
    path, body, headers = genuine
    before = receiver.everything()
    assert call(receiver.url + path, None if body is None else body.encode(), headers)[0] == 200
    assert receiver.everything() != before


UNREADABLE = {
    "twilio: no sid": twilio_call(fields={"AccountSid": ACCOUNT, "MessageStatus": "delivered"}),
    "twilio: a code that is no number": twilio_call(fields=STATUS | {"MessageStatus": "failed", "ErrorCode": "x"}),
    "sandbox: no JSON": sandbox_call(body="{"),
    "sandbox: no list": sandbox_call(body="[]"),
    "sandbox: an item without its text": sandbox_call(body='{"items": [{"reply_id": "r"}]}'),
    "sandbox: a list in a list in a list": sandbox_call(body="[" * 20_000),
    "ovhcloud: no id": (f"/ovhcloud/{SECRET}/reports?description=1", "", {}),
    "ovhcloud: an id that is none": (f"/ovhcloud/{SECRET}/replies?id=1;DROP", "", {}),
}


@pytest.mark.parametrize("request_", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_refused_and_leaves_no_trace(receiver, request_):
    path, body, headers = request_
    before = receiver.everything()
    assert call(receiver.url + path, body.encode(), headers) == (400, b"")
    assert receiver.everything() == before


@pytest.mark.parametrize(("length", "status"), [(MAX_BODY_BYTES, 403), (MAX_BODY_BYTES + 1, 413)])
def test_a_body_has_a_longest_length(receiver, length, status):
    assert call(f"{receiver.url}/twilio/reports", b"x" * length, {"X-Twilio-Signature": "none"})[0] == status
