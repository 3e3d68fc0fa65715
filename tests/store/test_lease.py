"""One sender a campaign: the lease, and the fence that shuts out who lost it."""

import pytest

from campanile.store.ledger.lease import Lease, LeaseLost, extend_lease, take_lease
from schemas.ledger_rows import HeldLease


def take(desk, owner: str, seconds: float = 90) -> Lease | None:
    with desk.tx() as tx:
        return take_lease(tx, 1, owner, seconds)


def extend(desk, lease: Lease, seconds: float) -> None:
    with desk.tx() as tx:
        extend_lease(tx, lease, seconds)


def test_one_owner_at_a_time_and_the_fence_grows(desk) -> None:
    first = take(desk, "first")
    assert first == Lease(campaign_id=1, fence=1)
    assert take(desk, "second") is None
    desk.clock.forward(seconds=89.999)
    assert take(desk, "second") is None
    desk.clock.forward(seconds=0.001)
    assert take(desk, "second") == Lease(campaign_id=1, fence=2)
    assert take(desk, "first") is None
    assert desk.select(HeldLease, "lease.get", campaign_id=1)[0].owner == "second"


def test_lease_that_is_kept_does_not_run_out(desk) -> None:
    first = take(desk, "first")
    for _ in range(5):
        desk.clock.forward(seconds=80)
        extend(desk, first, 90)
    assert take(desk, "second") is None


def test_lease_given_back_is_free_at_once(desk) -> None:
    extend(desk, take(desk, "first"), 0)
    assert take(desk, "second") == Lease(1, 2)


def test_late_owner_keeps_a_lease_that_no_other_owner_took(desk) -> None:
    first = take(desk, "first")
    desk.clock.forward(hours=3)
    extend(desk, first, 90)
    assert take(desk, "second") is None


def test_campaigns_have_each_their_own(desk) -> None:
    take(desk, "first")
    with desk.tx() as tx:
        assert take_lease(tx, 2, "second", 90) == Lease(2, 1)


@pytest.mark.parametrize("action", ["claim", "record", "note_absence", "claim_again", "extend", "close"])
def test_lost_lease_refuses_everything(desk, action: str) -> None:
    old = desk.start("winter")
    claim = desk.must_claim(old)
    desk.clock.forward(seconds=91)
    new = desk.open("winter", "second sender")
    assert new is not None
    assert new.fence == old.fence + 1
    before = desk.states("winter"), desk.slices("winter"), desk.credit()
    actions = {
        "claim": lambda: desk.claim(old),
        "record": lambda: desk.answer(old, claim, "accepted"),
        "note_absence": lambda: desk.note_absence(old, claim.slice_no),
        "claim_again": lambda: desk.claim_again(old, claim.slice_no),
        "extend": lambda: extend(desk, old, 90),
        "close": lambda: desk.close(old),
    }
    with pytest.raises(LeaseLost, match=r"^campaign 1 was taken over by another sender \(fence 1 is old\)$"):
        actions[action]()
    assert (desk.states("winter"), desk.slices("winter"), desk.credit()) == before


def test_a_missing_lease_is_refused(desk) -> None:
    desk.start("winter")
    with pytest.raises(LeaseLost):
        desk.claim(Lease(campaign_id=7, fence=1))
