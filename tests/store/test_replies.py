"""Replies: each is kept once, also if it is read twice."""

from datetime import timedelta

import pandas as pd

from campanile.store.inbound.replies import add_replies


def test_replies_are_kept_once(desk) -> None:
    rows = pd.DataFrame(
        [["r1", "+33639980001", 33639980001, "Bonjour", "other", desk.clock.at]] * 2
        + [["r2", "MABANQUE", None, "Code 123", "other", desk.clock.at]],
        columns=["gateway_reply_id", "sender", "number_id", "text", "verdict", "received_at"],
        dtype=object,
    )
    for expected in (2, 0):
        with desk.tx() as tx:
            assert len(add_replies(tx, "sandbox", rows)) == expected
    with desk.tx() as tx:
        assert len(add_replies(tx, "other", rows)) == 2  # another gateway counts for itself
    assert desk.sql("SELECT gateway, reply_id, number_id FROM reply ORDER BY reply_id") == [
        ("sandbox", 1, 33639980001),
        ("sandbox", 2, None),
        ("other", 3, 33639980001),
        ("other", 4, None),
    ]


def test_the_id_alone_identifies_a_reply_where_ids_are_unique(desk) -> None:
    """A callback and the provider's list give it two times, and the list has no text any more."""

    def rows(text: str, minutes: int) -> pd.DataFrame:
        at = desk.clock.at + timedelta(minutes=minutes)
        return pd.DataFrame(
            [["r1", "+33639980001", 33639980001, text, "other", at]],
            columns=["gateway_reply_id", "sender", "number_id", "text", "verdict", "received_at"],
            dtype=object,
        )

    for page, expected in ((pd.concat([rows("Oui", 0), rows("Oui", 1)], ignore_index=True), 1), (rows("", 2), 0)):
        with desk.tx() as tx:
            assert len(add_replies(tx, "twilio", page, ids_are_unique=True)) == expected
    with desk.tx() as tx:
        assert len(add_replies(tx, "twilio", rows("Oui", 3))) == 1, "elsewhere an id can be of another reply"
