"""What the sandbox does wrong, seen through the adapter; and that it is drawn the same way each time."""

from decimal import Decimal
from math import inf

import pytest

from campanile.gateways.sandbox import faults
from campanile.sms.errors import GatewayAmbiguous, GatewayDenied, GatewayError, GatewayThrottled
from schemas.gateway import Charge, Outcome

FAULTS = [
    # kind, error, what it says, is it billed
    ("throttle", GatewayThrottled, "429", False),
    ("unavailable", GatewayThrottled, "503", False),
    ("reset", GatewayAmbiguous, "reset", False),
    ("accept_then_reset", GatewayAmbiguous, "reset", True),
    ("accept_then_500", GatewayAmbiguous, "500", True),
    ("slow", GatewayAmbiguous, "no whole answer", True),
    ("truncated", GatewayAmbiguous, "more expected", True),
]


@pytest.mark.parametrize(("kind", "error", "words", "is_billed"), FAULTS, ids=[row[0] for row in FAULTS])
def test_fault_becomes_the_right_error(sandbox, make_batch, kind, error, words, is_billed):
    batch = make_batch(3)
    refs = {message.client_ref for message in batch.messages}
    gateway = sandbox.gateway(deadline_seconds=0.5 if kind == "slow" else 10)
    sandbox.set_faults([kind], retry_after_seconds=0.5)
    with pytest.raises(GatewayError, match=words) as caught:
        gateway.submit(batch, inf)
    assert type(caught.value) is error
    assert getattr(caught.value, "retry_after", 0.5) == 0.5
    assert refs & {line["client_ref"] for line in sandbox.billing()} == (refs if is_billed else set())

    again = sandbox.gateway().submit(batch, inf)
    assert [outcome.outcome for outcome in again] == [Outcome.ACCEPTED] * 3
    bill = [line["client_ref"] for line in sandbox.billing() if line["client_ref"] in refs]
    assert sorted(bill) == sorted(refs)


def test_every_kind_has_a_row():
    kinds = {row[0] for row in FAULTS} | {row[0] for row in OVERCHARGES} | {"one_id", "new_id"}
    assert kinds == set(faults.KINDS)


OVERCHARGES = [
    # kind, price, segments
    ("double_price", Decimal("0.09"), 1),
    ("more_segments", Decimal("0.09"), 2),
]


@pytest.mark.parametrize(("kind", "price", "segments"), OVERCHARGES, ids=[row[0] for row in OVERCHARGES])
def test_what_is_charged_too_much_is_answered_and_billed(sandbox, make_batch, kind, price, segments):
    batch, before = make_batch(2), sandbox.balance()
    sandbox.set_faults([kind])
    said = sandbox.gateway().submit(batch, inf)
    assert [item.charge for item in said] == [Charge(price, "EUR", segments)] * 2
    assert before - sandbox.balance() == 2 * price
    refs = {message.client_ref for message in batch.messages}
    bill = [line for line in sandbox.billing() if line["client_ref"] in refs]
    assert [(Decimal(line["price"]), line["segments"]) for line in bill] == [(price, segments)] * 2
    assert [item.charge for item in sandbox.gateway().look_up(batch)] == [item.charge for item in said]


def test_one_id_for_all(sandbox, make_batch):
    sandbox.set_faults(one_id=1)
    said = [item for _ in range(2) for item in sandbox.gateway().submit(make_batch(2), inf)]
    assert len({item.gateway_message_id for item in said}) == 1


def test_new_ids_for_a_key_that_comes_again(sandbox, make_batch):
    batch = make_batch(2)
    first = sandbox.gateway().submit(batch, inf)
    sandbox.set_faults(["new_id"])
    second = sandbox.gateway().submit(batch, inf)
    assert {item.gateway_message_id for item in first}.isdisjoint(item.gateway_message_id for item in second)
    assert sandbox.gateway().submit(batch, inf) == first


def test_script_is_followed_then_over(sandbox, make_batch):
    sandbox.set_faults(["none", "throttle", "none"])
    gateway = sandbox.gateway()
    happened = []
    for _ in range(4):
        try:
            gateway.submit(make_batch(), inf)
            happened.append("accepted")
        except GatewayThrottled:
            happened.append("throttled")
    assert happened == ["accepted", "throttled", "accepted", "accepted"]


def test_balance_too_low_and_key_of_another_body(sandbox, make_batch):
    gateway = sandbox.gateway()
    sandbox.set_balance(0)
    with pytest.raises(GatewayDenied, match="402"):
        gateway.submit(make_batch(key="denied"), inf)
    sandbox.set_balance(10)
    gateway.submit(make_batch(key="denied"), inf)
    with pytest.raises(GatewayAmbiguous, match="409"):
        gateway.submit(make_batch(key="denied"), inf)


def test_rates_are_drawn_by_seed_and_number():
    plan = faults.FaultPlan(seed=7, rates={"throttle": 0.1, "slow": 0.2})
    drawn = [plan.draw(number) for number in range(5000)]
    assert drawn == [plan.draw(number) for number in range(5000)]
    assert drawn != [faults.FaultPlan(seed=8, rates=plan.rates).draw(number) for number in range(5000)]
    assert set(drawn) == {"throttle", "slow", "none"}
    assert 400 < drawn.count("throttle") < 600
    assert 900 < drawn.count("slow") < 1100


def test_no_rates_no_faults():
    assert {faults.FaultPlan().draw(number) for number in range(100)} == {"none"}


def test_command_line_form():
    plan = faults.FaultPlan()
    plan.replace_with(faults.parse_faults("throttle=0.02, slow = 0.5,slow_seconds=3"))
    assert (plan.rates, plan.slow_seconds) == ({"throttle": 0.02, "slow": 0.5}, 3.0)


@pytest.mark.parametrize("text", ["throttle", "throttle=", "throttle=x", "throttle=nan", "fire=1", "slow_seconds=-1"])
def test_command_line_form_refused(text):
    with pytest.raises(ValueError):
        faults.FaultPlan().replace_with(faults.parse_faults(text))
