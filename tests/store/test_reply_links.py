"""A reply is linked to the last message that was posted to its sender before it and may have reached them."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from campanile.store.db.database import Transaction
from campanile.store.inbound.replies import add_replies
from schemas.gateway import Outcome
from tests.store.conftest import MORNING, number_of

PEOPLE = (1, 2, 3)
#: Lives of a message: its events in order. The last one says whether it may have reached the person.
LIVES = {
    ("claimed",): True,
    ("claimed", "accepted"): True,
    ("claimed", "accepted", "delivered"): True,
    ("claimed", "accepted", "undelivered"): True,
    ("claimed", "unknown"): True,
    ("claimed", "unknown", "written_off"): True,
    ("claimed", "planned", "claimed", "accepted"): True,
    ("unknown",): True,
    ("claimed", "rejected"): False,
    ("claimed", "planned"): False,
    ("claimed", "planned", "suppressed"): False,
    ("suppressed",): False,
    ("cancelled",): False,
    (): False,
}


def store_replies(
    tx: Transaction, replies: Sequence[tuple[str, int | None, datetime]], gateway: str = "sandbox"
) -> None:
    rows = [
        [key, f"+{number_of(person)}" if person else "36180", number_of(person) if person else None, "Oui", "other", at]
        for key, person, at in replies
    ]
    columns = ["gateway_reply_id", "sender", "number_id", "text", "verdict", "received_at"]
    add_replies(tx, gateway, pd.DataFrame(rows, columns=columns, dtype=object))


def links(desk) -> list[tuple]:
    return desk.sql(
        "SELECT gateway_reply_id, name, recipient_id % 100 FROM reply LEFT JOIN campaign USING (campaign_id) "
        "ORDER BY reply_id"
    )


def send(desk, name: str, *people: int) -> None:
    lease = desk.start(name, people, per_slice=9)
    desk.answer(lease, desk.must_claim(lease), Outcome.ACCEPTED)
    desk.close(lease)


def test_it_is_the_last_message_before_the_reply_whenever_the_reply_is_read(desk) -> None:
    send(desk, "lundi", 1)
    first_at = desk.clock.at
    desk.clock.forward(hours=2)
    send(desk, "mardi", 1, 2)
    desk.clock.forward(days=3)
    with desk.tx() as tx:
        store_replies(
            tx,
            [
                ("late", 1, first_at + timedelta(hours=1)),
                ("now", 1, desk.clock.at),
                ("before all", 1, first_at - timedelta(hours=1)),
                ("stranger", 9, desk.clock.at),
                ("short code", None, desk.clock.at),
            ],
        )
    assert links(desk) == [
        ("late", "lundi", 1),
        ("now", "mardi", 1),
        ("before all", None, None),
        ("stranger", None, None),
        ("short code", None, None),
    ]


def test_a_reply_with_an_impossible_time_belongs_to_the_last_message(desk) -> None:
    send(desk, "lundi", 1)
    desk.clock.forward(hours=2)
    with desk.tx() as tx:
        store_replies(tx, [("future", 1, desk.clock.at + timedelta(days=9)), ("old", 1, MORNING - timedelta(days=900))])
    assert links(desk) == [("future", "lundi", 1), ("old", "lundi", 1)]


def test_f64_a_reply_before_our_record_of_its_message_read_a_thousand_times_in_any_order(desk) -> None:
    """The gateway is faster than we are: the reply is there before the answer to the post is recorded."""
    lease = desk.start("soldes", PEOPLE, per_slice=9)
    claim = desk.must_claim(lease)
    desk.clock.forward(seconds=2)
    said = [(f"r{number}", 1 + number % 3, desk.clock.at) for number in range(30)]
    dice = random.Random(64)
    for _ in range(1000 // len(said) + 1):
        with desk.tx() as tx:
            store_replies(tx, dice.sample(said, len(said)))
    desk.answer(lease, claim, Outcome.ACCEPTED)
    desk.close(lease)
    desk.clock.forward(days=3)
    send(desk, "plus-tard", *PEOPLE)
    with desk.tx() as tx:
        store_replies(tx, said)
        store_replies(tx, [("three days late", 1, said[0][2])])
    assert len(links(desk)) == 31
    assert {name for _, name, _ in links(desk)} == {"soldes"}


@given(data=st.data())
def test_the_link_is_that_of_a_slow_search(desk, data: Any) -> None:
    """Messages of four campaigns with random lives, replies at random times: compared with a search message by message.

    Each example is rolled back.
    """
    minutes = st.integers(0, 20)
    lives = st.sampled_from(sorted(LIVES))
    sent = data.draw(st.lists(st.tuples(st.sampled_from(PEOPLE), lives, minutes, minutes), max_size=8), label="sent")
    said = data.draw(st.lists(st.tuples(st.sampled_from((*PEOPLE, 9)), minutes), max_size=6), label="said")
    events: list[tuple] = []
    with desk.tx() as tx:
        for campaign_id, (person, life, minute, step) in enumerate(sent, start=1):
            kind = "test" if campaign_id == 8 else "marketing"
            tx.execute(
                "INSERT INTO campaign (campaign_id, name, kind, state, version, gateway, policy, sender_id, "
                "requested_service, is_sample, is_stopped, draft, created_at, updated_at) VALUES "
                f"({campaign_id}, 'c{campaign_id}', '{kind}', 'sending', 1, 'sandbox', 'none', 'X', false, false, "
                "false, '{}', now(), now())"
            )
            tx.execute(
                "INSERT INTO message (campaign_id, recipient_id, number_id, msisdn, text, encoding, sender_id, "
                "segment_count, price, territory, window_key, client_ref, slice_no, origin) VALUES "
                f"({campaign_id}, {person}, {number_of(person)}, '+', 'x', 'GSM-7', 'X', 1, 0, 'FR', 'FR', "
                f"'{campaign_id}', 1, 'typed')"
            )
            for position, event in enumerate(life):
                events.append((campaign_id, person, event, MORNING - timedelta(minutes=40 - minute - step * position)))
        events.sort(key=lambda row: row[3])
        for event_id, (campaign_id, person, event, at) in enumerate(events, start=1):
            tx.execute(
                "INSERT INTO message_event (event_id, campaign_id, recipient_id, event, slice_no, recorded_at) "
                f"VALUES ({event_id}, {campaign_id}, {person}, '{event}', 1, '{at.isoformat()}')"
            )
        replies = [(f"r{no}", person, MORNING - timedelta(minutes=40 - at)) for no, (person, at) in enumerate(said)]
        store_replies(tx, replies)
        found = tx.execute("SELECT gateway_reply_id, campaign_id, recipient_id FROM reply").fetchall()
        expected = {(key, *slow_link(sent, events, person, at)) for key, person, at in replies}
        tx.dry_run()
    assert set(found) == expected


def slow_link(
    sent: Sequence[tuple], events: Sequence[tuple], person: int, at: datetime
) -> tuple[int | None, int | None]:
    best: tuple[datetime, int, int] | None = None
    for campaign_id, (recipient, life, _, _) in enumerate(sent, start=1):
        own = [(no, event) for no, event in enumerate(events) if event[0] == campaign_id]
        if recipient != person or campaign_id == 8 or not LIVES[life]:
            continue
        for no, (_, _, event, recorded_at) in own:
            if event in ("claimed", "unknown") and recorded_at <= at:
                best = max(best or (recorded_at, no, campaign_id), (recorded_at, no, campaign_id))
    return (None, None) if best is None else (best[2], person)
