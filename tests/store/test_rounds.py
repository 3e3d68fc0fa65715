"""A sender session: what it records and claims is read once and written at once, as if each step had its own."""

from datetime import timedelta
from decimal import Decimal

import pytest

from campanile.store.ledger.claims import claim_again, claim_slices, posted_claim
from campanile.store.ledger.outcomes import record
from schemas.gateway import Outcome
from tests.store.conftest import answers

PRICE = Decimal("0.05")


def outcomes_of(claim, *outcomes: Outcome):
    return answers(claim.messages, *outcomes)


@pytest.mark.parametrize("most", [1, 3])
def test_each_slice_of_a_transaction_has_its_own_messages(desk, most: int) -> None:
    """Recorded and claimed in one transaction, taken over by another sender, and asked for slice by slice."""
    lease = desk.start("winter", range(12))
    first = desk.must_claim(lease)
    with desk.session(lease) as session:
        record(session, first.slice_no, outcomes_of(first, Outcome.ACCEPTED), session.tx.at)
        claims = claim_slices(session, most).claims
    assert len(claims) == most
    assert desk.states("winter")["claimed"] == sum(len(claim.messages) for claim in claims)
    desk.clock.forward(hours=1)
    desk.read_stops()
    second = desk.open("winter", "second sender")
    assert second is not None
    for claim in claims:
        again = desk.claim_again(second, claim.slice_no)
        assert [message.client_ref for message in again.messages] == [item.client_ref for item in claim.messages]
    assert desk.broken() == {}


def test_credit_that_is_given_back_is_there_for_the_next_claim(desk) -> None:
    """The balance covers one slice; refused, it waits again, and the same transaction may claim it again."""
    lease = desk.start("winter", range(2))
    desk.put_balance(str(2 * PRICE))
    claim = desk.must_claim(lease)
    with desk.session(lease) as session:
        record(session, claim.slice_no, outcomes_of(claim, Outcome.NOT_ACCEPTED), session.tx.at)
        (again,) = claim_slices(session).claims
    assert [message.client_ref for message in again.messages] == [item.client_ref for item in claim.messages]
    assert desk.states("winter") == {"claimed": 2}
    assert desk.broken() == {}


def test_only_what_is_still_open_is_looked_up(desk) -> None:
    """Of two messages one was accepted; asked for in the same transaction, only the other may still be decided."""
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    with desk.session(lease) as session:
        record(session, claim.slice_no, outcomes_of(claim, Outcome.ACCEPTED, Outcome.UNKNOWN), session.tx.at)
        (row,) = session.unknown_slices()
        assert (row.slice_no, row.ask_after) == (claim.slice_no, session.tx.at)
        asked = posted_claim(session, claim.slice_no)
    assert [row.client_ref for row in asked.members] == [claim.messages[1].client_ref]
    assert len(asked.messages) == 2, "asked for by the body that was posted"


def test_a_slice_taken_again_keeps_the_hour_of_its_first_claim(desk) -> None:
    lease = desk.start("winter", range(2))
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "unknown")
    desk.clock.forward(seconds=10)
    with desk.session(lease) as session:
        again = claim_again(session, claim.slice_no)
    assert again is not None
    assert (again.claimed_at, again.at) == (claim.at, claim.at + timedelta(seconds=10))
    assert desk.slices("winter") == {claim.slice_no: "claimed"}


def test_a_round_that_breaks_leaves_nothing(desk) -> None:
    lease = desk.start("winter")
    before = desk.states("winter"), desk.slices("winter"), desk.credit()

    def claim_and_break() -> None:
        with desk.session(lease) as session:
            assert claim_slices(session).claims
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        claim_and_break()
    assert (desk.states("winter"), desk.slices("winter"), desk.credit()) == before
