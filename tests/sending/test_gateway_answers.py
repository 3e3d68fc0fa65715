"""What a gateway answers is compared with what is known: its ids, its prices, and how late its look-ups are."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from campanile.gateways.sandbox.testing import SandboxProcess
from schemas.gateway import Batch, Charge, Outcome, Resolution, SubmitOutcome
from schemas.inbound_rows import GatewayState
from schemas.ledger_rows import TerritoryResult
from tests.sending.books import Bill
from tests.sending.sending_desk import DeskSender, SendingDesk, start_sandbox
from tests.sending.test_gateway_faults import all_reports, resumed
from tests.stores import copy_store

LOOK_UP, NEITHER = Resolution.LOOK_UP, Resolution.NEITHER
STOPPED = "sending stopped: winter"
PRICE = Decimal("0.045")


@pytest.fixture
def sender(sender: DeskSender) -> DeskSender:
    """Return a sender whose requests do not time out on a busy machine: these tests are about what is answered."""
    sender.take_time()
    return sender


def in_order(desk: SendingDesk) -> Bill:
    """See that the store and the gateway's bill agree, and return what they say; what still waits is not lost."""
    found = desk.books("winter")
    assert replace(found, lost=found.lost - desk.states("winter").get("planned", 0)).wrong() == {}, found
    return found


# --- ids --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("per_slice", [4, 1], ids=["in one answer", "one message an answer"])
def test_one_id_for_all_pauses_the_campaign(desk: SendingDesk, sender: DeskSender, per_slice: int) -> None:
    """All are accepted under the same id: none is sent twice, nothing more is sent, and the team is alerted."""
    desk.settings |= {"slice_size": per_slice, "concurrency": 1}
    desk.begin("winter", range(12), per_slice=per_slice)
    desk.sandbox.set_faults(one_id=1)
    run_outcome, closed = sender.run("winter")
    assert run_outcome is not None
    assert run_outcome.needs_person
    assert closed.state == "paused"
    assert "id" in closed.state_reason
    assert desk.alerts() == [STOPPED]
    found = in_order(desk)
    assert found.unknown_billed == (4 if per_slice == 4 else 1)
    assert found.billed == (4 if per_slice == 4 else 2)


@pytest.mark.parametrize("resolution", [pytest.param(LOOK_UP, id="look_up")])
def test_what_was_accepted_under_a_wrong_id_is_never_sent_again(
    desk: SendingDesk, sender: DeskSender, resolution: Resolution
) -> None:
    """Its look-ups show no trace of it, as often as they are asked: it stays unknown, for a person."""
    desk.begin("winter", range(2))
    desk.sandbox.set_faults(one_id=1)
    sender.run("winter")
    desk.sandbox.set_faults()
    asked: list[Batch] = []

    def see_nothing(batch: Batch) -> Sequence[SubmitOutcome]:
        asked.append(batch)
        sender.stop.set() if len(asked) == 4 else None
        return [SubmitOutcome(message.client_ref, Outcome.NOT_ACCEPTED) for message in batch.messages]

    sender.seam.look_up = see_nothing  # type: ignore[method-assign]
    resumed(desk)
    sender.run("winter")
    assert len(asked) == 4
    assert desk.states("winter") == {"unknown": 2}
    assert in_order(desk).billed == 2


def test_a_new_id_on_a_retry_pauses_the_campaign(desk: SendingDesk, sender: DeskSender) -> None:
    """One message of the first answer is missing; under the same key the others come back with other ids."""
    answers: list[Sequence[SubmitOutcome]] = []

    def lose_one(outcomes: Sequence[SubmitOutcome]) -> Sequence[SubmitOutcome]:
        answers.append(outcomes)
        return outcomes[1:] if len(answers) == 1 else outcomes

    sender.seam.after_post = lose_one
    sender.set(slice_size=4, concurrency=1)
    desk.begin("winter", range(4), per_slice=4)
    desk.sandbox.set_faults(["none", "new_id"])
    _, closed = sender.run("winter")
    assert closed.state == "paused"
    assert "another id than before" in closed.state_reason
    assert desk.alerts() == [STOPPED]
    assert in_order(desk).billed == 4


def test_a_report_under_a_new_id_pauses_the_campaign(desk: SendingDesk, sender: DeskSender) -> None:
    """The first answer is lost and the second has new ids: reports, which name the first, tell them apart."""
    sender.set(concurrency=1)
    desk.begin("winter", {"FR": range(2), "GP": range(2, 4)})
    desk.sandbox.set_faults(["accept_then_reset", "new_id"])
    _, closed = sender.run("winter")
    assert closed.state == "parked"
    desk.report_all(all_reports(desk))
    assert desk.find("winter").state == "paused"
    assert desk.alerts() == [STOPPED]
    assert desk.states("winter") == {"delivered": 2, "planned": 2}


def test_ids_that_were_given_long_ago_are_compared_at_the_end(
    desk: SendingDesk, sender: DeskSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campanile.store.ledger.message_ids.LOOK_BACK_EVENTS", 0)
    desk.settings |= {"slice_size": 1, "concurrency": 1}
    desk.begin("winter", range(3), per_slice=1)
    desk.sandbox.set_faults(one_id=1)
    _, closed = sender.run("winter")
    assert closed.state == "finished"
    assert desk.alerts() == ["message ids: winter"]
    assert desk.broken().keys() == {"invariant.gateway_ids_are_unique"}
    desk.sql("UPDATE message_event SET gateway_message_id = CAST(event_id AS VARCHAR)")


# --- prices -----------------------------------------------------------------------------------------------------


def charged(desk: SendingDesk) -> Decimal:
    (found,) = desk.sql("SELECT sum(amount) FROM credit_entry WHERE kind IN ('capture', 'adjust')")[0]
    return Decimal(found)


@pytest.mark.parametrize("fault", ["double_price", "more_segments"])
def test_twice_the_price_is_captured_and_pauses_the_campaign(desk: SendingDesk, sender: DeskSender, fault: str) -> None:
    sender.set(concurrency=1)
    desk.begin("winter", range(8))
    desk.sandbox.set_faults(**{fault: 1.0})
    _, closed = sender.run("winter")
    assert closed.state == "paused"
    assert "charged 0.18 EUR" in closed.state_reason
    assert "0.09 EUR" in closed.state_reason
    assert desk.alerts() == ["price: winter", STOPPED]
    assert in_order(desk).billed == 2
    assert charged(desk) == 4 * PRICE
    assert desk.states("winter") == {"accepted": 2, "planned": 6}


def test_within_the_limit_it_goes_on_and_the_results_say_what_it_cost(desk: SendingDesk, sender: DeskSender) -> None:
    sender.set(price_limit_percent=150)
    desk.begin("winter", range(8))
    desk.sandbox.set_faults(double_price=1)
    _, closed = sender.run("winter")
    assert closed.state == "finished"
    assert desk.alerts() == ["price: winter"]
    assert in_order(desk).billed == 8
    (row,) = desk.select(TerritoryResult, "message.by_territory", campaign_id=closed.campaign_id)
    assert row.spent == charged(desk) == 16 * PRICE
    assert set(desk.export(closed.name)["charged"]) == {"0.090000"}


@pytest.mark.parametrize(
    ("factor", "state", "alerts"),
    [
        pytest.param("1", "finished", [], id="what the recap said"),
        pytest.param("1.009", "finished", [], id="within the tolerance"),
        pytest.param("1.02", "finished", ["price: winter"], id="beyond the tolerance"),
        pytest.param("0.5", "finished", ["price: winter"], id="far too cheap"),
        pytest.param("1.21", "paused", ["price: winter", STOPPED], id="beyond the limit"),
    ],
)
def test_how_much_a_price_may_differ(
    desk: SendingDesk, sender: DeskSender, factor: str, state: str, alerts: list[str]
) -> None:
    amount = round(PRICE * Decimal(factor), 6)
    sender.seam.after_post = lambda outcomes: [replace(item, charge=Charge(amount, "EUR", 1)) for item in outcomes]
    sender.set(concurrency=1)
    desk.begin("winter", range(4))
    _, closed = sender.run("winter")
    assert (closed.state, desk.alerts()) == (state, alerts)
    accepted = desk.states("winter")["accepted"]
    assert charged(desk) == amount * accepted


def test_another_unit_cannot_be_compared(desk: SendingDesk, sender: DeskSender) -> None:
    sender.seam.after_post = lambda outcomes: [replace(item, charge=Charge(PRICE, "USD", 1)) for item in outcomes]
    sender.set(concurrency=1)
    desk.begin("winter", range(4))
    _, closed = sender.run("winter")
    assert closed.state == "paused"
    assert "in USD, and its prices are in EUR" in closed.state_reason
    assert charged(desk) == 2 * PRICE


@pytest.mark.parametrize("resolution", [pytest.param(LOOK_UP, id="look_up"), pytest.param(NEITHER, id="neither")])
def test_a_price_that_is_known_later_is_captured_too(
    desk: SendingDesk, sender: DeskSender, resolution: Resolution
) -> None:
    """Billed twice the price and the answer is lost: a look-up, or a report, says what it cost."""
    desk.begin("winter", range(2))
    desk.sandbox.set_faults(["double_price"])
    sender.seam.after_post = lambda outcomes: []
    sender.run("winter")
    if resolution is NEITHER:
        desk.report_all(all_reports(desk))
    assert charged(desk) == 4 * PRICE
    assert desk.alerts() == (["price: winter", STOPPED])
    assert in_order(desk).billed == 2


# --- look-ups that come too early -------------------------------------------------------------------------------


@pytest.fixture
def lag_seconds() -> int:
    """Return half an hour: longer than the busiest machine takes for the test, whose clock runs on."""
    return 1800


@pytest.fixture
def slow_to_see(tmp_path: Path, lag_seconds: int) -> Iterator[SandboxProcess]:
    """Return a sandbox whose look-ups see a message only so long after it was accepted."""
    with start_sandbox(tmp_path / "sandbox", LOOK_UP, look_up_lag=lag_seconds) as sandbox:
        sandbox.set_faults(retry_after_seconds=0.01)
        yield sandbox


def desk_of(sandbox: SandboxProcess, empty_store: Path, folder: Path) -> SendingDesk:
    desk = SendingDesk(copy_store(empty_store, folder / "data" / "sms.duckdb"), sandbox, fork_server=None)
    # Time is moved by hand: a busy machine gets what it needs for each request.
    desk.settings |= {"gateway_deadline_seconds": 5, "claim_seconds": 30, "lease_seconds": 30}
    desk.settings |= {"settle_seconds": 5, "settle_wait_seconds": 0, "slice_size": 4}
    return desk


def send_on(desk: SendingDesk, sender: DeskSender, closed: dict[str, Any]) -> dict[str, Any]:
    """Let time pass until nothing is left to do."""
    for _ in range(20):
        if closed.state != "parked" or closed.due_at is None:
            break
        desk.forward(seconds=(closed.due_at - desk.clock.at).total_seconds() + 0.1)
        _, closed = sender.run("winter")
    return closed


@pytest.mark.parametrize(
    ("lag_seconds", "setting"),
    [pytest.param(1800, 1800, id="as make up hands it over"), pytest.param(30, None, id="not set")],
)
def test_absence_counts_only_after_the_lag_of_the_look_ups(
    slow_to_see: SandboxProcess, empty_store: Path, tmp_path: Path, setting: float | None
) -> None:
    """Look-ups that lag, and the default settling time: no message is sent twice."""
    desk = desk_of(slow_to_see, empty_store, tmp_path)
    desk.settings |= {"sandbox_look_up_lag": setting}
    sender = ConfiguredSender(desk)
    desk.begin("winter", range(8), per_slice=4)
    slow_to_see.set_faults(["accept_then_reset"], retry_after_seconds=0.01)
    _, closed = sender.run("winter")
    assert send_on(desk, sender, closed).state == "finished"
    assert in_order(desk).billed == 8


def test_a_late_acceptance_raises_the_settling_time_and_alerts(
    slow_to_see: SandboxProcess, empty_store: Path, tmp_path: Path
) -> None:
    """The configured lag is wrong: it happens once, the reports prove it, and the next campaign waits long enough."""
    desk = desk_of(slow_to_see, empty_store, tmp_path)
    desk.settings |= {"sandbox_look_up_lag": 1}
    sender = ConfiguredSender(desk)
    desk.begin("winter", range(4), per_slice=4)
    slow_to_see.set_faults(["accept_then_reset"], retry_after_seconds=0.01)
    send_on(desk, sender, sender.run("winter")[1])
    assert desk.books("winter").duplicates == 4
    desk.report_all(all_reports(desk))
    assert "late acceptance" in desk.alerts()
    (kept,) = desk.select(GatewayState, "state.get", gateway="sandbox", name="settle_seconds")
    assert float(kept.value) >= 15

    desk.begin("spring", range(10, 14), per_slice=4)
    slow_to_see.set_faults(["accept_then_reset"], retry_after_seconds=0.01)
    _, closed = sender.run("spring")
    assert closed.due_at - desk.clock.at > timedelta(seconds=10)


class ConfiguredSender(DeskSender):
    """Sends with the manifest that the settings give, as a team does."""

    def __init__(self, desk: SendingDesk) -> None:
        super().__init__(desk)
        self.seam.manifest = desk.context().manifest("sandbox")
