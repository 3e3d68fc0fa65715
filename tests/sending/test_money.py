"""Credit that runs out while it is being sent: what is covered leaves, the rest waits, and nothing is lost."""

from tests.sending.sending_desk import DeskSender, SendingDesk
from tests.sending.test_gateway_faults import nothing_is_reserved, resumed

PEOPLE = range(10)


def test_the_balance_runs_out(desk: SendingDesk, sender: DeskSender) -> None:
    """F71: exactly the covered slices are sent; after a top-up, the rest is sent."""
    desk.begin("winter", PEOPLE)
    desk.put_balance("0.30")  # three slices of 0.09, and a rest
    run_outcome, closed = sender.run("winter")
    assert run_outcome is not None
    assert run_outcome.needs_person
    assert (closed.state, len(desk.bill())) == ("paused", 6)
    assert "needs 0.09" in closed.state_reason
    assert desk.states("winter") == {"accepted": 6, "planned": 4}
    desk.put_balance("10")
    resumed(desk)
    assert sender.run("winter")[1].state == "finished"
    assert desk.assert_in_order("winter").billed == 10


def test_the_gateway_knows_of_less_than_we_do(desk: SendingDesk, sender: DeskSender) -> None:
    """402: another application spent the credit. Nothing was accepted or lost, and a person must act."""
    sender.set(concurrency=1)
    desk.begin("winter", PEOPLE)
    desk.sandbox.set_balance("0.20")
    _, closed = sender.run("winter")
    assert (closed.state, len(desk.bill())) == ("paused", 4)
    assert "402" in closed.state_reason
    assert nothing_is_reserved(desk)
    desk.sandbox.set_balance(100)
    resumed(desk)
    assert sender.run("winter")[1].state == "finished"
    assert desk.assert_in_order("winter").billed == 10
