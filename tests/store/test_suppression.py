"""An opt-out suppresses the planned messages of its person in the transaction that records it."""

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.store.contacts.opt_outs import (
    add_opt_outs,
    add_provider_opt_outs,
    honour_replies,
    record_opt_out,
)
from campanile.store.inbound.replies import add_replies
from campanile.store.ledger.suppression import suppress_planned
from schemas.gateway import Outcome
from tests.store.conftest import Desk, number_of, opt_out_rows
from tests.stores import IN_BOTH_MODES, copy_store

SAID = {"note": None, "said_at": None, "actor": "camille"}


def reply(desk, tx, person: int, text: str, verdict: str) -> pd.DataFrame:
    """Store one reply, and apply it."""
    rows = pd.DataFrame(
        [[f"r{desk.next_number()}", f"+{number_of(person)}", number_of(person), text, verdict, desk.clock.at]],
        columns=["gateway_reply_id", "sender", "number_id", "text", "verdict", "received_at"],
    )
    fresh = add_replies(tx, "sandbox", rows)
    honour_replies(tx, fresh)
    return fresh


def by_provider(desk, tx) -> None:
    rows = opt_out_rows([1]).assign(opted_out_at=pd.Timestamp(desk.clock.at))
    add_provider_opt_outs(tx, "sandbox", rows)


#: How an opt-out reaches the store, each for person 1.
WAYS: dict[str, Callable[..., Any]] = {
    "a STOP": lambda desk, tx: reply(desk, tx, 1, "STOP", "stop"),
    "a doubtful reply": lambda desk, tx: reply(desk, tx, 1, "stop ou encore", "stop_doubtful"),
    "a wrong number": lambda desk, tx: reply(desk, tx, 1, "mauvais numero", "wrong_number"),
    "the list of the provider": by_provider,
    "a telephone call": lambda desk, tx: record_opt_out(tx, number_of(1), source="phone", **SAID),
    "an answer of the gateway": lambda desk, tx: add_opt_outs(tx, opt_out_rows([1]), "gateway", "blacklisted"),
}


def state_of(desk, name: str, person: int) -> list[tuple]:
    return desk.sql(
        "SELECT message_status.state, reason FROM message_status JOIN campaign USING (campaign_id) "
        f"WHERE name = '{name}' AND number_id = {number_of(person)}"
    )


@IN_BOTH_MODES
@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_opt_out_suppresses_what_is_planned_at_once(desk, way: str) -> None:
    desk.start("soldes", range(4), per_slice=2)
    with desk.tx() as tx:
        WAYS[way](desk, tx)
        states = "SELECT state, count(*) FROM message_status GROUP BY state ORDER BY state"
        assert tx.execute(states).fetchall() == [("planned", 3), ("suppressed", 1)], "in the same transaction"
    assert state_of(desk, "soldes", 1) == [("suppressed", "opted_out")]
    assert desk.sql("SELECT message_count, CAST(price AS VARCHAR) FROM slice ORDER BY slice_no") == [
        (1, "0.050000"),
        (2, "0.100000"),
    ]


@IN_BOTH_MODES
def test_a_file_of_opt_outs_suppresses_what_is_planned_at_once(desk) -> None:
    desk.start("soldes", range(4), per_slice=2)
    desk.take_in_stops((0, {}), (1, {}), (9, {}))
    assert desk.states("soldes") == {"planned": 2, "suppressed": 2}
    assert desk.slices("soldes") == {1: "settled", 2: "planned"}, "nobody is left in the first slice"


@IN_BOTH_MODES
def test_what_is_suppressed_frees_its_credit_and_the_rest_is_sent(desk) -> None:
    lease = desk.start("soldes", range(4), per_slice=2)
    assert desk.credit_left().committed == Decimal("0.20")
    desk.opt_out(1)
    assert desk.credit_left().committed == Decimal("0.15")
    sent = []
    while (claim := desk.claim(lease)) is not None:
        sent += [message.msisdn for message in claim.messages]
        desk.answer(lease, claim, Outcome.ACCEPTED)
    assert sorted(sent) == [f"+{number_of(person)}" for person in (0, 2, 3)]
    assert desk.close(lease).state == "finished"
    assert desk.states("soldes") == {"accepted": 3, "suppressed": 1}


@IN_BOTH_MODES
def test_a_campaign_in_which_all_opted_out_ends(desk) -> None:
    lease = desk.start("soldes", range(3), per_slice=2)
    desk.opt_out(0, 1, 2)
    assert desk.claim(lease) is None
    assert desk.close(lease).state == "finished"


@IN_BOTH_MODES
def test_no_start_brings_back_what_was_suppressed(desk) -> None:
    """The person hears from the next campaign again; this one is over for them."""
    lease = desk.start("soldes", range(3), per_slice=3)
    with desk.tx() as tx:
        reply(desk, tx, 1, "STOP", "stop")
    desk.clock.forward(minutes=1)
    with desk.tx() as tx:
        reply(desk, tx, 1, "START", "start")
    assert desk.sql("SELECT count(*) FROM opt_out") == [(0,)]
    desk.read_stops()
    assert [message.msisdn for message in desk.must_claim(lease).messages] == ["+33639980000", "+33639980002"]


@IN_BOTH_MODES
def test_a_stop_while_in_flight_counts_when_the_message_is_put_back(desk) -> None:
    lease = desk.start("soldes", range(2), per_slice=2)
    claim = desk.must_claim(lease)
    desk.opt_out(1)
    assert desk.states("soldes") == {"claimed": 2}, "what is in flight is not changed"
    desk.answer(lease, claim, Outcome.NOT_ACCEPTED)
    assert [message.msisdn for message in desk.must_claim(lease).messages] == ["+33639980000"]
    assert desk.states("soldes") == {"claimed": 1, "suppressed": 1}


@IN_BOTH_MODES
def test_what_is_put_back_is_suppressed_too(desk) -> None:
    lease = desk.start("soldes", range(2), per_slice=2)
    desk.answer(lease, desk.must_claim(lease), Outcome.NOT_ACCEPTED)
    desk.opt_out(1)
    assert desk.states("soldes") == {"planned": 1, "suppressed": 1}
    assert [message.msisdn for message in desk.must_claim(lease).messages] == ["+33639980000"]


@IN_BOTH_MODES
def test_an_opt_out_between_recap_and_approval_suppresses_at_the_approval(desk) -> None:
    desk.put_balance("100")
    desk.prepare("soldes", range(3))
    desk.opt_out(2)
    assert desk.states("soldes") == {"planned": 3}, "a recap stays as it was read"
    _, staying = desk.approve_counted("soldes")
    assert staying.opted_out_count == 1
    assert desk.states("soldes") == {"planned": 2, "suppressed": 1}


@IN_BOTH_MODES
def test_an_alert_that_people_asked_for_is_not_suppressed(desk) -> None:
    desk.put_balance("100")
    desk.prepare("rappel", range(2), kind="alert", requested_service=True)
    desk.approve("rappel")
    desk.opt_out(0)
    assert desk.states("rappel") == {"planned": 2}


@IN_BOTH_MODES
def test_a_revised_campaign_reaches_the_person_who_came_back(desk) -> None:
    """Nothing of the version before is kept: the person may be in the next one."""
    desk.put_balance("100")
    desk.prepare("soldes", range(2), due_at=desk.clock.at + timedelta(hours=3))
    desk.approve("soldes")
    with desk.tx() as tx:
        reply(desk, tx, 1, "STOP", "stop")
    desk.clock.forward(minutes=1)
    with desk.tx() as tx:
        reply(desk, tx, 1, "START", "start")
    desk.prepare("soldes", range(2), revises=True)
    assert desk.states("soldes") == {"planned": 2}


@IN_BOTH_MODES
def test_nothing_is_suppressed_before_a_restored_store_is_looked_through(desk) -> None:
    """What waits there may have been sent: it must become unknown, and be looked up."""
    desk.start("soldes", range(2))
    with desk.tx() as tx:
        tx.begin_reconciliation("a test")
        assert suppress_planned(tx, pd.DataFrame({"number_id": [number_of(1)]})) == 0
    assert desk.states("soldes") == {"planned": 2}


@given(seed=st.integers(0, 2**32))
def test_whatever_is_claimed_put_back_and_stopped_the_ledger_is_right(
    empty_store: Path, tmp_path: Path, seed: int
) -> None:
    """Random claims, answers, STOPs and STARTs: no person who said STOP is claimed, and every invariant holds."""
    dice, desk = random.Random(seed), Desk(copy_store(empty_store, tmp_path / "sms.duckdb"), is_untouched=True)
    lease = desk.start("soldes", range(8), per_slice=3)
    stopped: set[int] = set()
    for _ in range(12):
        desk.clock.forward(seconds=1)
        step = dice.choice(["claim", "claim", "stop", "start"])
        if step == "claim" and (claim := desk.claim(lease)) is not None:
            assert not {int(message.msisdn) % 100 for message in claim.messages} & stopped
            outcomes = dice.choices(["accepted", "not_accepted", "rejected"], k=len(claim.messages))
            desk.answer(lease, claim, *outcomes)
        elif step != "claim":
            person = dice.randrange(8)
            with desk.tx() as tx:
                reply(desk, tx, person, step.upper(), step)
            stopped = stopped | {person} if step == "stop" else stopped - {person}
        desk.read_stops()
    assert desk.broken() == {}
