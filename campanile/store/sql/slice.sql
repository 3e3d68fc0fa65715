-- Slices: the queue of a campaign. Key: (campaign_id, slice_no).

-- name: slice.dispute
-- Mark a slice as disputed: absence no longer proves that its messages were not accepted.
UPDATE slice SET is_disputed = true WHERE campaign_id = $campaign_id AND slice_no = $slice_no

-- name: slice.ask_later
-- Delay the look-ups of all open slices of a gateway by $microseconds, and start the count of absences again.
UPDATE slice SET ask_after = ask_after + to_microseconds(CAST($microseconds AS BIGINT)), absent_count = 0
FROM campaign
WHERE campaign.campaign_id = slice.campaign_id
    AND campaign.gateway = $gateway
    AND slice.state IN ('claimed', 'unknown')

-- name: slice.forget
-- Delete the slices of a campaign that is prepared again. Only while nothing was claimed.
DELETE FROM slice WHERE campaign_id = $campaign_id

-- name: slice.cut
-- Add one slice per slice_no of the messages, from $first_slice_no on.
INSERT INTO slice (
    campaign_id, slice_no, window_key, message_count, price, is_requeued, state, absent_count, segment_count, cut_as
)
SELECT
    campaign_id, slice_no, any_value(window_key), count(*), sum(price), false, 'planned', 0, sum(segment_count),
    slice_no
FROM message
WHERE campaign_id = $campaign_id AND slice_no >= $first_slice_no
GROUP BY campaign_id, slice_no

-- name: slice.set_hours
-- staged_hours: SliceHours
-- Set the time of its own that each window_key waits for.
UPDATE slice SET not_before = staged_hours.not_before
FROM staged_hours
WHERE slice.campaign_id = $campaign_id AND slice.window_key = staged_hours.window_key

-- name: slice.hours
-- One row per window_key and time of its own; NULL: the time of the campaign holds.
SELECT DISTINCT window_key, not_before FROM slice WHERE campaign_id = $campaign_id ORDER BY window_key, not_before

-- name: slice.count_ahead
-- The number of unknown slices that were claimed after $latest, on a clock that was ahead.
SELECT count(*) FROM slice WHERE state = 'unknown' AND claimed_at > $latest

-- name: slice.distrust_ahead
-- Correct the slices that were claimed after $latest, on a clock that was ahead. Fence 0: as after a restore, the slice
-- is never posted again under its key. It was posted after $oldest, whatever that clock showed. $ask_after: from when
-- on the gateway may be asked.
UPDATE slice SET fence = 0, claimed_at = least(campaign.created_at, $oldest), ask_after = $ask_after, absent_count = 0
FROM campaign
WHERE campaign.campaign_id = slice.campaign_id AND slice.state = 'unknown' AND slice.claimed_at > $latest

-- name: slice.next_planned
-- The next planned slices of each window_key, at most $most of each. A slice with a time of its own waits for it.
SELECT campaign_id, slice_no, window_key, is_requeued, segment_count, not_before, cut_as, first_event_id FROM slice
WHERE campaign_id = $campaign_id AND state = 'planned' AND coalesce(not_before, $at) <= $at
QUALIFY row_number() OVER (PARTITION BY window_key ORDER BY slice_no) <= $most

-- name: slice.waiting
-- One row per window_key and time of its own with planned slices.
SELECT DISTINCT window_key, not_before FROM slice
WHERE campaign_id = $campaign_id AND state = 'planned' ORDER BY window_key, not_before

-- name: slice.expire
-- Mark the planned slices of one window_key and time of its own as expired.
UPDATE slice SET state = 'expired'
WHERE campaign_id = $campaign_id
    AND state = 'planned'
    AND window_key = $window_key
    AND not_before IS NOT DISTINCT FROM $not_before

-- name: slice.open
-- One row per slice that is in flight or has unknown messages, in order.
SELECT * FROM slice WHERE campaign_id = $campaign_id AND state IN ('claimed', 'unknown') ORDER BY slice_no

-- name: slice.get
-- One slice by its key.
SELECT * FROM slice WHERE campaign_id = $campaign_id AND slice_no = $slice_no

-- name: slice.members
-- One row per message that the slices were cut with and that no opt-out has suppressed since, by slice and recipient.
-- $slice_nos: no requeued slice. $first_event_id: no event of these slices is older; NULL: they have none.
SELECT
    slice_no, recipient_id, number_id, msisdn, text, encoding, sender_id, client_ref, segment_count, price
FROM message
SEMI JOIN (SELECT unnest($slice_nos) AS slice_no) AS asked USING (slice_no)
ANTI JOIN (
    SELECT recipient_id FROM message_event
    WHERE campaign_id = $campaign_id AND event_id >= $first_event_id AND event = 'suppressed' -- guard: suppressed-once
) AS gone USING (recipient_id)
WHERE campaign_id = $campaign_id
ORDER BY slice_no, recipient_id

-- name: slice.members_by_event
-- One row per message of a slice, by its events. $event 'planned': the messages that were put back into this slice and
-- were not proved accepted since. $event 'claimed': the messages that were posted from it. A second post under the same
-- key must have the same body, so later events do not matter. $cut_as: the slice they were first cut into.
-- $first_event_id: no event of the slice is older.
SELECT
    CAST($slice_no AS BIGINT) AS slice_no, recipient_id, number_id, msisdn, text, encoding, sender_id, client_ref,
    segment_count, price
FROM message
SEMI JOIN (
    SELECT recipient_id FROM message_event
    WHERE campaign_id = $campaign_id
        AND slice_no = $slice_no
        AND event_id >= $first_event_id
    GROUP BY recipient_id
    HAVING bool_or(event = $event OR ($event = 'claimed' AND event = 'unknown'))
        AND ($event <> 'planned' OR arg_max(event, event_id) = 'planned') -- guard: late-proof
) AS member USING (recipient_id)
WHERE campaign_id = $campaign_id AND slice_no = $cut_as
ORDER BY recipient_id

-- name: slice.once_claimed
-- One row per message that was claimed in this slice, or became unknown in it after a restore, and is now in one of
-- $states: still in it, or put back into another slice and planned.
SELECT
    message.campaign_id, message.recipient_id, message.number_id, message.msisdn, message.client_ref,
    message.segment_count, message.price, latest.state, latest.slice_no, latest.state_reason,
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

-- name: slice.claim
-- Claim a slice. The count of absences starts again: an absence before this post proves nothing about it.
UPDATE slice SET
    state = 'claimed', fence = $fence, claimed_at = $claimed_at, ask_after = $ask_after, absent_count = 0,
    first_event_id = $first_event_id
WHERE campaign_id = $campaign_id AND slice_no = $slice_no

-- name: slice.settle
-- Mark slices as settled: all their messages are decided.
UPDATE slice SET state = 'settled' WHERE campaign_id = $campaign_id AND list_contains($slice_nos, slice_no)

-- name: slice.make_unknown
-- Mark a slice as one with unknown messages. $ask_after: from when on the gateway may be asked. $absent_count: look-ups
-- that did not find it.
UPDATE slice SET state = 'unknown', ask_after = $ask_after, absent_count = $absent_count
WHERE campaign_id = $campaign_id AND slice_no = $slice_no

-- name: slice.next_no
-- The number of the next slice of a campaign.
SELECT coalesce(max(slice_no), 0) + 1 FROM slice WHERE campaign_id = $campaign_id

-- name: slice.requeue
-- Add a slice with messages that are proved not accepted. $cut_as: the slice they were first cut into.
INSERT INTO slice (
    campaign_id, slice_no, window_key, message_count, segment_count, price, is_requeued, state, absent_count,
    not_before, cut_as, first_event_id
) VALUES (
    $campaign_id, $slice_no, $window_key, $message_count, $segment_count, $price, true, 'planned', 0, $not_before,
    $cut_as, $first_event_id
)

-- name: slice.take_out
-- staged_rows: WithdrawnMessages
-- Take messages out of their slices. Grain of the staged rows: one message. A slice without messages is settled.
-- $first_event_id: no event that takes them out is older.
UPDATE slice SET
    message_count = slice.message_count - gone.message_count,
    segment_count = slice.segment_count - gone.segment_count,
    price = slice.price - gone.price,
    first_event_id = coalesce(slice.first_event_id, $first_event_id),
    state = CASE WHEN slice.message_count = gone.message_count THEN 'settled' ELSE slice.state END
FROM (
    SELECT
        campaign_id, slice_no, count(*) AS message_count, sum(segment_count) AS segment_count,
        sum(CAST(price AS DECIMAL(18, 6))) AS price
    FROM staged_rows GROUP BY campaign_id, slice_no
) AS gone
WHERE gone.campaign_id = slice.campaign_id AND gone.slice_no = slice.slice_no

-- name: slice.left_by_others
-- One row per slice that was claimed by an owner who lost the lease: it is not known what the gateway did.
SELECT * FROM slice
WHERE campaign_id = $campaign_id AND state = 'claimed' AND fence < $fence ORDER BY slice_no

-- name: slice.unknown
-- One row per slice with unknown messages, in order.
SELECT * FROM slice
WHERE campaign_id = $campaign_id AND state = 'unknown' ORDER BY slice_no

-- name: slice.cancel_planned
-- Cancel the planned slices of a campaign, but not those with messages of $except_origin: a slice has one origin then.
UPDATE slice SET state = 'cancelled'
WHERE campaign_id = $campaign_id AND state = 'planned'
    AND cut_as NOT IN (SELECT slice_no FROM message WHERE campaign_id = $campaign_id AND origin = $except_origin)

-- name: slice.states
-- One row per state of a campaign's slices.
SELECT DISTINCT state FROM slice WHERE campaign_id = $campaign_id

-- name: slice.progress
-- One row: the counts of a campaign's messages, the credit spent, and $unit. Messages that were put back are counted in
-- their later slice. Each counted event happens at most once per message, and only a report follows it. So only
-- messages that were once unknown need their last event.
SELECT
    (SELECT count(*) FROM message WHERE campaign_id = $campaign_id) AS total,
    queue.*,
    doubts.*,
    fates.*,
    (
        SELECT coalesce(sum(amount), 0) FROM credit_entry
        WHERE campaign_id = $campaign_id AND kind IN ('capture', 'adjust')
    ) AS spent,
    CAST($unit AS VARCHAR) AS unit
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
