"""Opt-outs by reply and their end: STOP wins, START lifts only a person's own STOPs."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campanile.sms.errors import CampaignError
from campanile.store.contacts.opt_outs import (
    add_opt_outs,
    add_provider_opt_outs,
    doubtful_replies,
    honour_replies,
    record_opt_out,
    settle_reply,
)
from campanile.store.inbound.replies import add_replies
from tests.lanes import examples
from tests.store.conftest import number_of
from tests.stores import IN_BOTH_MODES

PERSON = 1


def read_page(desk, *replies: tuple[str, float], person: int = PERSON) -> None:
    """Keep one page: each reply has a verdict and the minutes since the desk opened at which it was received."""
    opened = desk.__dict__.setdefault("opened_at", desk.clock.at)
    number = 33_639_980_000 + person
    rows = [
        [f"r{desk.next_number()}", f"+{number}", number, "…", verdict, opened + timedelta(minutes=minutes)]
        for verdict, minutes in replies
    ]
    columns = ["gateway_reply_id", "sender", "number_id", "text", "verdict", "received_at"]
    with desk.tx() as tx:
        honour_replies(tx, add_replies(tx, "sandbox", pd.DataFrame(rows, columns=columns, dtype=object)))


def at(desk, minutes: float) -> None:
    """Let the clock show so many minutes since the desk opened."""
    opened = desk.__dict__.setdefault("opened_at", desk.clock.at)
    desk.clock.at = opened + timedelta(minutes=minutes)


def is_opted_out(desk, person: int = PERSON) -> bool:
    return desk.sql(f"SELECT 1 FROM opt_out WHERE opt_out_key = opt_out_key({33_639_980_000 + person})") != []


def settle(desk, reply_id: int, verdict: str, actor: str = "camille") -> str | None:
    with desk.tx() as tx:
        return settle_reply(tx, reply_id, verdict, actor)


def history(desk) -> list[tuple]:
    return desk.sql("SELECT source, lifted_by, lifted_reply_id FROM opt_out_entry ORDER BY entry_id")


# --- START -----------------------------------------------------------------------------------------------------


@IN_BOTH_MODES
@pytest.mark.parametrize("verdict", ["stop", "stop_doubtful"])
def test_start_ends_the_persons_own_stop_and_the_history_says_so(desk, verdict: str) -> None:
    at(desk, 10)
    read_page(desk, (verdict, 5))
    assert is_opted_out(desk)
    at(desk, 20)
    read_page(desk, ("start", 15))
    assert not is_opted_out(desk)
    source = {"stop": "reply", "stop_doubtful": "reply_doubtful"}[verdict]
    assert history(desk) == [(source, "the person", 2)]
    assert desk.sql("SELECT lifted_at FROM opt_out_entry") == [(desk.clock.at,)]
    at(desk, 30)
    read_page(desk, ("stop", 25))
    assert is_opted_out(desk), "a new STOP binds again"
    assert history(desk) == [(source, "the person", 2), ("reply", None, None)]
    assert desk.broken() == {}


PAGES = [
    # what was read, page after page, as (verdict, received) ; opted out at the end
    pytest.param([[("stop", 1)], [("start", 2)]], False, id="start after stop"),
    pytest.param([[("start", 1)], [("stop", 2)]], True, id="stop after start"),
    pytest.param([[("start", 3), ("stop", 2)]], False, id="one page, in the wrong order"),
    pytest.param([[("start", 2), ("stop", 3)]], True, id="one page, stop is the last word"),
    pytest.param([[("stop", 2), ("start", 2)]], True, id="the same time"),
    pytest.param([[("stop", 3)], [("start", 2)]], True, id="a start that was received before the stop"),
    pytest.param([[("start", 3)], [("stop", 2)]], True, id="a stop that is read after the start"),
    pytest.param([[("stop", 1), ("stop", 4)], [("start", 3)]], True, id="the second stop stays"),
    pytest.param([[("start", 9999), ("stop", 2)]], True, id="one page, a start from the future"),
    pytest.param([[("start", -9_999_999), ("stop", 2)]], True, id="one page, a start from long ago"),
    pytest.param([[("stop", 2)], [("start", 9999)]], False, id="a start from the future, in a later page"),
    pytest.param([[("wrong_number", 1)], [("start", 2)]], True, id="a wrong number"),
    pytest.param([[("stop", 1)], [("other", 2)], [("help", 3)], [("auto_reply", 4)]], True, id="other words"),
]


@IN_BOTH_MODES
@pytest.mark.parametrize(("pages", "is_out"), PAGES)
def test_the_last_word_counts(desk, pages: Sequence[Sequence[tuple[str, float]]], is_out: bool) -> None:
    for page_no, page in enumerate(pages):
        at(desk, 10 + page_no)
        read_page(desk, *page)
    assert is_opted_out(desk) is is_out
    assert desk.broken() == {}


@IN_BOTH_MODES
@pytest.mark.parametrize("source", ["gateway", "file", "phone"])
def test_start_lifts_nothing_that_others_recorded(desk, source: str) -> None:
    number = 33_639_980_000 + PERSON
    at(desk, 10)
    read_page(desk, ("stop", 5))
    with desk.tx() as tx:
        if source == "phone":
            record_opt_out(tx, number, source=source, note=None, said_at=None, actor="camille")
        else:
            row = pd.DataFrame([{"number_id": number}])
            assert add_opt_outs(tx, row, source, "their list") == 0
    at(desk, 20)
    read_page(desk, ("start", 15))
    assert is_opted_out(desk)
    assert history(desk) == [("reply", "the person", 2), (source, None, None)]
    assert desk.broken() == {}


@IN_BOTH_MODES
@pytest.mark.parametrize(
    ("listed_at", "is_out"),
    [
        pytest.param(5, False, id="an echo of the STOP that START has lifted"),
        pytest.param(8, True, id="said at the provider after the START"),
    ],
)
def test_a_stop_at_the_provider_within_minutes_of_a_lifted_one(desk, listed_at: float, is_out: bool) -> None:
    """STOP by reply, START, and STOP again to the provider's own number, all within ten minutes."""
    opened, number = desk.clock.at, 33_639_980_000 + PERSON
    at(desk, 10)
    read_page(desk, ("stop", 5))
    read_page(desk, ("start", 7))
    rows = pd.DataFrame([{"number_id": number, "opted_out_at": opened + timedelta(minutes=listed_at)}])
    with desk.tx() as tx:
        add_provider_opt_outs(tx, "sandbox", rows)
    assert is_opted_out(desk) is is_out
    assert desk.broken() == {}


@IN_BOTH_MODES
def test_importing_the_contact_again_lifts_nothing(desk) -> None:
    desk.take_in("clients", (PERSON, {}))
    at(desk, 10)
    read_page(desk, ("stop", 5))
    desk.take_in("clients", (PERSON, {"town": "Lyon"}))
    desk.take_in("others", (PERSON, {}))
    assert is_opted_out(desk)


@IN_BOTH_MODES
def test_messages_that_a_stop_suppressed_stay_so_after_a_start(desk) -> None:
    """The START counts for the next campaign."""
    lease = desk.start("soldes", [PERSON, 2], per_slice=2)
    at(desk, 0.2)
    read_page(desk, ("stop", 0.1))
    at(desk, 0.4)
    read_page(desk, ("start", 0.3))
    assert not is_opted_out(desk)
    assert [message.msisdn for message in desk.must_claim(lease).messages] == [f"+{number_of(2)}"]
    assert desk.broken() == {}


VERDICTS = st.sampled_from(["stop", "start", "stop_doubtful", "other", "wrong_number"])


@examples(25)
@given(st.lists(st.lists(st.tuples(VERDICTS, st.integers(-30, 60)), max_size=4), max_size=4))
def test_a_last_reply_that_refuses_keeps_the_person_opted_out(
    desk, pages: Sequence[Sequence[tuple[str, float]]]
) -> None:
    """Whatever is read in whatever order; times in the future count as the time of reading."""
    person = desk.next_number()
    desk.opened_at = desk.clock.at
    said: list[tuple[float, bool]] = []
    for page_no, page in enumerate(pages, start=1):
        at(desk, 10 * page_no)
        read_page(desk, *page, person=person)
        said += [(min(minutes, 10 * page_no), word != "start") for word, minutes in page if word != "other"]
    is_final = any(word == "wrong_number" for page in pages for word, _ in page)
    if is_final or (said and max(said)[1]):
        assert is_opted_out(desk, person)
    assert desk.broken() == {}


# --- times that cannot be ---------------------------------------------------------------------------------------


@IN_BOTH_MODES
@pytest.mark.parametrize(
    ("minutes", "counts"),
    [
        pytest.param(5, 5, id="believed"),
        pytest.param(11, 10, id="in the future"),
        pytest.param(10 * 365 * 1440, 10, id="ten years ahead"),
        pytest.param(-91 * 1440, 10, id="longer ago than the gateway keeps replies"),
        pytest.param(-89 * 1440, -89 * 1440, id="old, and believed"),
    ],
)
def test_a_time_that_cannot_be_true_counts_as_the_time_of_reading(desk, minutes: float, counts: float) -> None:
    at(desk, 10)
    read_page(desk, ("other", minutes))
    opened: datetime = desk.opened_at
    assert desk.sql("SELECT received_at, counts_at FROM reply") == [
        (opened + timedelta(minutes=minutes), opened + timedelta(minutes=counts))
    ]


@IN_BOTH_MODES
def test_a_start_from_the_future_does_not_outlive_a_later_stop(desk) -> None:
    at(desk, 10)
    read_page(desk, ("start", 10_000))
    at(desk, 20)
    read_page(desk, ("stop", 15))
    assert is_opted_out(desk)
    at(desk, 30)
    read_page(desk, ("stop", 10_000), ("start", 25))
    assert is_opted_out(desk)
    assert desk.broken() == {}


# --- settled by a colleague --------------------------------------------------------------------------------------


@IN_BOTH_MODES
def test_a_doubtful_reply_is_lifted_by_name(desk) -> None:
    at(desk, 10)
    read_page(desk, ("stop_doubtful", 5))
    assert settle(desk, 1, "lift") is None
    assert not is_opted_out(desk)
    assert history(desk) == [("reply_doubtful", "camille", None)]
    assert desk.sql("SELECT settled_as, settled_by, settled_at FROM reply") == [("lift", "camille", desk.clock.at)]
    assert desk.broken() == {}


@IN_BOTH_MODES
def test_a_doubtful_reply_is_kept_by_name_and_may_be_lifted_later(desk) -> None:
    at(desk, 10)
    read_page(desk, ("stop_doubtful", 5))
    assert settle(desk, 1, "keep") == "reply_doubtful"
    with desk.tx(read_only=True) as tx:
        assert doubtful_replies(tx, 10) == []
    assert is_opted_out(desk)
    settle(desk, 1, "lift", "dominique")
    assert not is_opted_out(desk)


@IN_BOTH_MODES
def test_a_start_settles_a_doubtful_reply(desk) -> None:
    at(desk, 10)
    read_page(desk, ("stop_doubtful", 4), ("start", 5))
    with desk.tx(read_only=True) as tx:
        assert doubtful_replies(tx, 10) == []


@IN_BOTH_MODES
@pytest.mark.parametrize(("other", "source"), [("stop", "reply"), ("stop_doubtful", "reply_doubtful")])
def test_lifting_one_reply_leaves_the_others(desk, other: str, source: str) -> None:
    at(desk, 10)
    read_page(desk, ("stop_doubtful", 4), (other, 5))
    assert settle(desk, 1, "lift") == source
    assert is_opted_out(desk)


@IN_BOTH_MODES
@pytest.mark.parametrize(
    ("reply_id", "line"),
    [
        pytest.param(9, r"^reply 9 does not exist; run review-replies without reply_id", id="none"),
        pytest.param(2, r"^reply 2 is stop; only a stop_doubtful one is settled by hand$", id="a clear one"),
        pytest.param(1, r"^reply 1 was lifted by camille; run record-opt-out", id="lifted before"),
    ],
)
def test_what_cannot_be_settled(desk, reply_id: int, line: str) -> None:
    at(desk, 10)
    read_page(desk, ("stop_doubtful", 5), ("stop", 6))
    settle(desk, 1, "lift")
    with pytest.raises(CampaignError, match=line):
        settle(desk, reply_id, "keep")
