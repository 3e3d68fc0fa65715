-- What must always hold. Each query returns the rows that break the rule; a correct store returns none.

-- name: invariant.rows_have_one_fate
-- Import files whose rows do not add up: each row has one outcome.
SELECT import_id FROM import_file
WHERE row_count <> accepted_count + updated_count + duplicate_count + rejected_count

-- name: invariant.rejects_are_kept
-- Import files with more or fewer rejects than they count.
SELECT import_file.import_id
FROM import_file LEFT JOIN import_row_reject USING (import_id)
GROUP BY import_file.import_id, import_file.rejected_count
HAVING count(import_row_reject.row_number) <> import_file.rejected_count

-- name: invariant.rejects_have_a_reason
-- Rejects without a reason.
SELECT import_id, row_number FROM import_row_reject WHERE reason = ''

-- name: invariant.rows_are_as_the_book_says
-- Import files whose stored rows differ from their counts. Files imported before rows were stored (known_count is NULL)
-- have only their accepted rows.
SELECT import_file.import_id
FROM import_file
LEFT JOIN (
    SELECT
        import_id,
        count(*) FILTER (fate = 'accepted') AS accepted_count,
        count(*) FILTER (fate = 'updated') AS updated_count,
        count(*) FILTER (fate = 'duplicate') AS duplicate_count
    FROM import_row GROUP BY import_id
) AS kept ON kept.import_id = import_file.import_id
WHERE import_file.undone_at IS NULL AND (
    ((import_file.kind = 'contacts' OR import_file.known_count IS NOT NULL)
        AND import_file.accepted_count <> coalesce(kept.accepted_count, 0))
    OR (import_file.known_count IS NOT NULL AND (
        import_file.updated_count <> coalesce(kept.updated_count, 0)
        OR import_file.duplicate_count <> coalesce(kept.duplicate_count, 0)
    ))
)

-- name: invariant.contacts_have_their_origin
-- Contacts whose origin is not a row with their number, in a file of their list that is not undone.
SELECT contact.list_id, contact.number_id
FROM contact
LEFT JOIN import_file
    ON import_file.import_id = contact.import_id
    AND import_file.list_id = contact.list_id
    AND import_file.undone_at IS NULL
LEFT JOIN import_row
    ON import_row.import_id = import_file.import_id
    AND import_row.row_number = contact.row_number
    AND import_row.number_id = contact.number_id
WHERE import_row.number_id IS NULL

-- name: invariant.rows_have_their_contact
-- Rows of contact files whose person is not in the list, and was not erased.
SELECT import_row.import_id, import_row.row_number
FROM import_row
JOIN import_file ON import_file.import_id = import_row.import_id AND import_file.kind = 'contacts'
LEFT JOIN contact ON contact.list_id = import_file.list_id AND contact.number_id = import_row.number_id
WHERE contact.number_id IS NULL AND import_row.number_id > 0

-- name: invariant.rows_of_other_files_exist
-- Rows that refer to a file that does not exist.
SELECT import_id, row_number FROM import_row
WHERE of_import_id IS NOT NULL AND of_import_id NOT IN (SELECT import_id FROM import_file)

-- name: invariant.undone_files_left_nothing
-- Undone files that still have rows or contacts.
SELECT import_id FROM import_file
WHERE undone_at IS NOT NULL AND (
    import_id IN (SELECT import_id FROM import_row) OR import_id IN (SELECT import_id FROM contact)
)

-- name: invariant.audience_is_messages_and_exclusions
-- Recaps where audience = messages + exclusions does not hold.
SELECT recap.campaign_id FROM recap
WHERE recap.audience_count <> recap.message_count + recap.exclusion_count

-- name: invariant.recap_counts_the_messages
-- Recaps of the current version whose totals differ from the messages.
SELECT recap.campaign_id
FROM recap JOIN campaign USING (campaign_id, version)
LEFT JOIN (
    SELECT campaign_id, count(*) AS message_count, sum(segment_count) AS segment_count, sum(price) AS price
    FROM message GROUP BY campaign_id
) AS found ON found.campaign_id = recap.campaign_id
WHERE recap.message_count <> coalesce(found.message_count, 0)
    OR recap.segment_count <> coalesce(found.segment_count, 0)
    OR recap.total_price <> coalesce(found.price, 0)

-- name: invariant.exclusions_are_counted
-- Recaps with more or fewer exclusions than they count.
SELECT recap.campaign_id
FROM recap LEFT JOIN exclusion USING (campaign_id, version)
GROUP BY recap.campaign_id, recap.version, recap.exclusion_count
HAVING count(exclusion.reason) <> recap.exclusion_count

-- name: invariant.one_message_a_person
-- People with two messages in one campaign.
SELECT campaign_id, number_id FROM message JOIN campaign USING (campaign_id)
WHERE campaign.kind IN ('marketing', 'alert')
GROUP BY campaign_id, number_id HAVING count(*) > 1

-- name: invariant.client_refs_are_unique
-- Client references of more than one message.
SELECT client_ref FROM message GROUP BY client_ref HAVING count(*) > 1

-- name: invariant.slices_hold_all_messages
-- Messages without a slice.
SELECT message.campaign_id, message.recipient_id
FROM message LEFT JOIN slice USING (campaign_id, slice_no)
WHERE slice.slice_no IS NULL

-- name: invariant.planned_messages_are_queued
-- Planned messages whose slice is not planned: no sender would ever claim them.
SELECT status.campaign_id, status.recipient_id
FROM message_status AS status
JOIN campaign ON campaign.campaign_id = status.campaign_id
LEFT JOIN slice ON slice.campaign_id = status.campaign_id AND slice.slice_no = status.slice_no
WHERE status.state = 'planned' AND slice.state IS DISTINCT FROM 'planned'

-- name: invariant.planned_slices_count_their_messages
-- Planned slices whose totals differ from their planned messages.
SELECT slice.campaign_id, slice.slice_no
FROM slice
LEFT JOIN (
    SELECT
        campaign_id, slice_no, count(*) AS message_count, sum(segment_count) AS segment_count, sum(price) AS price
    FROM message_status WHERE state = 'planned' GROUP BY campaign_id, slice_no
) AS found USING (campaign_id, slice_no)
WHERE slice.state = 'planned' AND (
    slice.message_count <> coalesce(found.message_count, 0)
    OR slice.segment_count <> coalesce(found.segment_count, 0)
    OR slice.price <> coalesce(found.price, 0)
)

-- name: invariant.steps_are_legal
-- Changes of state that are not allowed. new: never tried. planned: put back; a late proof may still show that it was
-- accepted. new to planned: put into another slice before its first try, because the credit did not cover it.
SELECT step.campaign_id, step.recipient_id, step.state_before, step.event
FROM (
    SELECT
        campaign_id, recipient_id, event,
        coalesce(
            lag(event) OVER (PARTITION BY campaign_id, recipient_id ORDER BY event_id), 'new'
        ) AS state_before
    FROM message_event
) AS step
LEFT JOIN (
    VALUES
        ('new', 'unknown'), ('planned', 'unknown'), -- the store was restored
        ('new', 'planned'), ('planned', 'planned'),
        ('new', 'claimed'), ('new', 'suppressed'), ('new', 'cancelled'), ('new', 'expired'),
        ('planned', 'claimed'), ('planned', 'suppressed'), ('planned', 'cancelled'), ('planned', 'expired'),
        ('planned', 'accepted'),
        ('claimed', 'accepted'), ('claimed', 'planned'), ('claimed', 'rejected'), ('claimed', 'unknown'),
        ('unknown', 'accepted'), ('unknown', 'rejected'), ('unknown', 'planned'), ('unknown', 'written_off'),
        ('written_off', 'accepted'), ('accepted', 'delivered'), ('accepted', 'undelivered')
) AS legal (state_before, event) ON legal.state_before = step.state_before AND legal.event = step.event
WHERE legal.event IS NULL

-- name: invariant.accepted_once
-- Messages that were accepted twice.
SELECT campaign_id, recipient_id FROM message_event WHERE event = 'accepted'
GROUP BY campaign_id, recipient_id HAVING count(*) > 1

-- name: invariant.gateway_ids_are_unique
-- Gateway ids of more than one message. Two gateways may use the same id.
SELECT campaign.gateway, message_event.gateway_message_id FROM message_event JOIN campaign USING (campaign_id)
WHERE message_event.gateway_message_id IS NOT NULL
GROUP BY campaign.gateway, message_event.gateway_message_id
HAVING count(DISTINCT (message_event.campaign_id, message_event.recipient_id)) > 1

-- name: invariant.nothing_claimed_after_an_opt_out
-- Messages that were claimed while the person was opted out. An alert with requested_service is the exception.
SELECT message.campaign_id, message.recipient_id
FROM message_event
JOIN message USING (campaign_id, recipient_id)
JOIN campaign USING (campaign_id)
JOIN opt_out_entry ON opt_out_entry.opt_out_key = opt_out_key(message.number_id)
WHERE message_event.event = 'claimed'
    AND message_event.event_id > coalesce(opt_out_entry.after_event_id, 0)
    AND (opt_out_entry.lifted_at IS NULL OR message_event.event_id <= opt_out_entry.lifted_after_event_id)
    AND NOT (campaign.kind = 'alert' AND campaign.requested_service)

-- name: invariant.nothing_claimed_before_approval
-- Messages that were claimed before the current version was approved.
SELECT message_event.campaign_id, message_event.recipient_id
FROM message_event
JOIN campaign USING (campaign_id)
WHERE message_event.event = 'claimed'
    AND campaign.kind IN ('marketing', 'alert')
    AND NOT EXISTS (
        SELECT 1 FROM campaign_event
        WHERE campaign_event.campaign_id = message_event.campaign_id
            AND campaign_event.event = 'approved'
            AND campaign_event.version = campaign.version
            AND coalesce(campaign_event.after_event_id, 0) < message_event.event_id
    )

-- name: invariant.approval_is_of_the_latest_recap
-- Campaigns that were approved with another recap than their latest.
SELECT campaign_id FROM campaign
WHERE kind IN ('marketing', 'alert')
    AND state IN ('approved', 'sending', 'parked', 'paused', 'finished')
    AND NOT is_stopped
    AND approved_hash IS DISTINCT FROM recap_hash

-- name: invariant.finished_campaigns_have_nothing_open
-- Open messages of campaigns that are over.
SELECT status.campaign_id, status.recipient_id
FROM message_status AS status JOIN campaign USING (campaign_id)
WHERE campaign.state IN ('finished', 'cancelled') AND status.state IN ('planned', 'claimed', 'unknown')

-- name: invariant.fences_only_grow
-- Claims with a lower fence than an earlier claim of the campaign.
SELECT later.campaign_id, later.event_id
FROM (
    SELECT
        campaign_id, event_id, fence,
        max(fence) OVER (
            PARTITION BY campaign_id ORDER BY event_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS fence_before
    FROM message_event WHERE event = 'claimed'
) AS later
WHERE later.fence < later.fence_before

-- name: invariant.reserves_are_settled
-- Slices where reserved = captured + released + price of what is claimed or unknown does not hold. Adjustments were
-- never reserved.
SELECT campaign_id, slice_no
FROM (
    SELECT
        campaign_id, slice_no,
        sum(CASE kind WHEN 'reserve' THEN amount ELSE -amount END) AS open_amount
    FROM credit_entry WHERE kind IN ('reserve', 'capture', 'release') GROUP BY campaign_id, slice_no
) AS entry
FULL JOIN (
    SELECT campaign_id, slice_no, sum(price) AS price
    FROM message_status WHERE state IN ('claimed', 'unknown') GROUP BY campaign_id, slice_no
) AS still_open USING (campaign_id, slice_no)
WHERE coalesce(entry.open_amount, 0) <> coalesce(still_open.price, 0)

-- name: invariant.entries_belong_to_a_slice_or_a_gateway
-- Credit entries of a slice without one, or of a gateway with one; and amounts that no outcome has.
SELECT entry_id FROM credit_entry
WHERE (kind IN ('topup', 'refund')) <> (campaign_id IS NULL AND slice_no IS NULL)
    OR (campaign_id IS NULL) <> (slice_no IS NULL)
    OR (kind IN ('reserve', 'capture', 'release') AND amount <= 0)

-- name: invariant.entries_have_the_gateway_of_their_campaign
-- Credit entries on another gateway than their campaign's.
SELECT credit_entry.entry_id FROM credit_entry LEFT JOIN campaign USING (campaign_id)
WHERE credit_entry.campaign_id IS NOT NULL AND credit_entry.gateway IS DISTINCT FROM campaign.gateway

-- name: invariant.captures_are_what_was_accepted
-- Campaigns whose captured credit differs from the price of their accepted messages.
SELECT campaign.campaign_id
FROM campaign
LEFT JOIN (
    SELECT campaign_id, sum(amount) AS amount FROM credit_entry WHERE kind = 'capture' GROUP BY campaign_id
) AS captured USING (campaign_id)
LEFT JOIN (
    SELECT campaign_id, sum(price) AS amount
    FROM message_status WHERE state IN ('accepted', 'delivered', 'undelivered') GROUP BY campaign_id
) AS accepted USING (campaign_id)
WHERE coalesce(captured.amount, 0) <> coalesce(accepted.amount, 0)

-- name: invariant.adjustments_are_what_was_charged
-- Slices whose adjustments differ from charge minus price of their messages.
SELECT campaign_id, slice_no
FROM (
    SELECT campaign_id, slice_no, sum(amount) AS amount
    FROM credit_entry WHERE kind = 'adjust' GROUP BY campaign_id, slice_no
) AS adjusted
FULL JOIN (
    SELECT message_charge.campaign_id, message_charge.slice_no, sum(message_charge.amount - message.price) AS amount
    FROM message_charge JOIN message USING (campaign_id, recipient_id)
    GROUP BY message_charge.campaign_id, message_charge.slice_no
) AS charged USING (campaign_id, slice_no)
WHERE coalesce(adjusted.amount, 0) <> coalesce(charged.amount, 0)

-- name: invariant.only_accepted_messages_are_charged
-- Charges of messages that no gateway accepted.
SELECT message_charge.campaign_id, message_charge.recipient_id
FROM message_charge LEFT JOIN message_status USING (campaign_id, recipient_id)
WHERE message_status.state IS NULL OR message_status.state NOT IN ('accepted', 'delivered', 'undelivered')

-- name: invariant.replies_are_kept_once
-- Replies that are stored twice. Those of erased people have neither sender nor text, and need not have an id.
SELECT gateway, gateway_reply_id FROM reply WHERE coalesce(number_id, 0) >= 0
GROUP BY gateway, gateway_reply_id, sender, text, received_at HAVING count(*) > 1

-- name: invariant.reports_are_kept_once
-- Delivery reports that are stored twice, and report numbers that are used twice.
SELECT gateway, report_id FROM delivery_report
GROUP BY gateway, report_id, gateway_message_id, client_ref, status HAVING count(*) > 1
UNION ALL
SELECT any_value(gateway), any_value(report_id) FROM delivery_report GROUP BY report_no HAVING count(*) > 1

-- name: invariant.a_stop_is_an_opt_out
-- Replies that mean STOP and have no opt-out.
SELECT reply_id FROM reply
WHERE verdict IN ('stop', 'stop_doubtful', 'wrong_number') AND number_id IS NOT NULL
    AND reply_id NOT IN (SELECT reply_id FROM opt_out_entry WHERE reply_id IS NOT NULL)

-- name: invariant.only_a_later_start_or_a_named_person_lifts_an_opt_out
-- Opt-outs that were lifted by neither a later START of the same person, nor a person's decision on a doubtful reply, nor
-- a named person with a reason.
SELECT entry.entry_id
FROM opt_out_entry AS entry
LEFT JOIN reply AS stop ON stop.reply_id = entry.reply_id
LEFT JOIN reply AS start ON start.reply_id = entry.lifted_reply_id
WHERE entry.lifted_at IS NOT NULL
    AND NOT coalesce(
        CASE
            WHEN entry.lifted_reply_id IS NULL
                THEN (entry.source = 'reply_doubtful' AND stop.settled_as = 'lift') OR entry.lift_reason <> ''
            ELSE
                entry.source IN ('reply', 'reply_doubtful')
                AND start.verdict = 'start'
                AND (opt_out_key(start.number_id) = entry.opt_out_key OR start.sender = '(hidden)')
                AND start.counts_at > coalesce(stop.counts_at, entry.recorded_at)
                AND start.recorded_at >= entry.recorded_at
        END,
        false
    )

-- name: invariant.opt_outs_have_the_keys_of_the_store
-- Opt-outs under a number in a store that keeps keyed hashes, and under a hash in a store that keeps numbers.
SELECT opt_out_key FROM (
    SELECT opt_out_key FROM opt_out_entry
    UNION ALL
    SELECT opt_out_key FROM opt_out_push
    UNION ALL
    SELECT number_id FROM import_row JOIN import_file USING (import_id) WHERE import_file.kind = 'opt_outs'
) AS kept
WHERE opt_out_key >= 0 AND (opt_out_key >= 4611686018427387904) <> (opt_out_key(0) <> 0)

-- name: invariant.erased_people_left_nothing
-- Rows of erased people that still have a number, a text or fields.
SELECT number_id FROM message WHERE number_id < 0 AND (msisdn, text) <> ('(erased)', '(erased)')
UNION ALL
SELECT number_id FROM reply
WHERE number_id < 0 AND (
    (sender <> '(hidden)' AND (sender, text) <> ('(erased)', '(erased)')) OR recipient_id IS NOT NULL
)
UNION ALL
SELECT number_id FROM exclusion WHERE number_id < 0 AND msisdn <> '(erased)'
UNION ALL
SELECT number_id FROM import_row WHERE number_id < 0 AND fields <> '{}'
UNION ALL
SELECT number_id FROM contact WHERE number_id < 0
UNION ALL
SELECT number_id FROM dead_number_event
WHERE number_id < 0 AND (evidence <> '(erased)' OR import_id IS NOT NULL OR row_number IS NOT NULL)

-- name: invariant.answers_match_replies
-- Automatic answers to replies that should get none.
SELECT message.recipient_id
FROM message JOIN campaign USING (campaign_id)
LEFT JOIN reply ON reply.reply_id = message.recipient_id
WHERE campaign.kind = 'auto_reply' AND reply.answer IS DISTINCT FROM 'planned'

-- name: invariant.planned_answers_have_a_message
-- Replies with a planned answer that has no message.
SELECT reply.reply_id FROM reply
WHERE reply.answer = 'planned' AND NOT EXISTS (
    SELECT 1 FROM message JOIN campaign USING (campaign_id)
    WHERE campaign.kind = 'auto_reply' AND message.recipient_id = reply.reply_id
)

-- name: invariant.dead_numbers_are_as_their_history_says
-- Numbers whose last event contradicts dead_number: died and not in it, or revived and in it. Erased people (below 0) are
-- history only.
SELECT number_id
FROM (SELECT number_id, arg_max(event, event_no) AS event FROM dead_number_event GROUP BY number_id) AS latest
LEFT JOIN dead_number USING (number_id)
WHERE latest.number_id > 0 AND (latest.event = 'died') <> (dead_number.number_id IS NOT NULL)
