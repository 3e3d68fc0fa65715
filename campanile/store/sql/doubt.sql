-- What a store that is older than its mark may not know.

-- name: doubt.open_campaigns
-- Something of them may have been sent since.
SELECT campaign_id FROM campaign WHERE state IN ('approved', 'sending', 'parked', 'paused') ORDER BY campaign_id

-- name: doubt.add_events
-- Nothing is claimed here, so no opt-out, window or credit is looked at: the next claim does, where there is one.
INSERT INTO message_event
SELECT
    $first_event_id - 1 + row_number() OVER (ORDER BY campaign_id, slice_no, recipient_id),
    campaign_id, recipient_id, 'unknown', slice_no, NULL, NULL, $reason, $at
FROM message_status
WHERE list_contains($campaign_ids, campaign_id) AND state IN ('planned', 'claimed')

-- name: doubt.reserve
-- What was claimed or unknown has its reserve.
INSERT INTO credit_entry
SELECT
    latest.entry_id + row_number() OVER (ORDER BY slice.campaign_id, slice.slice_no),
    campaign.gateway, slice.campaign_id, slice.slice_no, 'reserve', slice.price, $at
FROM slice
JOIN campaign USING (campaign_id), (SELECT coalesce(max(entry_id), 0) AS entry_id FROM credit_entry) AS latest
WHERE list_contains($campaign_ids, slice.campaign_id) AND slice.state = 'planned' AND slice.price <> 0

-- name: doubt.make_slices_unknown
-- Fence 0: no sender that is known posted it, so it is looked up and never posted again under its key. The gateway is
-- asked from the first moment on at which it may have been posted.
UPDATE slice SET
    state = 'unknown',
    fence = 0,
    claimed_at = least(coalesce(slice.claimed_at, $posted_since), $posted_since),
    ask_after = greatest(coalesce(slice.ask_after, $ask_after), $ask_after),
    absent_count = 0,
    first_event_id = coalesce(slice.first_event_id, found.first_event_id)
FROM (
    SELECT campaign_id, slice_no, min(event_id) AS first_event_id FROM message_event
    WHERE list_contains($campaign_ids, campaign_id) GROUP BY campaign_id, slice_no
) AS found
WHERE found.campaign_id = slice.campaign_id
    AND found.slice_no = slice.slice_no
    AND slice.state IN ('planned', 'claimed', 'unknown')

-- name: doubt.fence_off
-- A sender of the life that was lost may still run: whatever its fence, it is an old one now.
UPDATE lease SET fence = greatest(fence + 1, $fence), expires_at = least(expires_at, $at)
WHERE list_contains($campaign_ids, campaign_id)

-- name: doubt.add_leases
INSERT INTO lease (campaign_id, fence, owner, expires_at, run_id)
SELECT campaign_id, $fence, 'reconciliation', campaign.created_at, NULL FROM campaign
WHERE list_contains($campaign_ids, campaign_id) AND campaign_id NOT IN (SELECT campaign_id FROM lease)

-- name: doubt.campaigns
-- What a person reads before they confirm: the campaigns that go on, and those that may be approved once more.
SELECT
    campaign.name, campaign.state, campaign.due_at,
    coalesce(counted.planned_count, 0) AS planned_count,
    coalesce(counted.unknown_count, 0) AS unknown_count
FROM campaign
LEFT JOIN (
    SELECT
        campaign_id,
        count(*) FILTER (state = 'planned') AS planned_count,
        count(*) FILTER (state = 'unknown') AS unknown_count
    FROM message_status GROUP BY campaign_id
) AS counted USING (campaign_id)
WHERE campaign.state IN ('prepared', 'approved', 'sending', 'parked', 'paused')
ORDER BY campaign.campaign_id

-- name: doubt.gateways
-- Every gateway that something was sent by, or is to be.
SELECT DISTINCT gateway FROM campaign ORDER BY gateway

-- name: doubt.probe
-- Of each place the messages that leave first, of those that were never tried: what a lost life would have sent next.
-- One of each place before a second one of any: which of them were open in that life, nobody knows.
SELECT client_ref, msisdn, text, encoding, sender_id, CAST(NULL AS TIMESTAMPTZ) AS valid_until
FROM (
    SELECT
        message.*, first.slice_rank,
        row_number() OVER (PARTITION BY message.slice_no ORDER BY message.recipient_id) AS message_rank
    FROM message
    JOIN (
        SELECT slice_no, row_number() OVER (PARTITION BY window_key ORDER BY slice_no) AS slice_rank FROM slice
        WHERE campaign_id = $campaign_id AND state = 'planned' AND NOT is_requeued
        QUALIFY slice_rank <= 2
    ) AS first USING (slice_no)
    WHERE message.campaign_id = $campaign_id
)
WHERE message_rank <= 2
ORDER BY message_rank, slice_rank, slice_no -- guard: one-per-territory
LIMIT $most
