"""The invariants are silent after whole lives, and each one fires on a store that was tampered with."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from campanile.store.campaigns.writer import RecapDetails, add_messages, standing_campaign, write_prepared
from campanile.store.contacts.opt_outs import honour_replies
from campanile.store.contacts.undo import undo_import
from campanile.store.db.invariants import INVARIANTS, broken_invariants
from campanile.store.inbound.replies import add_replies, set_answers
from schemas.gateway import Charge, Outcome, SubmitOutcome
from schemas.inbound_rows import UnansweredReply

#: Each invariant, and what breaks it.
MUTATIONS = [
    (
        "dead_numbers_are_as_their_history_says",
        "INSERT INTO dead_number_event VALUES (900, 33639980000, 'died', 'absent', 'a report', NULL, NULL, now())",
    ),
    ("rows_have_one_fate", "UPDATE import_file SET row_count = row_count + 1"),
    ("rejects_are_kept", "DELETE FROM import_row_reject"),
    ("rows_are_as_the_book_says", "DELETE FROM import_row WHERE fate = 'accepted'"),
    ("rows_are_as_the_book_says", "UPDATE import_row SET fate = 'updated' WHERE fate = 'duplicate'"),
    (
        "rows_are_as_the_book_says",
        "DELETE FROM import_row WHERE import_id = (SELECT import_id FROM import_file WHERE kind = 'opt_outs')",
    ),
    ("contacts_have_their_origin", "UPDATE contact SET row_number = row_number + 1"),
    ("contacts_have_their_origin", "UPDATE contact SET list_id = list_id + 1"),
    ("contacts_have_their_origin", "UPDATE import_row SET number_id = number_id + 1"),
    ("contacts_have_their_origin", "UPDATE import_file SET undone_at = recorded_at"),
    ("rows_have_their_contact", "DELETE FROM contact"),
    ("rows_of_other_files_exist", "UPDATE import_row SET of_import_id = 99 WHERE fate = 'duplicate'"),
    ("undone_files_left_nothing", "UPDATE import_row SET import_id = 2 WHERE import_id = 1"),
    ("undone_files_left_nothing", "UPDATE contact SET import_id = 2"),
    ("rejects_have_a_reason", "UPDATE import_row_reject SET reason = ''"),
    (
        "audience_is_messages_and_exclusions",
        "UPDATE recap SET audience_count = audience_count + 1 WHERE campaign_id = 1",
    ),
    (
        "recap_counts_the_messages",
        "UPDATE recap SET message_count = message_count - 1, audience_count = audience_count - 1",
    ),
    ("recap_counts_the_messages", "UPDATE recap SET total_price = total_price + 0.000001 WHERE campaign_id = 1"),
    ("recap_counts_the_messages", "UPDATE message SET segment_count = 2 WHERE campaign_id = 1"),
    ("exclusions_are_counted", "DELETE FROM exclusion"),
    ("one_message_a_person", "UPDATE message SET number_id = 33639980000 WHERE campaign_id = 1"),
    ("client_refs_are_unique", "UPDATE message SET client_ref = 'same' WHERE campaign_id IN (1, 2)"),
    ("slices_hold_all_messages", "DELETE FROM slice WHERE campaign_id = 1 AND slice_no = 1"),
    ("planned_messages_are_queued", "UPDATE slice SET state = 'settled' WHERE state = 'planned'"),
    ("planned_messages_are_queued", "DELETE FROM slice WHERE is_requeued"),
    (
        "steps_are_legal",
        "INSERT INTO message_event SELECT event_id + 1000, campaign_id, recipient_id, 'claimed', slice_no, fence, "
        "NULL, NULL, recorded_at FROM message_event WHERE event = 'delivered'",
    ),
    ("steps_are_legal", "DELETE FROM message_event WHERE event = 'claimed'"),
    (
        "steps_are_legal",
        "INSERT INTO message_event SELECT 9000, campaign_id, recipient_id, 'accepted', slice_no, 1, NULL, NULL, now() "
        "FROM message_status WHERE changed_at IS NULL",
    ),
    ("planned_slices_count_their_messages", "UPDATE slice SET message_count = message_count + 1"),
    ("planned_slices_count_their_messages", "UPDATE slice SET segment_count = segment_count + 1 WHERE is_requeued"),
    ("planned_slices_count_their_messages", "UPDATE slice SET price = price + 0.000001 WHERE is_requeued"),
    (
        "accepted_once",
        "INSERT INTO message_event SELECT event_id + 1000, * EXCLUDE (event_id) FROM message_event "
        "WHERE event = 'accepted'",
    ),
    ("gateway_ids_are_unique", "UPDATE message_event SET gateway_message_id = 'same' WHERE event = 'accepted'"),
    (
        "nothing_claimed_after_an_opt_out",
        "INSERT INTO opt_out_entry (entry_id, opt_out_key, source, recorded_at) "
        "SELECT 1000 + recipient_id, number_id, 'reply', '2000-01-01' FROM message_status "
        "WHERE campaign_id = 1 AND state = 'delivered'",
    ),
    ("nothing_claimed_after_an_opt_out", "UPDATE campaign SET requested_service = false, recap_hash = recap_hash"),
    ("nothing_claimed_before_approval", "DELETE FROM campaign_event WHERE event = 'approved'"),
    (
        "nothing_claimed_before_approval",
        "UPDATE campaign_event SET after_event_id = 9999 WHERE event = 'approved'",
    ),
    ("nothing_claimed_before_approval", "UPDATE campaign SET version = version + 1"),
    ("approval_is_of_the_latest_recap", "UPDATE campaign SET approved_hash = NULL"),
    ("approval_is_of_the_latest_recap", "UPDATE campaign SET recap_hash = 'another'"),
    ("finished_campaigns_have_nothing_open", "UPDATE campaign SET state = 'finished' WHERE state = 'parked'"),
    ("finished_campaigns_have_nothing_open", "UPDATE campaign SET state = 'cancelled' WHERE state = 'parked'"),
    (
        "fences_only_grow",
        "UPDATE message_event SET fence = 99 WHERE event_id = "
        "(SELECT min(event_id) FROM message_event WHERE event = 'claimed' AND campaign_id = 1)",
    ),
    ("reserves_are_settled", "DELETE FROM credit_entry WHERE kind = 'release'"),
    (
        "reserves_are_settled",
        "DELETE FROM credit_entry WHERE (campaign_id, slice_no) IN "
        "(SELECT (campaign_id, slice_no) FROM slice WHERE state = 'unknown')",
    ),
    (
        "reserves_are_settled",
        "UPDATE credit_entry SET amount = amount + 0.000001 WHERE kind = 'reserve' AND campaign_id = 1",
    ),
    ("entries_belong_to_a_slice_or_a_gateway", "UPDATE credit_entry SET campaign_id = NULL WHERE entry_id = 1"),
    ("entries_belong_to_a_slice_or_a_gateway", "UPDATE credit_entry SET kind = 'topup' WHERE entry_id = 1"),
    ("entries_belong_to_a_slice_or_a_gateway", "UPDATE credit_entry SET amount = -amount WHERE kind = 'release'"),
    ("entries_have_the_gateway_of_their_campaign", "UPDATE credit_entry SET gateway = 'twilio' WHERE entry_id = 1"),
    ("captures_are_what_was_accepted", "DELETE FROM credit_entry WHERE kind = 'capture' AND campaign_id = 1"),
    (
        "captures_are_what_was_accepted",
        "UPDATE credit_entry SET campaign_id = 2 WHERE kind = 'capture' AND campaign_id = 1",
    ),
    ("adjustments_are_what_was_charged", "DELETE FROM credit_entry WHERE kind = 'adjust'"),
    ("adjustments_are_what_was_charged", "UPDATE message_charge SET amount = amount + 0.000001"),
    ("adjustments_are_what_was_charged", "DELETE FROM message_charge"),
    (
        "only_accepted_messages_are_charged",
        "INSERT INTO message_charge SELECT campaign_id, recipient_id, slice_no, price, 1, now() FROM message_status "
        "WHERE state = 'unknown'",
    ),
    ("replies_are_kept_once", "INSERT INTO reply SELECT reply_id + 100, * EXCLUDE (reply_id) FROM reply"),
    ("reports_are_kept_once", "INSERT INTO delivery_report SELECT * FROM delivery_report"),
    ("a_stop_is_an_opt_out", "DELETE FROM opt_out_entry"),
    (
        "opt_outs_have_the_keys_of_the_store",
        "UPDATE opt_out_entry SET opt_out_key = opt_out_key + 4611686018427387904",
    ),
    ("erased_people_left_nothing", "UPDATE reply SET number_id = -1"),
    ("erased_people_left_nothing", "UPDATE message SET number_id = -number_id"),
    (
        "only_a_later_start_or_a_named_person_lifts_an_opt_out",
        "UPDATE opt_out_entry SET lifted_at = recorded_at, lifted_by = 'camille'",
    ),
    (
        "only_a_later_start_or_a_named_person_lifts_an_opt_out",
        "UPDATE opt_out_entry SET lifted_reply_id = reply_id, lifted_at = recorded_at",
    ),
    ("erased_people_left_nothing", "UPDATE message SET number_id = -number_id"),
    ("erased_people_left_nothing", "UPDATE reply SET number_id = -1, sender = '(erased)'"),
    (
        "erased_people_left_nothing",
        "INSERT INTO dead_number_event VALUES (900, -1, 'died', 'absent', 'a report', NULL, NULL, now())",
    ),
    ("answers_match_replies", "UPDATE reply SET answer = 'off'"),
    ("answers_match_replies", "DELETE FROM reply WHERE answer = 'planned'"),
    (
        "planned_answers_have_a_message",
        "DELETE FROM message WHERE campaign_id = (SELECT campaign_id FROM campaign WHERE kind = 'auto_reply')",
    ),
]


def test_every_invariant_has_a_row() -> None:
    assert {f"invariant.{name}" for name, _ in MUTATIONS} == set(INVARIANTS)


@pytest.fixture(scope="module")
def lived(
    empty_store: Path,
    tmp_path_factory: pytest.TempPathFactory,
    make_desk: Callable,
    rows_for: Callable,
    head_of: Callable,
) -> Path:
    """Return a store in which campaigns of all kinds have lived."""
    path = tmp_path_factory.mktemp("lived") / "sms.duckdb"
    path.write_bytes(empty_store.read_bytes())
    desk = make_desk(path)
    fill_books(desk, rows_for, head_of)
    live(desk, rows_for)
    with desk.tx(checkpoint_after=True):  # all of it in the one file, to be copied
        pass
    assert desk.broken() == {}
    return path


def fill_books(desk, rows_for: Callable, head_of: Callable) -> None:
    """Import files, undo one, and cancel a campaign with an exclusion."""
    desk.take_in("clients", (1, {}), "too_short", (1, {}))
    desk.take_in("clients", (1, {"town": "Lille"}), (2, {}))
    with desk.tx() as tx:
        undo_import(tx, 2, "camille")
    desk.take_in_stops((98, {}), (98, {}))
    left_out = pd.DataFrame(
        [[33639980099, "+33639980099", "opted_out", "typed", None, 1]],
        columns=["number_id", "msisdn", "reason", "origin", "import_id", "row_number"],
    )
    messages = rows_for([50, 51], "Annulée STOP 36111").assign(slice_no=1)
    with desk.tx() as tx, desk.stage(tx, messages, left_out):
        write_prepared(tx, head_of("first"), {"name": "first"}, RecapDetails("EUR"))


def live(desk, rows_for: Callable) -> None:
    """Send campaigns that end in every way a message can."""
    lease = desk.start("first", range(10), per_slice=5, text="Soldes STOP 36111")
    claim = desk.must_claim(lease)
    desk.answer(lease, claim, "accepted", "accepted", "rejected", "not_accepted", "unknown")
    desk.report(claim.messages[0])
    desk.report(claim.messages[1], "undelivered")
    desk.must_claim(lease)
    desk.clock.forward(seconds=91)
    lease = desk.open("first", "second sender")
    desk.answer(lease, desk.must_claim(lease), "not_accepted")  # a slice that is planned again
    stopped(desk, 9)

    alert = desk.start("alert", [9, 20], kind="alert", requested_service=True)
    desk.clock.forward(seconds=1)
    desk.answer(alert, desk.must_claim(alert), "accepted")
    desk.close(alert)
    answer_automatically(desk, rows_for)
    desk.close(lease)

    whole = desk.start("whole", [30, 31])
    claim = desk.must_claim(whole)
    dearer = Charge(Decimal("0.06"), "EUR", 1)
    said = [
        SubmitOutcome(item.client_ref, Outcome.ACCEPTED, f"gw-{item.client_ref}", None, dearer)
        for item in claim.messages
    ]
    desk.record(whole, claim.slice_no, said)
    desk.report(claim.messages[0])
    desk.close(whole)
    unknown = desk.start("unknown", [40])
    desk.answer(unknown, desk.must_claim(unknown), "unknown")
    desk.close(unknown)
    desk.prepare("cancelled", [60])
    desk.cancel("cancelled")


def stopped(desk, person: int) -> None:
    reply(desk, f"stop-{person}", person, "stop")


def reply(desk, reply_id: str, person: int, verdict: str) -> None:
    number = 33639980000 + person
    row = [reply_id, f"+{number}", number, "…", verdict, desk.clock.at - timedelta(seconds=1)]
    columns = ["gateway_reply_id", "sender", "number_id", "text", "verdict", "received_at"]
    with desk.tx() as tx:
        honour_replies(tx, add_replies(tx, "sandbox", pd.DataFrame([row], columns=columns)))


def answer_automatically(desk, rows_for: Callable) -> None:
    reply(desk, "question", 20, "other")
    (found,) = [
        row
        for row in desk.select(UnansweredReply, "reply.unanswered", gateway="sandbox", most=9, since=desk.clock.at)
        if row.number_id == 33639980020
    ]
    with desk.tx() as tx:
        campaign = standing_campaign(tx, "auto_reply", "sandbox")
        answer = rows_for([20], "Merci").assign(recipient_id=found.reply_id, slice_no=1)
        add_messages(tx, campaign.campaign_id, answer, first_slice_no=1)
        set_answers(tx, {found.reply_id: "planned"})


def test_a_whole_life_breaks_nothing(lived: Path, make_desk: Callable) -> None:
    desk = make_desk(lived)
    assert desk.broken() == {}
    states = {state for (state,) in desk.sql("SELECT DISTINCT state FROM message_status")}
    assert states == {"planned", "unknown", "accepted", "delivered", "undelivered", "rejected", "cancelled"}


@pytest.mark.parametrize(
    ("name", "sql"), MUTATIONS, ids=[f"{name}-{number}" for number, (name, _) in enumerate(MUTATIONS)]
)
def test_each_invariant_fires(lived: Path, tmp_path: Path, make_desk: Callable, name: str, sql: str) -> None:
    path = tmp_path / "sms.duckdb"
    path.write_bytes(lived.read_bytes())
    desk = make_desk(path)
    desk.sql(sql)
    with desk.tx(read_only=True) as tx:
        broken = broken_invariants(tx)
    assert f"invariant.{name}" in broken
    assert desk.broken() == broken
