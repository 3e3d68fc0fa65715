"""What every adapter must do, whichever the provider.

An adapter joins by adding a row to ``RIGS``: a function that gives a ``Rig`` on a real server, spoken to over HTTP.
A scenario that a provider cannot play (``None`` in its rig) is skipped for it, by name.
"""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf
from pathlib import Path

import pytest

from campanile.gateways.credentials import GatewayAccess
from campanile.gateways.registry import GATEWAY_NAMES, manifest_of, open_gateway
from campanile.gateways.sandbox.testing import SandboxProcess
from campanile.gateways.transport import clock
from campanile.sms.errors import (
    ConfigurationError,
    GatewayAmbiguous,
    GatewayDenied,
    GatewayError,
    GatewayThrottled,
    GatewayUnreachable,
)
from schemas.gateway import SAFE_SETTLE_SECONDS, Batch, Gateway, Outcome, OutgoingMessage, Resolution
from tests.gateways import kannel_server, ovhcloud_server, twilio_server
from tests.gateways.kannel_server import FakeSmsbox
from tests.gateways.ovhcloud_server import OvhcloudServer
from tests.gateways.receiver_process import ReceiverProcess, call
from tests.gateways.twilio_server import TwilioServer

GOOD_NUMBER = "+33612345678"
NOBODY = "http://127.0.0.1:1"


@dataclass
class Rig:
    """A gateway on a real server, and the actions at the provider."""

    name: str
    options: dict[str, str]
    """What its settings say, the keys and passwords under the names of ``secrets``."""
    secrets: tuple[str, ...]
    billed: Callable[[], list[tuple[str, str]]]
    """Number and text of each message the provider took."""
    fail_next: Callable[[str], None]
    """Takes throttle, lose_before (the provider never saw it) or lose_after (it did)."""
    bad_number: str = "+3361234"
    opted_out_number: str | None = None
    valid_seconds: Callable[[str], float] | None = None
    """How long the provider will try the message with a text."""
    deliver: Callable[[], None] = lambda: None
    reply: Callable[[str, str], object] | None = None
    opt_out: Callable[[str], None] | None = None
    spool: Path = Path("nowhere")
    """Where the receiver keeps the callbacks; there is none beside a server that does not exist."""
    elsewhere: dict[str, str] = field(default_factory=lambda: {"url": NOBODY})
    """The options of a server that does not exist."""

    def open(self, **changes: str) -> Gateway:
        spool = self.spool.with_name("nowhere") if "url" in changes else self.spool
        access = GatewayAccess(self.name, self.options | changes, 5, allows_local=True, spool=spool)
        return open_gateway(self.name, access)


SANDBOX_FAULTS = {"throttle": "throttle", "lose_before": "reset", "lose_after": "accept_then_reset"}


def sandbox_rig(resolution):
    @contextmanager
    def open_rig(folder):
        with SandboxProcess.start(folder, resolution=resolution, delivery_seconds=0) as sandbox:
            sandbox.opt_out("+33612345670")

            def valid_seconds(text):
                [line] = [line for line in sandbox.billing() if line["text"] == text]
                return seconds_between(line["accepted_at"], line["valid_until"])

            yield Rig(
                name="sandbox",
                options={"url": sandbox.base_url, "api_key": sandbox.api_key, "resolution": resolution},
                secrets=("api_key",),
                billed=lambda: [(line["to"], line["text"]) for line in sandbox.billing()],
                fail_next=lambda what: sandbox.set_faults([SANDBOX_FAULTS[what]]),
                opted_out_number="+33612345670",
                valid_seconds=valid_seconds,
                reply=sandbox.reply,
                opt_out=sandbox.opt_out,
            )

    return open_rig


def seconds_between(first, last):
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def twilio_rig(**options):
    @contextmanager
    def open_rig(_):
        with TwilioServer(opted_out={"+33612345670"}) as server:

            def sent():
                return [message for message in server.messages if message["direction"] == "outbound-api"]

            yield Rig(
                name="twilio",
                options={
                    "url": server.base_url,
                    "account_sid": twilio_server.ACCOUNT,
                    "auth_token": twilio_server.TOKEN,
                    **options,
                },
                secrets=("auth_token",),
                billed=lambda: [(message["to"], message["body"]) for message in sent()],
                fail_next=server.faults.append,
                opted_out_number="+33612345670",
                valid_seconds=lambda text: next(item["validity_period"] for item in sent() if item["body"] == text),
                deliver=server.deliver_all,
                reply=server.reply,
            )

    return open_rig


@contextmanager
def ovhcloud_rig(_):
    with OvhcloudServer() as server:

        def valid_seconds(text):
            return next(job["validityPeriod"] for job in server.billed if job["message"] == text) * 60

        yield Rig(
            name="ovhcloud",
            options={
                "url": server.base_url,
                "application_key": ovhcloud_server.APPLICATION_KEY,
                "application_secret": ovhcloud_server.SECRET,
                "consumer_key": ovhcloud_server.CONSUMER_KEY,
                "service_name": ovhcloud_server.SERVICE,
            },
            secrets=("application_key", "application_secret", "consumer_key"),
            billed=lambda: [(job["receiver"], job["message"]) for job in server.billed],
            fail_next=server.faults.append,
            valid_seconds=valid_seconds,
            deliver=server.deliver_all,
            reply=server.reply,
            opt_out=server.blacklist.append,
        )


@contextmanager
def kannel_rig(folder):
    with ReceiverProcess(folder) as receiver, FakeSmsbox() as smsbox:

        def reply(sender, text):
            url = kannel_server.reply_url(receiver.url, sender, text, charset="UTF-16BE")
            assert call(url) == (200, b"")

        def valid_seconds(text):
            return next(int(item["validity"]) for item in smsbox.accepted if item["text"] == text) * 60

        options = kannel_server.access_to(smsbox.url, receiver.spool, receiver.url).options
        yield Rig(
            name="kannel",
            options=dict(options),
            secrets=("username", "password"),
            billed=lambda: [(item["to"], item["text"]) for item in smsbox.accepted],
            fail_next=smsbox.fail_next,
            bad_number=kannel_server.BLACKLISTED,
            valid_seconds=valid_seconds,
            reply=reply,
            spool=receiver.spool,
        )


RIGS = {
    "sandbox with keys": sandbox_rig("idempotency_key"),
    "sandbox with look-up": sandbox_rig("look_up"),
    "sandbox with neither": sandbox_rig("neither"),
    "twilio": twilio_rig(),
    "twilio with a messaging service": twilio_rig(messaging_service_sid=twilio_server.SERVICE),
    "ovhcloud": ovhcloud_rig,
    "kannel": kannel_rig,
}


@pytest.fixture(scope="module", params=RIGS)
def rig(request, tmp_path_factory):
    with RIGS[request.param](tmp_path_factory.mktemp("rig")) as opened:
        yield opened


@pytest.fixture
def gateway(rig):
    return rig.open()


def batch_of(name, *numbers, valid_until=None):
    """Return a batch with a text of its own, the same for all."""
    messages = [
        OutgoingMessage(f"{name}-{index}", number, text_of(name), "UCS-2", "CAMPANILE", valid_until)
        for index, number in enumerate(numbers)
    ]
    return Batch(messages, name, datetime.now(UTC))


def text_of(name):
    return f"Bonjour {name}, é € ж"


def numbers(count):
    return [f"+336123{index:05d}" for index in range(count)]


def was_billed(rig, name):
    return [number for number, text in rig.billed() if text == text_of(name)]


def refused(rig, error, ask):
    """Return the words of an error, which must be of one kind, and tell nothing that is private."""
    with pytest.raises(GatewayError) as caught:
        ask()
    words = str(caught.value)
    assert type(caught.value) is error
    assert words.isprintable()
    assert not [option for option in rig.secrets if rig.options[option] in words]
    assert GOOD_NUMBER.removeprefix("+") not in words
    return words


def read_all(read, cursor=""):
    """Return all items after a cursor, and the last cursor, as the collecting flows read them."""
    items = []
    for _ in range(100):
        page = read(cursor)
        items += page.items
        if not page.items or page.cursor == cursor:
            return items, page.cursor
        cursor = page.cursor
    raise AssertionError("the reading does not end")


def test_every_gateway_has_a_rig():
    assert {name.split()[0] for name in RIGS} == set(GATEWAY_NAMES)


def test_manifest_keeps_its_word(rig, gateway):
    manifest = gateway.manifest
    assert manifest.gateway == rig.name
    assert manifest.batch_size >= 1
    assert manifest.concurrency >= 1
    assert manifest.segments_per_second > 0
    assert manifest.look_up_lag_seconds >= 0
    assert manifest.settle_seconds >= SAFE_SETTLE_SECONDS[manifest.resolution]
    assert not manifest.is_lag_exact, "no team has configured it"
    assert (manifest.key_life_seconds > 0) is (manifest.resolution is Resolution.IDEMPOTENCY_KEY)
    assert manifest.sender_rules
    for rule in manifest.sender_rules.values():
        assert rule.stop_mention[:1] in {"", " "}


def test_one_outcome_a_message(rig, gateway):
    asked = numbers(min(gateway.manifest.batch_size, 20))
    batch = batch_of("all", *asked)
    outcomes = gateway.submit(batch, inf)
    assert sorted(outcome.client_ref for outcome in outcomes) == sorted(item.client_ref for item in batch.messages)
    assert {outcome.outcome for outcome in outcomes} == {Outcome.ACCEPTED}
    assert len({outcome.gateway_message_id for outcome in outcomes}) == len(asked)
    assert sorted(was_billed(rig, "all")) == asked


def test_a_full_batch_is_taken(rig, gateway):
    asked = numbers(gateway.manifest.batch_size)
    outcomes = gateway.submit(batch_of("full", *asked), inf)
    assert [outcome.outcome for outcome in outcomes] == [Outcome.ACCEPTED] * len(asked)
    assert sorted(was_billed(rig, "full")) == asked


def test_nothing_to_submit_is_no_request(rig):
    gateway = rig.open(**rig.elsewhere)
    assert list(gateway.submit(batch_of("nothing"), inf)) == []
    assert list(gateway.look_up(batch_of("nothing"))) == []


def test_bad_number_is_rejected_with_words(rig, gateway):
    [outcome] = gateway.submit(batch_of("bad", rig.bad_number), inf)
    assert outcome.outcome is Outcome.REJECTED
    assert outcome.reason
    assert was_billed(rig, "bad") == []


def test_opted_out_is_blacklisted(rig, gateway):
    if rig.opted_out_number is None:
        pytest.skip("this provider does not tell of opt-outs when it refuses")
    [outcome] = gateway.submit(batch_of("out", rig.opted_out_number), inf)
    assert outcome.outcome is Outcome.BLACKLISTED
    assert was_billed(rig, "out") == []


FAILURES = [
    ("throttle", GatewayThrottled, 0),
    ("lose_before", GatewayAmbiguous, 0),
    ("lose_after", GatewayAmbiguous, 1),
]


@pytest.mark.parametrize(("what", "error", "billed"), FAILURES, ids=[row[0] for row in FAILURES])
def test_failure_is_of_the_right_kind_and_is_settled(rig, gateway, what, error, billed):
    batch = batch_of(what, GOOD_NUMBER)
    rig.fail_next(what)
    refused(rig, error, lambda: gateway.submit(batch, inf))
    assert len(was_billed(rig, what)) == billed

    match gateway.manifest.resolution:
        case Resolution.IDEMPOTENCY_KEY:
            [outcome] = gateway.submit(batch, inf)
            assert outcome.outcome is Outcome.ACCEPTED
            assert len(was_billed(rig, what)) == 1
        case Resolution.LOOK_UP:
            [outcome] = gateway.look_up(batch)
            assert outcome.outcome is (Outcome.ACCEPTED if billed else Outcome.NOT_ACCEPTED)
            assert (outcome.gateway_message_id is not None) is bool(billed)
        case Resolution.NEITHER:
            refused(rig, GatewayDenied, lambda: gateway.look_up(batch))


def test_look_up_says_what_submit_said(rig, gateway):
    if gateway.manifest.resolution is not Resolution.LOOK_UP:
        pytest.skip("this class settles in another way")
    batch = batch_of("said", *numbers(min(gateway.manifest.batch_size, 120)))
    said = {(item.client_ref, item.outcome, item.gateway_message_id) for item in gateway.submit(batch, inf)}
    assert {(item.client_ref, item.outcome, item.gateway_message_id) for item in gateway.look_up(batch)} == said


def test_look_up_finds_what_a_forgotten_request_posted(rig, gateway):
    """A restored store knows the message, and not the request that posted it."""
    if not gateway.manifest.looks_up_messages:
        pytest.skip("here a restored store leaves what it does not know to a person")
    batch = batch_of("forgotten", *numbers(min(gateway.manifest.batch_size, 3)))
    gateway.submit(batch, inf)
    for message in batch.messages:
        [outcome] = gateway.look_up(replace(batch, messages=[message], request_key="another"))
        assert outcome.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("seconds_late", [0, 1])
def test_nothing_is_sent_once_its_time_has_passed(rig, gateway, seconds_late):
    name = f"late {seconds_late}"
    refused(rig, GatewayUnreachable, lambda: gateway.submit(batch_of(name, GOOD_NUMBER), clock() - seconds_late))
    assert was_billed(rig, name) == []


def test_in_time_it_leaves(rig, gateway):
    [outcome] = gateway.submit(batch_of("in time", GOOD_NUMBER), clock() + 60)
    assert outcome.outcome is Outcome.ACCEPTED


def test_no_message_is_sent_after_its_time(rig, gateway):
    if rig.valid_seconds is None:
        pytest.skip("this provider keeps no validity that can be seen")
    valid_until = datetime.now(UTC) + timedelta(hours=2)
    [outcome] = gateway.submit(batch_of("valid", GOOD_NUMBER, valid_until=valid_until), inf)
    assert outcome.outcome is Outcome.ACCEPTED
    assert 6900 <= rig.valid_seconds(text_of("valid")) <= 7200


def test_what_is_no_longer_valid_is_rejected(rig, gateway):
    [outcome] = gateway.submit(batch_of("over", GOOD_NUMBER, valid_until=datetime.now(UTC)), inf)
    assert (outcome.outcome, outcome.reason) == (Outcome.REJECTED, "validity passed")
    assert was_billed(rig, "over") == []


def test_wrong_key_is_denied(rig):
    for secret in rig.secrets:
        gateway = rig.open(**{secret: "another-key-of-a-test"})
        words = refused(rig, GatewayDenied, partial(gateway.submit, batch_of("wrong", GOOD_NUMBER), inf))
        assert "another-key-of-a-test" not in words
    assert was_billed(rig, "wrong") == []


def test_a_missing_server_is_unreachable(rig):
    gateway = rig.open(**rig.elsewhere)
    for ask in (lambda: gateway.submit(batch_of("off", GOOD_NUMBER), inf), lambda: gateway.delivery_reports("")):
        refused(rig, GatewayUnreachable, ask)


def test_reports_name_the_message_and_come_once_a_cursor(rig, gateway):
    [outcome] = gateway.submit(batch_of("report", GOOD_NUMBER), inf)
    rig.deliver()
    seen, cursor = read_all(gateway.delivery_reports)
    reports = [item for item in seen if item.gateway_message_id == outcome.gateway_message_id]
    assert reports
    for report in reports:
        assert report.client_ref in {"report-0", None}
        assert report.status in {"delivered", "undelivered", "pending"}
        assert report.reported_at.utcoffset() is not None
    assert len({item.report_id for item in seen}) == len(seen)
    again, _ = read_all(gateway.delivery_reports, cursor)
    assert {item.report_id for item in again} <= {item.report_id for item in seen}


def test_a_message_after_the_cursor_is_reported(rig, gateway):
    _, cursor = read_all(gateway.delivery_reports)
    [outcome] = gateway.submit(batch_of("later report", GOOD_NUMBER), inf)
    rig.deliver()
    later, _ = read_all(gateway.delivery_reports, cursor)
    assert outcome.gateway_message_id in {item.gateway_message_id for item in later}


def test_replies_come_after_their_cursor(rig, gateway):
    if rig.reply is None:
        pytest.skip("people cannot answer this provider's messages")
    before, cursor = read_all(gateway.replies)
    rig.reply(GOOD_NUMBER, "Oui, é € ж 😀")
    after, cursor = read_all(gateway.replies, cursor)
    known = {item.gateway_reply_id for item in before}
    fresh = {item.gateway_reply_id: item for item in after if item.gateway_reply_id not in known}
    [reply] = fresh.values()
    assert (reply.sender, reply.text) == (GOOD_NUMBER, "Oui, é € ж 😀")
    assert reply.received_at.utcoffset() is not None
    again, _ = read_all(gateway.replies, cursor)
    assert {item.gateway_reply_id for item in again} <= known | fresh.keys()


def test_opt_outs_come_after_their_cursor(rig, gateway):
    before, cursor = read_all(gateway.opt_outs)
    if rig.opt_out is None:
        assert before == []
        pytest.skip("this provider lists no opt-outs")
    rig.opt_out("+33612345671")
    after, cursor = read_all(gateway.opt_outs, cursor)
    assert {item.msisdn for item in after} - {item.msisdn for item in before} == {"+33612345671"}
    assert after[0].opted_out_at.utcoffset() is not None
    assert read_all(gateway.opt_outs, cursor)[0] == []


def test_balance_falls_by_what_is_accepted(rig, gateway):
    if not gateway.manifest.has_balance:
        with pytest.raises(ConfigurationError):
            gateway.balance()
        return
    before = gateway.balance()
    gateway.submit(batch_of("balance", GOOD_NUMBER), inf)
    after = gateway.balance()
    assert after.amount < before.amount
    assert after.unit == before.unit == manifest_of(rig.name).unit
