"""What a stop and a kill leave behind: everything that was answered."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from math import inf
from queue import SimpleQueue
from threading import Lock

import pytest

from campanile.sms.errors import ConfigurationError, GatewayError
from schemas.gateway import Batch, Outcome, OutgoingMessage


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_restart_keeps_everything(start_sandbox, make_batch, end):
    sandbox = start_sandbox(balance=5, delivery_seconds=0)
    gateway = sandbox.gateway()
    batch = make_batch(10)
    outcomes = gateway.submit(batch, inf)
    sandbox.opt_out("+33612345679")
    sandbox.reply("+33612345678", "Oui")
    sandbox.set_clock(3600)
    reports, opt_outs, replies = gateway.delivery_reports(""), gateway.opt_outs(""), gateway.replies("")
    bill, url = sandbox.billing(), sandbox.base_url

    getattr(sandbox, end)()
    sandbox.restart()

    assert sandbox.base_url == url
    assert sandbox.balance() == Decimal("4.550")
    assert gateway.submit(batch, inf) == outcomes
    assert sandbox.billing() == bill
    assert (gateway.delivery_reports(""), gateway.opt_outs(""), gateway.replies("")) == (reports, opt_outs, replies)
    assert gateway.delivery_reports(reports.cursor).items == []
    blacklisted = gateway.submit(make_batch(numbers=["+33612345679"]), inf)
    assert blacklisted[0].outcome is Outcome.BLACKLISTED
    more = gateway.submit(make_batch(1), inf)
    assert more[0].gateway_message_id not in {outcome.gateway_message_id for outcome in outcomes}
    after = gateway.delivery_reports(reports.cursor)
    assert [report.client_ref for report in after.items] == [more[0].client_ref]


def test_kill_under_load_bills_what_was_answered_and_at_most_what_was_under_way(start_sandbox):
    sandbox = start_sandbox(balance=100_000)
    gateway = sandbox.gateway()
    batches = {
        f"key-{number}": Batch(
            [
                OutgoingMessage(f"{number}-{index}", "+33612345678", "Bonjour", "GSM-7", "CAMPANILE")
                for index in range(50)
            ],
            f"key-{number}",
            datetime.now(UTC),
        )
        for number in range(200)
    }
    answered = SimpleQueue()
    failed = SimpleQueue()
    first_there = Lock()

    def submit(key):
        try:
            gateway.submit(batches[key], inf)
            answered.put(key)
        except GatewayError:
            failed.put(key)
        if answered.qsize() >= 40 and first_there.acquire(blocking=False):
            sandbox.kill()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(submit, batches))
    sandbox.restart()

    billed = [line["client_ref"] for line in sandbox.billing()]
    sure = {message.client_ref for key in drain(answered) for message in batches[key].messages}
    again = list(drain(failed))
    assert len(billed) == len(set(billed))
    assert sure <= set(billed)
    assert len(set(billed) - sure) <= 6 * 50
    assert again, "the kill came too late"

    for key in again:
        gateway.submit(batches[key], inf)
    bill = sandbox.billing()
    assert sorted(line["client_ref"] for line in bill) == sorted(
        message.client_ref for batch in batches.values() for message in batch.messages
    )
    assert sandbox.balance() == 100_000 - sum(Decimal(line["price"]) for line in bill)


def drain(queue):
    while not queue.empty():
        yield queue.get()


def test_two_on_one_folder_is_refused(start_sandbox):
    start_sandbox()
    with pytest.raises(ConfigurationError, match="another sandbox runs on this folder"):
        start_sandbox()


def test_sandbox_that_does_not_start_says_why(start_sandbox):
    with pytest.raises(ConfigurationError, match="'fire' is none of throttle"):
        start_sandbox(faults="fire=1")


def test_stop_is_an_orderly_end(start_sandbox):
    sandbox = start_sandbox()
    process = sandbox._process
    sandbox.stop()
    sandbox.stop()
    assert process.returncode == 0
    assert (sandbox.state_dir / "sandbox.log").read_text() == ""
    with pytest.raises(ConfigurationError, match="not running"):
        _ = sandbox.pid


@pytest.mark.parametrize("resolution", ["look_up", "neither"])
def test_without_keys_nothing_is_recognised(start_sandbox, make_batch, resolution):
    sandbox = start_sandbox(resolution=resolution)
    batch = make_batch()
    for _ in range(2):
        sandbox.gateway().submit(batch, inf)
    assert [line["client_ref"] for line in sandbox.billing()] == [batch.messages[0].client_ref] * 2


def test_latency_and_clock_from_the_command_line(start_sandbox, make_batch):
    sandbox = start_sandbox(latency_ms=300, clock_offset=86400)
    with pytest.raises(GatewayError, match="no whole answer"):
        sandbox.gateway(deadline_seconds=0.1).submit(make_batch(), inf)
    sandbox.opt_out("+33612345678")
    [line], [opt_out] = sandbox.billing(), sandbox.gateway().opt_outs("").items
    assert line["accepted_at"][:10] == opt_out.opted_out_at.date().isoformat()
