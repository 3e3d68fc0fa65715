"""Reasons of exclusion: the first reason of the recap's list that applies, whatever else applies too."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import pandas as pd
import pytest

from campanile.sms.rules.exclusions import EXCLUSION_REASONS
from campanile.store.campaigns.audience import Audience, stage_candidates
from campanile.store.contacts.lists import declare_legal_basis
from campanile.store.db.database import scratch_tables

NOBODY = pd.DataFrame(columns=["row_number", "number_id", "territory"])


def opt_out(desk) -> None:
    desk.opt_out(1)


def say_no_in_a_file(desk) -> None:
    desk.sql("""UPDATE contact SET fields = json_merge_patch(fields, '{"sms_consent":"no"}') WHERE list_id = 1""")


def die(desk) -> None:
    desk.sql("INSERT INTO dead_number SELECT number_id, msisdn, 'gone', updated_at FROM contact WHERE list_id = 1")


def stand_on_the_list_to_leave_out(desk) -> None:
    desk.fill_list("leave-out", {1: {}})


def lose_the_legal_basis(desk) -> None:
    desk.sql("UPDATE contact_list SET legal_basis = NULL WHERE list_name = 'clients'")


def fall_silent(desk) -> None:
    desk.sql(
        """UPDATE contact SET fields = json_merge_patch(fields, '{"consent_at":"2019-01-10"}') WHERE list_id = 1"""
    )


def get_a_message(desk) -> None:
    lease = desk.start("before", [1])
    desk.answer(lease, desk.must_claim(lease), "accepted")


#: What makes each reason hold, in the order of the recap's list.
HAPPENINGS: Mapping[str, Callable[..., None]] = {
    "opted_out": opt_out,
    "consent_refused": say_no_in_a_file,
    "dead_number": die,
    "excluded_list": stand_on_the_list_to_leave_out,
    "no_consent": lose_the_legal_basis,
    "inactive": fall_silent,
    "had_enough": get_a_message,
}


@pytest.fixture
def clients(desk):
    """A list of one client, and one to leave out."""
    desk.fill_list("clients", {1: {"consent_at": "2026-01-10"}})
    desk.fill_list("leave-out", {9: {}})
    with desk.tx() as tx:
        declare_legal_basis(tx, "clients", "consent", None, "camille")
    return desk


def reason(desk) -> str | None:
    """Return why the client is left out of a campaign with every rule in force, or None."""
    audience = Audience(
        "winter",
        ["clients"],
        NOBODY,
        ["leave-out"],
        honours_refusals=True,
        needs_legal_basis=True,
        seen_since=desk.clock.at - timedelta(days=1095),
        most_messages=1,
        counted_since=desk.clock.at - timedelta(days=30),
    )
    with scratch_tables() as scratch:
        with desk.tx(read_only=True) as tx:
            stage_candidates(tx, audience)
        ((found,),) = scratch.execute("SELECT reason FROM staged_candidates").fetchall()
    return found


def test_whom_nothing_forbids_gets_a_message(clients) -> None:
    assert reason(clients) is None


@pytest.mark.parametrize("expected", HAPPENINGS)
def test_each_reason_excludes_alone(clients, expected: str) -> None:
    HAPPENINGS[expected](clients)
    assert reason(clients) == expected


@pytest.mark.parametrize("expected", HAPPENINGS)
def test_the_first_reason_that_applies_is_given(clients, expected: str) -> None:
    names = list(HAPPENINGS)
    for name in reversed(names[names.index(expected) :]):
        HAPPENINGS[name](clients)
    assert reason(clients) == expected


def test_the_reasons_stand_in_the_order_of_the_recap() -> None:
    assert list(HAPPENINGS) == list(EXCLUSION_REASONS)[: len(HAPPENINGS)]
