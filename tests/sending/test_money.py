"""Credit that runs out while it is being sent: what is covered leaves, the rest waits, and nothing is lost."""

from decimal import Decimal
from typing import Any

import pytest

from campanile.services.sending.campaign_run import alert_run_outcome, close_run, open_run, send_run
from campanile.sms.schedule.policy import load_policy
from tests.sending.sending_desk import PRICE, DeskSender, SendingDesk
from tests.sending.test_gateway_faults import nothing_is_reserved, resumed

PEOPLE = range(10)
#: What a run compares with the rules in force.
HEADER = {"policy_sha256": load_policy("fr-strict").sha256}


def test_the_balance_runs_out(desk: SendingDesk, sender: DeskSender) -> None:
    """F71: exactly the covered messages are sent; after a top-up, the rest is sent."""
    desk.begin("winter", PEOPLE, per_slice=4)
    set_balances(desk, "0.30")  # six messages of 0.045, and a rest
    run_outcome, closed = sender.run("winter")
    assert run_outcome is not None
    assert run_outcome.needs_person
    assert (closed.state, len(desk.bill())) == ("paused", 6)
    assert "needs 0.045" in closed.state_reason
    assert closed.state_reason.endswith("Top it up, then run resume-campaign")
    assert desk.states("winter") == {"accepted": 6, "planned": 4}
    desk.sandbox.set_balance("10")  # no reading since: the sender reads it
    resumed(desk)
    assert sender.run("winter")[1].state == "finished"
    assert desk.assert_in_order("winter").billed == 10


def test_the_gateway_knows_of_less_than_we_do(desk: SendingDesk, sender: DeskSender) -> None:
    """402: another application spent the credit. What it left is sent, nothing is lost, and a person must act."""
    sender.set(concurrency=1)
    desk.begin("winter", PEOPLE, per_slice=4)
    desk.sandbox.set_balance("0.30")
    _, closed = sender.run("winter")
    assert (closed.state, len(desk.bill())) == ("paused", 6)
    assert "402" in closed.state_reason
    assert "another program" in closed.state_reason
    assert nothing_is_reserved(desk)
    desk.sandbox.set_balance(100)
    resumed(desk)
    assert sender.run("winter")[1].state == "finished"
    assert desk.assert_in_order("winter").billed == 10


def test_a_gateway_that_refuses_what_its_balance_covers_is_not_asked_for_ever(
    desk: SendingDesk, sender: DeskSender
) -> None:
    from campanile.sms.errors import OutOfCredit

    sender.set(concurrency=1)
    desk.begin("winter", PEOPLE)

    def refuse(_: Any) -> None:
        raise OutOfCredit("402: your plan ended")

    sender.seam.before_post = refuse
    _, closed = sender.run("winter")
    assert closed.state == "paused"
    assert "402: your plan ended" in closed.state_reason
    assert len(sender.seam.posts) == 2, "once more after the balance was read"
    assert desk.states("winter") == {"planned": 10}


@pytest.mark.parametrize("is_known", [True, False], ids=["the ledger knows the limit", "another program used it"])
def test_five_thousand_with_credit_for_3210(desk: SendingDesk, sender: DeskSender, is_known: bool) -> None:
    sender.take_time()
    desk.settings |= {"slice_size": 500, "lease_seconds": 60, "balance_difference_limit": 1_000_000}
    desk.begin("winter", range(5000), per_slice=500, header=HEADER)
    funded = str(3210 * Decimal(PRICE))
    if is_known:
        set_balances(desk, funded)
    else:
        desk.sandbox.set_balance(funded)
    assert run_as_the_flow_does(desk) == "paused"
    assert len(desk.bill()) == 3210
    assert desk.states("winter") == {"accepted": 3210, "planned": 1790}
    assert stops_raised(desk) == ["sending stopped: winter"]
    desk.sandbox.set_balance(1000)
    resumed(desk)
    assert run_as_the_flow_does(desk) == "finished"
    assert stops_raised(desk) == ["sending stopped: winter"]
    assert desk.states("winter") == {"accepted": 5000}
    assert len({line["client_ref"] for line in desk.bill()}) == 5000
    assert desk.assert_in_order("winter").billed == 5000


@pytest.mark.parametrize("is_known", [True, False], ids=["the ledger knows the limit", "another program used it"])
def test_a_draft_that_says_send_what_fits(desk: SendingDesk, is_known: bool) -> None:
    desk.settings |= {"balance_difference_limit": 1_000_000}
    desk.begin("winter", PEOPLE, per_slice=4, header=HEADER, draft={"if_credit_ends": "send_what_fits"})
    if is_known:
        desk.put_balance("0.30")
    desk.sandbox.set_balance("0.30")
    assert run_as_the_flow_does(desk) == "finished"
    assert desk.states("winter") == {"accepted": 6, "cancelled": 4}
    assert desk.find("winter").is_stopped
    assert stops_raised(desk) == ["credit ended: winter"]
    assert desk.assert_in_order("winter").billed == 6


def set_balances(desk: SendingDesk, amount: str) -> None:
    desk.sandbox.set_balance(amount)
    desk.put_balance(amount)


def run_as_the_flow_does(desk: SendingDesk) -> str:
    """Open, send and close a campaign, and alert the team; return the state of the campaign."""
    context = desk.context()
    sending, _ = open_run(context, "winter", None)
    run_outcome = send_run(context, sending, lambda _: None)
    closed = close_run(context, sending, run_outcome)
    alert_run_outcome(context, sending, closed.campaign, run_outcome)
    return str(closed.campaign.state)


def stops_raised(desk: SendingDesk) -> list[str]:
    """Return the kinds of all alerts so far on the end of the credit, cleared or not; others are on the balance."""
    return [kind for (kind,) in desk.sql("SELECT kind FROM alert WHERE kind LIKE '%: winter' ORDER BY alert_id")]
