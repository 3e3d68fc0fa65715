-- Campaigns: found, written, approved, moved from state to state.

-- name: campaign.holds_absent
-- The campaigns of a gateway in which something waits that was put back because a look-up found no trace of it.
SELECT DISTINCT status.campaign_id
FROM message_status AS status JOIN campaign USING (campaign_id)
WHERE campaign.gateway = $gateway AND status.state = 'planned' AND status.reason = $absent

-- name: campaign.find
-- The name of a cancelled campaign may be used again, so the newest.
SELECT * FROM campaign WHERE name = $name ORDER BY campaign_id DESC LIMIT 1

-- name: campaign.paused
SELECT name FROM campaign WHERE state = 'paused' ORDER BY campaign_id

-- name: campaign.find_standing
-- The one campaign that holds all automatic answers, or all notices, of a gateway.
SELECT * FROM campaign WHERE kind = $kind AND gateway = $gateway

-- name: campaign.standing_of
SELECT * FROM campaign WHERE kind = $kind

-- name: campaign.get
SELECT * FROM campaign WHERE campaign_id = $campaign_id

-- name: campaign.names
SELECT name FROM campaign WHERE kind IN ('marketing', 'alert') ORDER BY campaign_id DESC LIMIT 20

-- name: campaign.next_id
SELECT coalesce(max(campaign_id), 0) + 1 FROM campaign

-- name: campaign.add
INSERT INTO campaign (
    campaign_id, name, kind, state, version, gateway, policy, sender_id, requested_service, emergency_reason, is_sample,
    draft, recap_hash, approved_hash, is_stopped, due_at, offer_ends_at, if_closed, max_lateness_hours, state_reason,
    created_at, updated_at
) VALUES (
    $campaign_id, $name, $kind, $state, $version, $gateway, $policy, $sender_id, $requested_service, $emergency_reason,
    $is_sample, $draft, NULL, NULL, false, $due_at, $offer_ends_at, $if_closed, $max_lateness_hours, NULL, $at, $at
)

-- name: campaign.rewrite
UPDATE campaign SET
    kind = $kind, version = $version, gateway = $gateway, policy = $policy, sender_id = $sender_id,
    requested_service = $requested_service, emergency_reason = $emergency_reason, is_sample = $is_sample, draft = $draft,
    due_at = $due_at, offer_ends_at = $offer_ends_at, if_closed = $if_closed, max_lateness_hours = $max_lateness_hours,
    stale_reason = NULL, updated_at = $at
WHERE campaign_id = $campaign_id

-- name: campaign.set_recap_hash
UPDATE campaign SET recap_hash = $recap_hash, updated_at = $at WHERE campaign_id = $campaign_id

-- name: campaign.approve
-- first_due_at stays; due_at moves on whenever the campaign is parked.
UPDATE campaign SET
    state = 'approved', approved_hash = recap_hash, due_at = $due_at, first_due_at = $first_due_at,
    updated_at = $at
WHERE campaign_id = $campaign_id AND state = 'prepared'

-- name: campaign.set_state
UPDATE campaign SET state = $state, state_reason = $state_reason, due_at = $due_at, updated_at = $at
WHERE campaign_id = $campaign_id

-- name: campaign.stop
UPDATE campaign SET is_stopped = true WHERE campaign_id = $campaign_id

-- name: campaign.due
-- An orphan (its sender is gone) is due too: its lease ran out while it was still sending.
SELECT
    campaign.campaign_id, campaign.name, campaign.kind, campaign.version, campaign.state, campaign.updated_at,
    coalesce(lease.fence, 0) AS fence, lease.run_id
FROM campaign
LEFT JOIN lease ON lease.campaign_id = campaign.campaign_id
WHERE campaign.state IN ('approved', 'parked', 'sending')
    AND campaign.due_at <= $at
    AND coalesce(lease.expires_at, $at) <= $at
ORDER BY campaign.kind, campaign.due_at

-- name: campaign.add_event
INSERT INTO campaign_event (campaign_id, event_no, event, version, actor, detail, recorded_at, after_event_id)
SELECT
    $campaign_id, coalesce(max(event_no), 0) + 1, $event, $version, $actor, $detail, $at,
    greatest(
        (SELECT coalesce(max(event_id), 0) FROM message_event),
        (SELECT coalesce(max(after_event_id), 0) FROM campaign_event)
    )
FROM campaign_event WHERE campaign_id = $campaign_id

-- name: campaign.events
SELECT event, version, actor, detail, recorded_at FROM campaign_event
WHERE campaign_id = $campaign_id ORDER BY event_no

-- name: campaign.committed
-- What the approved campaigns of a gateway still need: slices not yet claimed.
SELECT coalesce(sum(slice.price), 0)
FROM slice JOIN campaign USING (campaign_id)
WHERE slice.state = 'planned'
    AND campaign.gateway = $gateway
    AND campaign.state IN ('approved', 'sending', 'parked', 'paused')

-- name: campaign.make_stale
UPDATE campaign SET stale_reason = $stale_reason, updated_at = $at WHERE campaign_id = $campaign_id

-- name: campaign.stoppable
-- What people prepared and may still leave; Campanile's own answers, notices and tests are none of it.
SELECT * FROM campaign
WHERE kind IN ('marketing', 'alert') AND state IN ('approved', 'parked', 'sending') AND NOT is_stopped
ORDER BY campaign_id

-- name: campaign.forget_run
-- The run that was cancelled counts no more.
UPDATE lease SET run_id = NULL WHERE campaign_id = $campaign_id

-- name: campaign.ask_now
-- It was to be looked at when that clock's time comes.
UPDATE campaign SET due_at = $due_at
WHERE state IN ('parked', 'sending') AND due_at > $due_at
    AND campaign_id IN (SELECT campaign_id FROM slice WHERE state = 'unknown' AND claimed_at > $latest)

-- name: campaign.wake
-- staged_rows: WakingCampaigns
-- What waited for news without a time of its own goes on now.
UPDATE campaign SET due_at = $at, updated_at = $at
WHERE campaign_id IN (SELECT campaign_id FROM staged_rows) AND due_at IS NULL AND state IN ('parked', 'sending')

-- name: campaign.was_claimed
SELECT count(*) > 0 FROM message_event WHERE campaign_id = $campaign_id AND event IN ('claimed', 'unknown')

-- name: campaign.withdraw_approval
UPDATE campaign SET
    state = 'prepared', approved_hash = NULL, due_at = NULL, first_due_at = NULL, state_reason = NULL, updated_at = $at
WHERE campaign_id = $campaign_id

-- name: campaign.authors
-- Who prepared or revised it, in whatever version.
SELECT DISTINCT actor FROM campaign_event
WHERE campaign_id = $campaign_id AND event IN ('prepared', 'revised')

-- name: campaign.count_staying
-- Messages that a STOP, or the news that their number does not exist, keeps back; each counts once.
SELECT
    count(*) FILTER (is_opted_out) AS opted_out_count,
    count(*) FILTER (is_dead AND NOT is_opted_out) AS dead_count
FROM (
    SELECT
        opt_out.number_id IS NOT NULL AND $opt_outs_bind AS is_opted_out,
        dead_number.number_id IS NOT NULL AS is_dead
    FROM message
    LEFT JOIN opt_out ON opt_out.number_id = message.number_id
    LEFT JOIN dead_number ON dead_number.number_id = message.number_id
    WHERE message.campaign_id = $campaign_id
)

-- name: campaign.count_served
-- Recipients who had that many marketing messages since then, or will have from campaigns that are approved.
SELECT count(*) FROM message
SEMI JOIN (
    SELECT number_id FROM marketing_message
    WHERE campaign_id <> $campaign_id AND (is_open OR accepted_at >= $counted_since)
    GROUP BY number_id HAVING count(*) >= $most_messages
) AS served USING (number_id)
WHERE message.campaign_id = $campaign_id

-- name: campaign.loads
-- How much each place has, in the order of the queue, and the hour of its own.
SELECT
    window_key,
    CAST(sum(message_count) AS BIGINT) AS message_count,
    CAST(sum(segment_count) AS BIGINT) AS segment_count,
    any_value(not_before) AS not_before
FROM slice
WHERE campaign_id = $campaign_id GROUP BY window_key ORDER BY min(slice_no)

-- name: campaign.committed_to_alerts
-- The part of campaign.committed that an emergency must leave alone.
SELECT coalesce(sum(slice.price), 0)
FROM slice JOIN campaign USING (campaign_id)
WHERE slice.state = 'planned'
    AND campaign.gateway = $gateway
    AND campaign.kind <> 'marketing'
    AND campaign.state IN ('approved', 'sending', 'parked', 'paused')
