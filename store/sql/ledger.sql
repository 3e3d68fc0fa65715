-- Lease, slices, message events, credit: claim, call, record.

-- name: lease.get
SELECT fence, owner, expires_at, run_id FROM lease WHERE campaign_id = $campaign_id

-- name: lease.take
INSERT INTO lease (campaign_id, fence, owner, expires_at, run_id) VALUES ($campaign_id, $fence, $owner, $expires_at, $run_id)
ON CONFLICT (campaign_id) DO UPDATE SET
    fence = excluded.fence, owner = excluded.owner, expires_at = excluded.expires_at, run_id = excluded.run_id

-- name: lease.extend
UPDATE lease SET expires_at = $expires_at WHERE campaign_id = $campaign_id AND fence = $fence

-- name: slice.next_planned
-- The first of each place. A slice that has its own hour waits for it.
SELECT campaign_id, slice_no, window_key, is_requeued, segment_count, not_before, cut_as, first_event_id FROM slice
WHERE campaign_id = $campaign_id AND state = 'planned' AND coalesce(not_before, $at) <= $at
QUALIFY row_number() OVER (PARTITION BY window_key ORDER BY slice_no) <= $most

-- name: slice.waiting
-- What still waits, by place and hour.
SELECT window_key, not_before, count(*) AS slice_count FROM slice
WHERE campaign_id = $campaign_id AND state = 'planned' GROUP BY window_key, not_before ORDER BY window_key, not_before

-- name: slice.expire
UPDATE slice SET state = 'expired'
WHERE campaign_id = $campaign_id
    AND state = 'planned'
    AND window_key = $window_key
    AND not_before IS NOT DISTINCT FROM $not_before

-- name: slice.open
-- What is on its way, and what nobody knows the fate of.
SELECT * FROM slice WHERE campaign_id = $campaign_id AND state IN ('claimed', 'unknown') ORDER BY slice_no

-- name: slice.get
SELECT * FROM slice WHERE campaign_id = $campaign_id AND slice_no = $slice_no

-- name: slice.members
-- The messages that some slices were cut with.
SELECT
    slice_no, recipient_id, number_id, msisdn, text, encoding, sender_id, client_ref, segment_count,
    CAST(price AS VARCHAR) AS price
FROM message
SEMI JOIN (SELECT unnest($slice_nos) AS slice_no) AS asked USING (slice_no)
WHERE campaign_id = $campaign_id
ORDER BY slice_no, recipient_id

-- name: slice.members_by_event
-- `planned`: put into this slice when another was refused, and not proved accepted since. `claimed`: the body that was
-- posted from it; asked again with the same key, it must be the same to the letter, whatever came since.
SELECT
    recipient_id, number_id, msisdn, text, encoding, sender_id, client_ref, segment_count,
    CAST(price AS VARCHAR) AS price
FROM message
SEMI JOIN (
    SELECT recipient_id FROM message_event
    WHERE campaign_id = $campaign_id
        AND slice_no = $slice_no
        AND event_id >= $first_event_id
    GROUP BY recipient_id
    HAVING bool_or(event = $event OR ($event = 'claimed' AND event = 'unknown')) AND ($event <> 'planned' OR arg_max(event, event_id) = 'planned')
) AS member USING (recipient_id)
WHERE campaign_id = $campaign_id AND slice_no = $cut_as
ORDER BY recipient_id

-- name: slice.once_claimed
-- Claimed in this slice once, or unknown in it since the store was restored, and in one of these states now: still in it, or put back and waiting in another one.
SELECT
    message.campaign_id, message.recipient_id, message.number_id, message.msisdn, message.client_ref,
    message.segment_count, CAST(message.price AS VARCHAR) AS price, latest.state, latest.slice_no, latest.state_reason,
    latest.changed_at
FROM (
    SELECT
        recipient_id, arg_max(event, event_id) AS state, arg_max(slice_no, event_id) AS slice_no,
        arg_max_null(reason, event_id) AS state_reason, arg_max(recorded_at, event_id) AS changed_at
    FROM message_event
    WHERE campaign_id = $campaign_id
        AND event_id >= $first_event_id
        AND recipient_id IN (
            SELECT recipient_id FROM message_event
            WHERE campaign_id = $campaign_id
                AND slice_no = $slice_no
                AND event IN ('claimed', 'unknown')
                AND event_id >= $first_event_id
        )
    GROUP BY recipient_id
) AS latest
JOIN message
    ON message.campaign_id = $campaign_id
    AND message.slice_no = $cut_as
    AND message.recipient_id = latest.recipient_id
WHERE list_contains($states, latest.state) AND (latest.slice_no = $slice_no OR latest.state = 'planned')
ORDER BY message.recipient_id

-- name: number.barred
-- Who of them opted out, and who does not exist; a number may be both.
WITH asked AS (SELECT unnest($number_ids) AS number_id)
SELECT number_id, true AS is_opted_out FROM opt_out_entry SEMI JOIN asked USING (number_id) WHERE lifted_at IS NULL
UNION ALL
SELECT number_id, false FROM dead_number SEMI JOIN asked USING (number_id)

-- name: slice.claim
-- What was found absent before this post says nothing of it.
UPDATE slice SET
    state = 'claimed', fence = $fence, claimed_at = $claimed_at, ask_after = $ask_after, absent_count = 0,
    first_event_id = $first_event_id
WHERE campaign_id = $campaign_id AND slice_no = $slice_no

-- name: slice.settle
UPDATE slice SET state = 'settled' WHERE campaign_id = $campaign_id AND list_contains($slice_nos, slice_no)

-- name: slice.make_unknown
UPDATE slice SET state = 'unknown', ask_after = $ask_after, absent_count = $absent_count
WHERE campaign_id = $campaign_id AND slice_no = $slice_no

-- name: slice.next_no
SELECT coalesce(max(slice_no), 0) + 1 FROM slice WHERE campaign_id = $campaign_id

-- name: slice.requeue
INSERT INTO slice (
    campaign_id, slice_no, window_key, message_count, segment_count, price, is_requeued, state, absent_count, not_before,
    cut_as, first_event_id
) VALUES (
    $campaign_id, $slice_no, $window_key, $message_count, $segment_count, $price, true, 'planned', 0, $not_before,
    $cut_as, $first_event_id
)

-- name: slice.take_out
-- staged_rows: campaign_id BIGINT, slice_no BIGINT, segment_count BIGINT, price VARCHAR
-- One row a message that waits in its slice no more; where nobody is left, nothing has to be posted.
UPDATE slice SET
    message_count = slice.message_count - gone.message_count,
    segment_count = slice.segment_count - gone.segment_count,
    price = slice.price - gone.price,
    state = CASE WHEN slice.message_count = gone.message_count THEN 'settled' ELSE slice.state END
FROM (
    SELECT
        campaign_id, slice_no, count(*) AS message_count, sum(segment_count) AS segment_count,
        sum(CAST(price AS DECIMAL(18, 6))) AS price
    FROM staged_rows GROUP BY campaign_id, slice_no
) AS gone
WHERE gone.campaign_id = slice.campaign_id AND gone.slice_no = slice.slice_no

-- name: slice.left_by_others
-- Claimed by an owner who lost the lease: nobody knows what the gateway did.
SELECT slice_no, ask_after, absent_count, cut_as, first_event_id FROM slice
WHERE campaign_id = $campaign_id AND state = 'claimed' AND fence < $fence ORDER BY slice_no

-- name: slice.unknown
SELECT slice_no, window_key, claimed_at, ask_after, absent_count FROM slice
WHERE campaign_id = $campaign_id AND state = 'unknown' ORDER BY slice_no

-- name: event.expire
INSERT INTO message_event
SELECT
    $first_event_id - 1 + row_number() OVER (ORDER BY status.recipient_id),
    status.campaign_id, status.recipient_id, 'expired', status.slice_no, NULL, NULL, $reason, $at
FROM message_status AS status
JOIN slice ON slice.campaign_id = status.campaign_id AND slice.slice_no = status.slice_no
WHERE status.campaign_id = $campaign_id
    AND status.state = 'planned'
    AND slice.state = 'planned'
    AND slice.window_key = $window_key
    AND slice.not_before IS NOT DISTINCT FROM $not_before

-- name: slice.cancel_planned
UPDATE slice SET state = 'cancelled' WHERE campaign_id = $campaign_id AND state = 'planned'

-- name: slice.count_by_state
SELECT state, count(*) AS slice_count, sum(message_count) AS message_count FROM slice
WHERE campaign_id = $campaign_id GROUP BY state

-- name: slice.progress
-- What was put into a later slice is counted there. None of the events that are counted happens twice to a message, and
-- nothing but a report follows them; so only who was ever unknown is asked what became of them.
SELECT
    (SELECT count(*) FROM message WHERE campaign_id = $campaign_id) AS total,
    queue.*,
    doubts.*,
    fates.*,
    (
        SELECT coalesce(sum(amount), 0) FROM credit_entry
        WHERE campaign_id = $campaign_id AND kind IN ('capture', 'adjust')
    ) AS spent
FROM (
    SELECT
        CAST(coalesce(sum(message_count) FILTER (state = 'planned'), 0) AS BIGINT) AS waiting,
        CAST(coalesce(sum(message_count) FILTER (state = 'claimed'), 0) AS BIGINT) AS in_flight
    FROM slice WHERE campaign_id = $campaign_id
) AS queue,
(
    SELECT
        count(*) FILTER (state = 'unknown') AS unknown,
        count(*) FILTER (state = 'written_off') AS written_off
    FROM (
        SELECT arg_max(event, event_id) AS state FROM message_event
        WHERE campaign_id = $campaign_id AND recipient_id IN (
            SELECT recipient_id FROM message_event WHERE campaign_id = $campaign_id AND event = 'unknown'
        )
        GROUP BY recipient_id
    )
) AS doubts,
(
    SELECT
        count(*) FILTER (event = 'accepted') AS accepted,
        count(*) FILTER (event = 'rejected') AS rejected,
        count(*) FILTER (event = 'suppressed') AS suppressed,
        count(*) FILTER (event = 'cancelled') AS cancelled,
        count(*) FILTER (event = 'expired') AS expired
    FROM message_event WHERE campaign_id = $campaign_id
) AS fates

-- name: event.next_id
-- Also after those of a campaign that was revised, which are forgotten: no id is given twice.
SELECT 1 + greatest(
    (SELECT coalesce(max(event_id), 0) FROM message_event),
    (SELECT coalesce(max(after_event_id), 0) FROM campaign_event)
)

-- name: event.add
-- staged_rows: event_id BIGINT, campaign_id BIGINT, recipient_id BIGINT, event VARCHAR, slice_no BIGINT, fence BIGINT, gateway_message_id VARCHAR, reason VARCHAR
INSERT INTO message_event
SELECT event_id, campaign_id, recipient_id, event, slice_no, fence, gateway_message_id, reason, $at FROM staged_rows

-- name: event.add_to_slices
-- The lists are as long as each other: one event a recipient, in their order.
INSERT INTO message_event
SELECT event_id, $campaign_id, recipient_id, event, slice_no, $fence, gateway_message_id, reason, $at
FROM (
    SELECT
        unnest(range($first_event_id, $first_event_id + len($recipient_ids))) AS event_id,
        unnest($recipient_ids) AS recipient_id,
        unnest($events) AS event,
        unnest($slice_nos) AS slice_no,
        unnest(CAST($gateway_message_ids AS VARCHAR[])) AS gateway_message_id,
        unnest(CAST($reasons AS VARCHAR[])) AS reason
)

-- name: event.cancel_planned
INSERT INTO message_event
SELECT
    $first_event_id - 1 + row_number() OVER (ORDER BY recipient_id),
    campaign_id, recipient_id, 'cancelled', slice_no, NULL, NULL, $reason, $at
FROM message_status WHERE campaign_id = $campaign_id AND state = 'planned'

-- name: message.count_by_state
SELECT state, count(*) AS message_count, sum(price) AS price, sum(segment_count) AS segment_count
FROM message_status WHERE campaign_id = $campaign_id GROUP BY state ORDER BY state

-- name: message.reasons
SELECT state, coalesce(reason, '') AS reason, count(*) AS message_count
FROM message_status WHERE campaign_id = $campaign_id AND state NOT IN ('planned', 'accepted', 'delivered')
GROUP BY state, reason ORDER BY message_count DESC, state, reason LIMIT 20

-- name: message.by_territory
SELECT
    territory,
    count(*) AS message_count,
    count(*) FILTER (state IN ('accepted', 'delivered', 'undelivered')) AS accepted_count,
    count(*) FILTER (state = 'delivered') AS delivered_count,
    coalesce(
        sum(coalesce(message_charge.amount, price)) FILTER (state IN ('accepted', 'delivered', 'undelivered')), 0
    ) AS spent
FROM message_status LEFT JOIN message_charge USING (campaign_id, recipient_id)
WHERE campaign_id = $campaign_id GROUP BY territory ORDER BY message_count DESC, territory

-- name: message.export
SELECT
    message.msisdn, message.territory, status.state, status.reason, message.segment_count, message.encoding,
    CAST(message.price AS VARCHAR) AS price,
    CASE WHEN status.state IN ('accepted', 'delivered', 'undelivered')
        THEN CAST(coalesce(message_charge.amount, message.price) AS VARCHAR) END AS charged,
    message.client_ref, status.gateway_message_id, message.origin,
    message.import_id, message.row_number, status.changed_at, message.text
FROM message JOIN message_status AS status USING (campaign_id, recipient_id)
LEFT JOIN message_charge USING (campaign_id, recipient_id)
WHERE message.campaign_id = $campaign_id
ORDER BY message.recipient_id

-- name: message.fields
-- One row a message to somebody of a list: the fields that the list has now, or those of the file's row.
SELECT message.client_ref, coalesce(contact.fields, import_row.fields) AS fields
FROM message JOIN import_file ON import_file.import_id = message.import_id
LEFT JOIN contact ON contact.list_id = import_file.list_id AND contact.number_id = message.number_id
LEFT JOIN import_row
    ON import_row.import_id = message.import_id AND import_row.row_number = message.row_number
WHERE message.campaign_id = $campaign_id

-- name: message.column_maps
SELECT column_map FROM import_file WHERE list_id IN (
    SELECT list_id FROM import_file
    WHERE import_id IN (SELECT import_id FROM message WHERE campaign_id = $campaign_id)
)
ORDER BY import_id

-- name: credit.add
-- The lists are as long as each other: one entry a slice and kind, in their order.
INSERT INTO credit_entry
SELECT latest.entry_id + place, $gateway, $campaign_id, slice_no, kind, amount, $at
FROM (SELECT coalesce(max(entry_id), 0) AS entry_id FROM credit_entry) AS latest, (
    SELECT
        unnest(range(1, len($kinds) + 1)) AS place,
        unnest($slice_nos) AS slice_no,
        unnest($kinds) AS kind,
        unnest($amounts) AS amount
)

-- name: credit.captured
-- And what the gateway charged besides.
SELECT coalesce(sum(amount), 0) FROM credit_entry WHERE gateway = $gateway AND kind IN ('capture', 'adjust')

-- name: credit.available
-- The last reading, less what was captured and adjusted since, less what is reserved and not settled. What is captured
-- stands in both, so it drops out. No row without a reading.
SELECT
    amount + captured_before - (
        SELECT coalesce(sum(CASE kind WHEN 'release' THEN -amount WHEN 'capture' THEN 0 ELSE amount END), 0)
        FROM credit_entry WHERE gateway = $gateway
    ) AS available,
    unit,
    amount AS balance
FROM balance_reading WHERE gateway = $gateway
ORDER BY reading_id DESC LIMIT 1

-- name: balance.add
INSERT INTO balance_reading
SELECT coalesce(max(reading_id), 0) + 1, $gateway, $amount, $unit, $captured_before, $at FROM balance_reading
