"""Replies: each is kept once, also if it is read twice."""

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
