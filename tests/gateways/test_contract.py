"""What every adapter must do, whichever the provider.

An adapter joins by adding a row to ``RIGS``: a function that gives a ``Rig`` on a real server, spoken to over HTTP.
A scenario that a provider cannot play (``None`` in its rig) is skipped for it, by name.
"""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from gateways.sandbox.adapter import SandboxGateway
from gateways.sandbox.process import SandboxProcess
from schemas.gateway import Gateway, Outcome, OutgoingMessage, Resolution
from sms.errors import GatewayAmbiguous, GatewayDenied, GatewayError, GatewayThrottled, GatewayUnreachable

GOOD_NUMBER = "+33612345678"


@dataclass
class Rig:
    """A gateway on a real server, and the hands that make things happen at the provider."""

    gateway: Gateway
    billed_refs: Callable[[], list[str]]
    fail_next: Callable[[str], None]
    """Takes throttle, lose_before (the provider never saw it) or lose_after (it did)."""
    open_with_wrong_key: Callable[[], Gateway]
    open_elsewhere: Callable[[], Gateway]
    """On a port where nobody listens."""
    bad_number: str = "+3361234"
    opted_out_number: str | None = None
    reply: Callable[[str, str], None] | None = None
    opt_out: Callable[[str], None] | None = None
    has_balance: bool = True


SANDBOX_FAULTS = {"throttle": "throttle", "lose_before": "reset", "lose_after": "accept_then_reset"}


def sandbox_rig(resolution):
    @contextmanager
    def open_rig(folder):
        with SandboxProcess.start(folder, resolution=resolution, delivery_seconds=0) as sandbox:
            sandbox.opt_out("+33612345670")
            yield Rig(
                gateway=sandbox.gateway(),
                billed_refs=lambda: [line["client_ref"] for line in sandbox.billing()],
                fail_next=lambda what: sandbox.set_faults([SANDBOX_FAULTS[what]]),
                open_with_wrong_key=lambda: SandboxGateway(sandbox.base_url, "wrong"),
                open_elsewhere=lambda: SandboxGateway("http://127.0.0.1:1", sandbox.api_key),
                opted_out_number="+33612345670",
                reply=sandbox.reply,
                opt_out=sandbox.opt_out,
            )

    return open_rig


RIGS = {
    "sandbox with keys": sandbox_rig("idempotency_key"),
    "sandbox with look-up": sandbox_rig("look_up"),
    "sandbox with neither": sandbox_rig("neither"),
}


@pytest.fixture(scope="module", params=RIGS)
def rig(request, tmp_path_factory):
    with RIGS[request.param](tmp_path_factory.mktemp("rig")) as opened:
        yield opened


def batch_of(name, *numbers):
    return [
        OutgoingMessage(f"{name}-{index}", number, "Bonjour, é € ж", "UCS-2", "CAMPANILE")
        for index, number in enumerate(numbers)
    ]


def test_manifest_keeps_its_word(rig):
    manifest = rig.gateway.manifest
    assert manifest.batch_size >= 1
    assert manifest.messages_per_second > 0
    assert (manifest.key_life_seconds > 0) is (manifest.resolution is Resolution.IDEMPOTENCY_KEY)
    for rule in manifest.sender_rules.values():
        assert rule.stop_mention[:1] in {"", " "}
        assert rule.can_be_answered or rule.stop_mention


def test_one_outcome_a_message(rig):
    size = min(rig.gateway.manifest.batch_size, 20)
    batch = batch_of("all", *[GOOD_NUMBER] * size)
    outcomes = rig.gateway.submit(batch, "all")
    assert sorted(outcome.client_ref for outcome in outcomes) == sorted(message.client_ref for message in batch)
    assert {outcome.outcome for outcome in outcomes} == {Outcome.ACCEPTED}
    assert len({outcome.gateway_message_id for outcome in outcomes}) == size
    assert {message.client_ref for message in batch} <= set(rig.billed_refs())


def test_a_full_batch_is_taken(rig):
    size = rig.gateway.manifest.batch_size
    outcomes = rig.gateway.submit(batch_of("full", *[GOOD_NUMBER] * size), "full")
    assert [outcome.outcome for outcome in outcomes] == [Outcome.ACCEPTED] * size


def test_nothing_to_submit_is_no_request(rig):
    assert list(rig.open_elsewhere().submit([], "nothing")) == []
    assert list(rig.open_elsewhere().look_up([])) == []


def test_bad_number_is_rejected_with_words(rig):
    [outcome] = rig.gateway.submit(batch_of("bad", rig.bad_number), "bad")
    assert outcome.outcome is Outcome.REJECTED
    assert outcome.reason
    assert "bad-0" not in rig.billed_refs()


def test_opted_out_is_blacklisted(rig):
    if rig.opted_out_number is None:
        pytest.skip("this provider keeps no opt-outs")
    [outcome] = rig.gateway.submit(batch_of("out", rig.opted_out_number), "out")
    assert outcome.outcome is Outcome.BLACKLISTED
    assert "out-0" not in rig.billed_refs()


FAILURES = [
    ("throttle", GatewayThrottled, 0),
    ("lose_before", GatewayAmbiguous, 0),
    ("lose_after", GatewayAmbiguous, 1),
]


@pytest.mark.parametrize(("what", "error", "billed"), FAILURES, ids=[row[0] for row in FAILURES])
def test_failure_is_of_the_right_kind_and_is_settled(rig, what, error, billed):
    batch = batch_of(what, GOOD_NUMBER)
    rig.fail_next(what)
    with pytest.raises(GatewayError) as caught:
        rig.gateway.submit(batch, what)
    assert type(caught.value) is error
    assert GOOD_NUMBER not in str(caught.value)
    assert rig.billed_refs().count(f"{what}-0") == billed

    match rig.gateway.manifest.resolution:
        case Resolution.IDEMPOTENCY_KEY:
            [outcome] = rig.gateway.submit(batch, what)
            assert outcome.outcome is Outcome.ACCEPTED
            assert rig.billed_refs().count(f"{what}-0") == 1
        case Resolution.LOOK_UP:
            [outcome] = rig.gateway.look_up([f"{what}-0"])
            assert outcome.outcome is (Outcome.ACCEPTED if billed else Outcome.NOT_ACCEPTED)
            assert (outcome.gateway_message_id is not None) is bool(billed)
        case Resolution.NEITHER:
            with pytest.raises(GatewayError):
                rig.gateway.look_up([f"{what}-0"])


def test_wrong_key_is_denied(rig):
    with pytest.raises(GatewayDenied):
        rig.open_with_wrong_key().submit(batch_of("wrong", GOOD_NUMBER), "wrong")
    assert "wrong-0" not in rig.billed_refs()


def test_nobody_there_is_unreachable(rig):
    gateway = rig.open_elsewhere()
    for ask in (lambda: gateway.submit(batch_of("off", GOOD_NUMBER), "off"), lambda: gateway.delivery_reports("")):
        with pytest.raises(GatewayUnreachable):
            ask()


def test_reports_name_the_message_and_come_once_a_cursor(rig):
    [outcome] = rig.gateway.submit(batch_of("report", GOOD_NUMBER), "report")
    seen, cursor = [], ""
    while (page := rig.gateway.delivery_reports(cursor)).items:
        seen += page.items
        cursor = page.cursor
    [report] = [item for item in seen if item.gateway_message_id == outcome.gateway_message_id]
    assert report.client_ref in {"report-0", None}
    assert report.status in {"delivered", "undelivered", "pending"}
    assert report.reported_at.utcoffset() is not None
    assert len({item.report_id for item in seen}) == len(seen)
    assert replace(page, items=()) == replace(rig.gateway.delivery_reports(cursor), items=())


def test_replies_come_after_their_cursor(rig):
    if rig.reply is None:
        pytest.skip("nobody can answer this provider's messages")
    cursor = rig.gateway.replies("").cursor
    rig.reply(GOOD_NUMBER, "Oui, é € ж 😀")
    page = rig.gateway.replies(cursor)
    assert [(item.sender, item.text) for item in page.items] == [(GOOD_NUMBER, "Oui, é € ж 😀")]
    assert page.items[0].received_at.utcoffset() is not None
    assert list(rig.gateway.replies(page.cursor).items) == []


def test_opt_outs_come_after_their_cursor(rig):
    if rig.opt_out is None:
        pytest.skip("this provider keeps no opt-outs")
    cursor = rig.gateway.opt_outs("").cursor
    rig.opt_out("+33612345671")
    page = rig.gateway.opt_outs(cursor)
    assert [item.msisdn for item in page.items] == ["+33612345671"]
    assert list(rig.gateway.opt_outs(page.cursor).items) == []


def test_balance_falls_by_what_is_accepted(rig):
    if not rig.has_balance:
        pytest.skip("this provider tells no balance")
    before = rig.gateway.balance()
    rig.gateway.submit(batch_of("balance", GOOD_NUMBER), "balance")
    after = rig.gateway.balance()
    assert after.amount < before.amount
    assert after.unit == before.unit == rig.gateway.manifest.unit
