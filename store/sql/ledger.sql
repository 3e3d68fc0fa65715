-- Lease, slices, message events, credit: claim, call, record.

-- name: lease.get
SELECT fence, owner, expires_at FROM lease WHERE campaign_id = $campaign_id

-- name: lease.take
INSERT INTO lease VALUES ($campaign_id, $fence, $owner, $expires_at)
ON CONFLICT (campaign_id) DO UPDATE SET
    fence = excluded.fence, owner = excluded.owner, expires_at = excluded.expires_at

-- name: lease.extend
UPDATE lease SET expires_at = $expires_at WHERE campaign_id = $campaign_id AND fence = $fence

-- name: slice.window_keys
SELECT DISTINCT window_key FROM slice WHERE campaign_id = $campaign_id AND state = 'planned' ORDER BY window_key

-- name: slice.next_planned
SELECT slice_no, window_key, is_requeued, price FROM slice
WHERE campaign_id = $campaign_id AND state = 'planned' AND list_contains($open_keys, window_key)
ORDER BY slice_no LIMIT 1

-- name: slice.get
SELECT * FROM slice WHERE campaign_id = $campaign_id AND slice_no = $slice_no

-- name: slice.members
SELECT
    message.recipient_id, message.number_id, message.msisdn, message.text, message.encoding, message.sender_id, message.client_ref,
    CAST(message.price AS VARCHAR) AS price,
    opt_out.number_id IS NOT NULL AS is_opted_out,
    dead_number.number_id IS NOT NULL AS is_dead
FROM message
LEFT JOIN opt_out ON opt_out.number_id = message.number_id
LEFT JOIN dead_number ON dead_number.number_id = message.number_id
WHERE message.campaign_id = $campaign_id AND message.slice_no = $slice_no
ORDER BY message.recipient_id

-- name: slice.members_by_event
-- `planned`: put into this slice when another was refused. `claimed`: the body that was posted from it; asked again
-- with the same key, it must be the same to the letter.
SELECT
    message.recipient_id, message.number_id, message.msisdn, message.text, message.encoding, message.sender_id, message.client_ref,
    CAST(message.price AS VARCHAR) AS price,
    opt_out.number_id IS NOT NULL AS is_opted_out,
    dead_number.number_id IS NOT NULL AS is_dead
FROM message_event
JOIN message USING (campaign_id, recipient_id)
LEFT JOIN opt_out ON opt_out.number_id = message.number_id
LEFT JOIN dead_number ON dead_number.number_id = message.number_id
WHERE message_event.campaign_id = $campaign_id
    AND message_event.slice_no = $slice_no
    AND message_event.event = $event
ORDER BY message.recipient_id

-- name: slice.open_members
-- Claimed in this slice, and not settled since: what an answer of the gateway may still decide.
SELECT
    message.recipient_id, message.number_id, message.msisdn, message.client_ref,
    CAST(message.price AS VARCHAR) AS price, latest.state
FROM (
    SELECT recipient_id, arg_max(event, event_id) AS state, arg_max(slice_no, event_id) AS slice_no
    FROM message_event
    WHERE campaign_id = $campaign_id
        AND recipient_id IN (
            SELECT recipient_id FROM message_event
            WHERE campaign_id = $campaign_id AND slice_no = $slice_no AND event = 'claimed'
        )
    GROUP BY recipient_id
) AS latest
JOIN message ON message.campaign_id = $campaign_id AND message.recipient_id = latest.recipient_id
WHERE latest.state IN ('claimed', 'unknown') AND latest.slice_no = $slice_no
ORDER BY message.recipient_id

-- name: slice.claim
-- What was found absent before this post says nothing of it.
UPDATE slice SET
    state = 'claimed', fence = $fence, claimed_at = $claimed_at, ask_after = $ask_after, absent_count = 0
WHERE campaign_id = $campaign_id AND slice_no = $slice_no

-- name: slice.settle
UPDATE slice SET state = 'settled' WHERE campaign_id = $campaign_id AND slice_no = $slice_no

-- name: slice.make_unknown
UPDATE slice SET state = 'unknown', ask_after = $ask_after, absent_count = $absent_count
WHERE campaign_id = $campaign_id AND slice_no = $slice_no

-- name: slice.next_no
SELECT coalesce(max(slice_no), 0) + 1 FROM slice WHERE campaign_id = $campaign_id

-- name: slice.requeue
INSERT INTO slice VALUES (
    $campaign_id, $slice_no, $window_key, $message_count, $price, true, 'planned', NULL, NULL, NULL, 0
)

-- name: slice.left_by_others
-- Claimed by an owner who lost the lease: nobody knows what the gateway did.
SELECT slice_no, ask_after, absent_count FROM slice
WHERE campaign_id = $campaign_id AND state = 'claimed' AND fence < $fence ORDER BY slice_no

-- name: slice.unknown
SELECT slice_no, window_key, claimed_at, ask_after, absent_count FROM slice
WHERE campaign_id = $campaign_id AND state = 'unknown' ORDER BY slice_no

-- name: slice.cancel_planned
UPDATE slice SET state = 'cancelled' WHERE campaign_id = $campaign_id AND state = 'planned'

-- name: slice.count_by_state
SELECT state, count(*) AS slice_count FROM slice WHERE campaign_id = $campaign_id GROUP BY state

-- name: event.next_id
SELECT coalesce(max(event_id), 0) + 1 FROM message_event

-- name: event.add
-- staged_rows: event_id BIGINT, campaign_id BIGINT, recipient_id BIGINT, event VARCHAR, slice_no BIGINT, fence BIGINT, gateway_message_id VARCHAR, reason VARCHAR
INSERT INTO message_event
SELECT event_id, campaign_id, recipient_id, event, slice_no, fence, gateway_message_id, reason, $at FROM staged_rows

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
    coalesce(sum(price) FILTER (state IN ('accepted', 'delivered', 'undelivered')), 0) AS spent
FROM message_status WHERE campaign_id = $campaign_id GROUP BY territory ORDER BY message_count DESC, territory

-- name: message.export
SELECT
    message.msisdn, message.territory, status.state, status.reason, message.segment_count, message.encoding,
    CAST(message.price AS VARCHAR) AS price, message.client_ref, status.gateway_message_id, message.origin,
    message.import_id, message.row_number, status.changed_at, message.text
FROM message JOIN message_status AS status USING (campaign_id, recipient_id)
WHERE message.campaign_id = $campaign_id
ORDER BY message.recipient_id

-- name: credit.add
INSERT INTO credit_entry
SELECT coalesce(max(entry_id), 0) + 1, $gateway, $campaign_id, $slice_no, $kind, $amount, $at FROM credit_entry

-- name: credit.captured
SELECT coalesce(sum(amount), 0) FROM credit_entry WHERE gateway = $gateway AND kind = 'capture'

-- name: credit.available
-- The last reading, less what was captured since, less what is reserved and not settled. NULL without a reading.
SELECT
    reading.amount
    - (entry.captured - reading.captured_before)
    - (entry.reserved - entry.captured - entry.released) AS available,
    reading.unit,
    reading.amount AS balance
FROM (
    SELECT amount, captured_before, unit FROM balance_reading WHERE gateway = $gateway
    ORDER BY reading_id DESC LIMIT 1
) AS reading,
(
    SELECT
        coalesce(sum(amount) FILTER (kind = 'reserve'), 0) AS reserved,
        coalesce(sum(amount) FILTER (kind = 'capture'), 0) AS captured,
        coalesce(sum(amount) FILTER (kind = 'release'), 0) AS released
    FROM credit_entry WHERE gateway = $gateway
) AS entry

-- name: balance.add
INSERT INTO balance_reading
SELECT coalesce(max(reading_id), 0) + 1, $gateway, $amount, $unit, $captured_before, $at FROM balance_reading
