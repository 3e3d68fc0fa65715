-- Campaigns: find, write, approve, change the state.

-- name: campaign.holds_absent
-- One row per campaign of a gateway with planned messages that a look-up did not find. $absent: the reason of that
-- event.
SELECT DISTINCT status.campaign_id
FROM message_status AS status JOIN campaign USING (campaign_id)
WHERE campaign.gateway = $gateway AND status.state = 'planned' AND status.reason = $absent

-- name: campaign.find
-- The newest campaign of a name: the name of a cancelled campaign may be used again.
SELECT * FROM campaign WHERE name = $name ORDER BY campaign_id DESC LIMIT 1

-- name: campaign.set_answer_policy
-- Set the policy whose sending hours bind the automatic answers of all gateways.
UPDATE campaign SET policy = $policy WHERE kind = 'auto_reply' AND policy <> $policy

-- name: campaign.is_sender
-- Which of the texts $senders are senders of our own campaigns, with or without a plus.
SELECT DISTINCT sender FROM (SELECT unnest($senders) AS sender) AS asked
SEMI JOIN campaign ON ltrim(campaign.sender_id, '+') = ltrim(asked.sender, '+')

-- name: campaign.was_sent_since
-- Whether a campaign that people prepared was sent since then: whether one of its slices was claimed.
SELECT count(*) > 0 FROM slice JOIN campaign USING (campaign_id)
WHERE campaign.kind IN ('marketing', 'alert') AND slice.claimed_at >= $since

-- name: campaign.paused
-- One row per paused campaign, the oldest first.
SELECT name FROM campaign WHERE state = 'paused' ORDER BY campaign_id

-- name: campaign.find_standing
-- The one campaign with all automatic answers, or all notices, of a gateway. $kind: 'auto_reply' or 'notice'.
SELECT * FROM campaign WHERE kind = $kind AND gateway = $gateway

-- name: campaign.standing_of
-- One row per campaign of a kind: of 'auto_reply' and 'notice' each gateway has one.
SELECT * FROM campaign WHERE kind = $kind

-- name: campaign.get
-- One campaign by its key.
SELECT * FROM campaign WHERE campaign_id = $campaign_id

-- name: campaign.gateways
-- The gateways of all campaigns.
SELECT DISTINCT gateway FROM campaign ORDER BY gateway

-- name: campaign.names
-- The names of the 20 newest campaigns that people prepared, for error messages.
SELECT name FROM campaign WHERE kind IN ('marketing', 'alert') ORDER BY campaign_id DESC LIMIT 20

-- name: campaign.next_id
-- The number of the next campaign.
SELECT coalesce(max(campaign_id), 0) + 1 FROM campaign

-- name: campaign.add
-- Add a campaign without a recap. $at: its time of creation.
INSERT INTO campaign (
    campaign_id, name, kind, state, version, gateway, policy, sender_id, requested_service, emergency_reason, is_sample,
    draft, recap_hash, approved_hash, is_stopped, due_at, offer_ends_at, if_closed, max_lateness_hours, state_reason,
    created_at, updated_at
) VALUES (
    $campaign_id, $name, $kind, $state, $version, $gateway, $policy, $sender_id, $requested_service, $emergency_reason,
    $is_sample, $draft, NULL, NULL, false, $due_at, $offer_ends_at, $if_closed, $max_lateness_hours, NULL, $at, $at
)

-- name: campaign.rewrite
-- Overwrite a campaign that is prepared again. $version: the new version.
UPDATE campaign SET
    kind = $kind, version = $version, gateway = $gateway, policy = $policy, sender_id = $sender_id,
    requested_service = $requested_service, emergency_reason = $emergency_reason, is_sample = $is_sample,
    draft = $draft, due_at = $due_at, offer_ends_at = $offer_ends_at, if_closed = $if_closed,
    max_lateness_hours = $max_lateness_hours, stale_reason = NULL, updated_at = $at
WHERE campaign_id = $campaign_id

-- name: campaign.set_recap_hash
-- Record the hash of the recap of the current version.
UPDATE campaign SET recap_hash = $recap_hash, updated_at = $at WHERE campaign_id = $campaign_id

-- name: campaign.approve
-- Lock a campaign with the hash of its recap. No row is changed when it is not prepared. first_due_at keeps its value;
-- due_at moves each time the campaign is parked.
UPDATE campaign SET
    state = 'approved', approved_hash = recap_hash, due_at = $due_at, first_due_at = $first_due_at,
    updated_at = $at
WHERE campaign_id = $campaign_id AND state = 'prepared'

-- name: campaign.set_state
-- Change the state of a campaign. $due_at: when a run must send it next; NULL: never by the clock.
UPDATE campaign SET state = $state, state_reason = $state_reason, due_at = $due_at, updated_at = $at
WHERE campaign_id = $campaign_id

-- name: campaign.stop
-- Stop a campaign for good: nothing more of it is claimed.
UPDATE campaign SET is_stopped = true WHERE campaign_id = $campaign_id

-- name: campaign.due
-- One row per campaign that a run must send now. An orphan is due too: its lease ended while it was in state sending.
-- fence and run_id are those of its last lease; 0 and NULL without one.
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
-- Add one line to the history of a campaign. Key: (campaign_id, event_no). after_event_id orders it among the message
-- events.
INSERT INTO campaign_event (campaign_id, event_no, event, version, actor, detail, recorded_at, after_event_id)
SELECT
    $campaign_id, coalesce(max(event_no), 0) + 1, $event, $version, $actor, $detail, $at,
    greatest(
        (SELECT coalesce(max(event_id), 0) FROM message_event),
        (SELECT coalesce(max(after_event_id), 0) FROM campaign_event)
    )
FROM campaign_event WHERE campaign_id = $campaign_id

-- name: campaign.events
-- The history of a campaign: one row per event, in order.
SELECT event, version, actor, detail, recorded_at FROM campaign_event
WHERE campaign_id = $campaign_id ORDER BY event_no

-- name: campaign.make_stale
-- Record why a recap is out of date. $stale_reason: what changed.
UPDATE campaign SET stale_reason = $stale_reason, updated_at = $at WHERE campaign_id = $campaign_id

-- name: campaign.stoppable
-- One row per campaign of people that can still send messages. Campanile's own answers, notices and tests are not
-- included.
SELECT * FROM campaign
WHERE kind IN ('marketing', 'alert') AND state IN ('approved', 'parked', 'sending') AND NOT is_stopped
ORDER BY campaign_id

-- name: campaign.forget_run
-- Remove the run from a lease: it was cancelled.
UPDATE lease SET run_id = NULL WHERE campaign_id = $campaign_id

-- name: campaign.ask_now
-- Bring forward the campaigns whose unknown slices were claimed on a clock that was ahead: they waited until that
-- clock's time. $latest: a claim after it is in the future. $due_at: when to look at them instead.
UPDATE campaign SET due_at = $due_at
WHERE state IN ('parked', 'sending') AND due_at > $due_at
    AND campaign_id IN (SELECT campaign_id FROM slice WHERE state = 'unknown' AND claimed_at > $latest)

-- name: campaign.wake
-- staged_rows: WakingCampaigns
-- Make campaigns due now that waited for news of unknown messages and had no due_at.
UPDATE campaign SET due_at = $at, updated_at = $at
WHERE campaign_id IN (SELECT campaign_id FROM staged_rows) AND due_at IS NULL AND state IN ('parked', 'sending')

-- name: campaign.was_claimed
-- Whether a message of the campaign was ever claimed, or became unknown after a restore.
SELECT count(*) > 0 FROM message_event WHERE campaign_id = $campaign_id AND event IN ('claimed', 'unknown')

-- name: campaign.withdraw_approval
-- Undo the approval: the campaign is prepared again.
UPDATE campaign SET
    state = 'prepared', approved_hash = NULL, due_at = NULL, first_due_at = NULL, state_reason = NULL, updated_at = $at
WHERE campaign_id = $campaign_id

-- name: campaign.authors
-- One row per person who prepared or revised a version of the campaign.
SELECT DISTINCT actor FROM campaign_event
WHERE campaign_id = $campaign_id AND event IN ('prepared', 'revised')

-- name: campaign.count_staying
-- One row: how many messages are not sent because of an opt-out or a dead number. A message counts once, as opted out
-- if both hold. $opt_outs_bind: false for an alert with requested_service.
SELECT
    count(*) FILTER (is_opted_out) AS opted_out_count,
    count(*) FILTER (is_dead AND NOT is_opted_out) AS dead_count
FROM (
    SELECT
        opt_out.opt_out_key IS NOT NULL AND $opt_outs_bind AS is_opted_out,
        dead_number.number_id IS NOT NULL AS is_dead
    FROM message
    LEFT JOIN opt_out ON opt_out.opt_out_key = opt_out_key(message.number_id)
    LEFT JOIN dead_number ON dead_number.number_id = message.number_id
    WHERE message.campaign_id = $campaign_id
)

-- name: campaign.count_served
-- The number of recipients who have $most_messages marketing messages or more. Counted are messages accepted from
-- $counted_since on, and those that approved campaigns may still send.
SELECT count(*) FROM message
SEMI JOIN (
    SELECT number_id FROM marketing_message
    WHERE campaign_id <> $campaign_id AND (is_open OR accepted_at >= $counted_since)
    GROUP BY number_id HAVING count(*) >= $most_messages
) AS served USING (number_id)
WHERE message.campaign_id = $campaign_id

-- name: campaign.loads
-- One row per window_key in the order of the queue: message and segment counts, and the time of its own that it waits
-- for.
SELECT
    window_key,
    CAST(sum(message_count) AS BIGINT) AS message_count,
    CAST(sum(segment_count) AS BIGINT) AS segment_count,
    any_value(not_before) AS not_before
FROM slice
WHERE campaign_id = $campaign_id GROUP BY window_key ORDER BY min(slice_no)
