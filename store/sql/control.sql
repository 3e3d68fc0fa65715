-- Hands on a campaign on its way: hold it, let it go on, decide what nobody knows.

-- name: campaign.stoppable
-- What people prepared and may still leave; Campanile's own answers, notices and tests are none of it.
SELECT * FROM campaign
WHERE kind IN ('marketing', 'alert') AND state IN ('approved', 'parked', 'sending') AND NOT is_stopped
ORDER BY campaign_id

-- name: campaign.forget_run
-- The run that was cancelled counts no more.
UPDATE lease SET run_id = NULL WHERE campaign_id = $campaign_id

-- name: clock.newest
-- The newest time that was recorded, or, since somebody confirmed the clock, of what was recorded since; that moment
-- itself counts then.
WITH confirmed AS (
    SELECT
        CAST(value ->> '$.event_id' AS BIGINT) AS event_id,
        CAST(value ->> '$.at' AS TIMESTAMPTZ) AS confirmed_at
    FROM operator_setting WHERE name = 'clock_confirmed' ORDER BY setting_id DESC LIMIT 1
)
SELECT greatest(
    (SELECT confirmed_at FROM confirmed),
    (SELECT max(recorded_at) FROM message_event WHERE event_id >= coalesce((SELECT event_id FROM confirmed), 0)),
    (
        SELECT max(recorded_at) FROM campaign_event
        WHERE coalesce(after_event_id, 0) >= coalesce((SELECT event_id FROM confirmed), 0)
    )
) AS newest_at

-- name: slice.count_ahead
SELECT count(*) FROM slice WHERE state = 'unknown' AND claimed_at > $latest

-- name: slice.distrust_ahead
-- Fence 0: as after a restore, nobody posts it again under its key. It was posted after $oldest, whatever its clock said.
UPDATE slice SET fence = 0, claimed_at = least(campaign.created_at, $oldest), ask_after = $ask_after, absent_count = 0
FROM campaign
WHERE campaign.campaign_id = slice.campaign_id AND slice.state = 'unknown' AND slice.claimed_at > $latest

-- name: campaign.ask_now
-- It was to be looked at when that clock's time comes.
UPDATE campaign SET due_at = $due_at
WHERE state IN ('parked', 'sending') AND due_at > $due_at
    AND campaign_id IN (SELECT campaign_id FROM slice WHERE state = 'unknown' AND claimed_at > $latest)

-- name: lease.end_now
-- Where the clock went back a lease would hold too long; an owner who is there extends it at its next transaction.
UPDATE lease SET expires_at = least(expires_at, $at) WHERE campaign_id = $campaign_id

-- name: campaign.wake
-- staged_rows: campaign_id BIGINT
-- What waited for news without a time of its own goes on now.
UPDATE campaign SET due_at = $at, updated_at = $at
WHERE campaign_id IN (SELECT campaign_id FROM staged_rows) AND due_at IS NULL AND state IN ('parked', 'sending')

-- name: unknown.list
-- One row a message whose fate nobody knows, in slices that no sender holds any more.
SELECT
    message.recipient_id, message.msisdn, message.segment_count, CAST(message.price AS VARCHAR) AS price,
    slice.slice_no, slice.claimed_at, slice.ask_after, latest.reason
FROM (
    SELECT
        recipient_id,
        arg_max(event, event_id) AS state,
        arg_max(slice_no, event_id) AS slice_no,
        arg_max_null(reason, event_id) AS reason
    FROM message_event
    WHERE campaign_id = $campaign_id AND recipient_id IN (
        SELECT recipient_id FROM message_event WHERE campaign_id = $campaign_id AND event = 'unknown'
    )
    GROUP BY recipient_id
) AS latest
JOIN message ON message.campaign_id = $campaign_id AND message.recipient_id = latest.recipient_id
JOIN slice ON slice.campaign_id = $campaign_id AND slice.slice_no = latest.slice_no
WHERE latest.state = 'unknown' AND slice.state = 'unknown'
ORDER BY slice.slice_no, message.recipient_id
