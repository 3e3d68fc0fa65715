-- Reconciliation: a store that is older than its mark does not know what was sent since.

-- name: doubt.open_campaigns
-- One row per campaign that may have sent messages since.
SELECT campaign_id FROM campaign WHERE state IN ('approved', 'sending', 'parked', 'paused') ORDER BY campaign_id

-- name: doubt.add_events
-- Make the planned and claimed messages unknown. Nothing is claimed here, so opt-outs, windows and credit are not
-- checked; the next claim checks them, if there is one.
INSERT INTO message_event
SELECT
    $first_event_id - 1 + row_number() OVER (ORDER BY campaign_id, slice_no, recipient_id),
    campaign_id, recipient_id, 'unknown', slice_no, NULL, NULL, $reason, $at
FROM message_status
WHERE list_contains($campaign_ids, campaign_id) AND state IN ('planned', 'claimed')

-- name: doubt.reserve
-- Reserve the credit of planned slices. Claimed and unknown slices already have their reserve.
INSERT INTO credit_entry
SELECT
    latest.entry_id + row_number() OVER (ORDER BY slice.campaign_id, slice.slice_no),
    campaign.gateway, slice.campaign_id, slice.slice_no, 'reserve', slice.price, $at
FROM slice
JOIN campaign USING (campaign_id), (SELECT coalesce(max(entry_id), 0) AS entry_id FROM credit_entry) AS latest
WHERE list_contains($campaign_ids, slice.campaign_id) AND slice.state = 'planned' AND slice.price <> 0

-- name: doubt.make_slices_unknown
-- Make the open slices unknown. Fence 0 means that no known sender posted the slice: it is looked up and never posted
-- again under its key. $posted_since: the first moment at which it may have been posted. $ask_after: from when on the
-- gateway may be asked.
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
-- Outdate each lease: a sender of the lost store may still run. Its fence is too low afterwards, whatever it was.
UPDATE lease SET fence = greatest(fence + 1, $fence), expires_at = least(expires_at, $at)
WHERE list_contains($campaign_ids, campaign_id)

-- name: doubt.add_leases
-- Add an expired lease with the new fence to campaigns without a lease.
INSERT INTO lease (campaign_id, fence, owner, expires_at, run_id)
SELECT campaign_id, $fence, 'reconciliation', campaign.created_at, NULL FROM campaign
WHERE list_contains($campaign_ids, campaign_id) AND campaign_id NOT IN (SELECT campaign_id FROM lease)

-- name: doubt.campaigns
-- One row per campaign that continues after the confirmation, or that may be approved again. A person reads it before
-- the confirmation.
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
-- One row per gateway that sent something or will send something.
SELECT DISTINCT gateway FROM campaign ORDER BY gateway

-- name: doubt.probe
-- The messages that the lost store would have sent next: never tried, the earliest slices of each window_key first, at
-- most $most. One message per window_key comes before a second one of any: it is not known which windows were open
-- then.
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
