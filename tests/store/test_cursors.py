"""Cursors: where reading a gateway's histories got to, and how they are rewound without losing a STOP."""

from typing import Any

import pytest

from campanile.sms.errors import CampaignError
from campanile.store.inbound.histories import HISTORIES, cursor_of, move_cursor, rewind_cursors
from campanile.store.ledger.claim_checks import StopReason


def cursors(desk: Any) -> dict[str, str]:
    with desk.tx(read_only=True) as tx:
        return {name: cursor_of(tx, "sandbox", name) for name in HISTORIES}


def move(desk: Any, name: str, cursor: str, **how: Any) -> str:
    with desk.tx() as tx:
        return move_cursor(tx, "sandbox", name, cursor, **how)


def rewind(desk: Any, *names: str) -> dict[str, str]:
    with desk.tx() as tx:
        return rewind_cursors(tx, "sandbox", names)


def test_what_is_rewound_is_read_from_its_beginning_and_the_others_go_on(desk: Any) -> None:
    for name in HISTORIES:
        move(desk, name, "12")
    assert rewind(desk, "replies", "opt_outs") == {"replies": "12", "opt_outs": "12"}
    assert cursors(desk) == dict.fromkeys(HISTORIES, "12") | {"replies": "", "opt_outs": ""}


def test_what_was_never_read_can_be_rewound(desk: Any) -> None:
    assert rewind(desk, *HISTORIES) == dict.fromkeys(HISTORIES, "")
    assert cursors(desk) == dict.fromkeys(HISTORIES, "")


def test_nothing_is_claimed_before_what_was_rewound_is_read_again(desk: Any) -> None:
    lease = desk.start("soldes")
    rewind(desk, "replies")
    desk.refuse(lease, StopReason.STALE_STOPS, "replies of gateway sandbox")
    move(desk, "replies", "500", is_last=False, after="")
    desk.refuse(lease, StopReason.STALE_STOPS, "replies of gateway sandbox")
    move(desk, "replies", "600", after="500")
    assert desk.must_claim(lease).messages


def test_a_page_read_before_the_rewind_does_not_undo_it(desk: Any) -> None:
    """A run reads a page, another process rewinds, the run writes its page."""
    move(desk, "replies", "12")
    rewind(desk, "replies")
    assert move(desk, "replies", "14", after="12") == ""
    assert cursors(desk)["replies"] == ""


def test_of_two_runs_that_read_the_same_page_both_go_on_from_it(desk: Any) -> None:
    move(desk, "replies", "12")
    assert move(desk, "replies", "14", after="12", is_last=False) == "14"
    assert move(desk, "replies", "13", after="12", is_last=False) == "14"


def test_a_history_that_does_not_exist_is_refused_in_one_line(desk: Any) -> None:
    with pytest.raises(CampaignError, match="history 'answers' is unknown; give one of replies, opt_outs, reports"):
        rewind(desk, "replies", "answers")
